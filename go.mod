module github.com/franela/pocketci

go 1.26.8
