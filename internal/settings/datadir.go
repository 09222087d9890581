package settings

import (
	"os"
	"path/filepath"
)

// DefaultDataDir is the agent's data directory where none is given: pocketci in
// the folder that the XDG base directory specification has for data. It is empty
// if there is no home directory.
func DefaultDataDir(getenv func(string) string) string {
	if dir := getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pocketci")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "pocketci")
}
