package settings

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FileName is the name of the file in the data directory.
const FileName = "agent.yaml"

// misnamed are files that were probably meant to be FileName.
var misnamed = []string{"agent.yml", "pocketci.yaml"}

// Load reads the file at a path, or if that is empty FileName in the data
// directory, where it may be missing: then the settings are zero. What is wrong
// in the file is an [Errors].
func Load(path, dataDir string) (*Settings, error) {
	wanted := path != ""
	if !wanted {
		path = filepath.Join(dataDir, FileName)
	}
	data, err := ReadFile(path)
	// ENOTDIR: the data directory is a file, which is for others to say.
	if !wanted && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)) {
		for _, name := range misnamed {
			if _, err := os.Stat(filepath.Join(dataDir, name)); err == nil {
				return nil, Errors{{File: filepath.Join(dataDir, name), Line: 1, Column: 1, Message: "the agent reads " + FileName + "; rename the file"}}
			}
		}
		return &Settings{}, nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the agent's configuration: %w; write it, or name another file with --config", err)
	case err != nil:
		return nil, fmt.Errorf("read the agent's configuration: %w", err)
	}
	return Parse(path, data)
}

// ReadFile reads the file for [Parse], and no more of it than is needed to see that it
// is too large.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}
