module dagger/pocketci

go 1.25.0
