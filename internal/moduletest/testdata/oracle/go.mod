module oracle

go 1.25.0

require dagger/pocketci v0.0.0

replace dagger/pocketci => ../../../../pocketci-module
