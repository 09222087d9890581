module dagger/ci

go 1.25.0
