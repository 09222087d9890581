package apply

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// stateVersion is the version of the state's file.
const stateVersion = 1

// Journal keeps a state in a file.
type Journal struct{ Path string }

// file is what the file has.
type file struct {
	Version int `json:"version"`
	State
}

// Load reads the state. There is none before the first run.
func (j Journal) Load() (*State, error) {
	data, err := os.ReadFile(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return &State{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read the state in %s: %w", j.Path, err)
	}
	if f.Version != stateVersion {
		return nil, fmt.Errorf("read the state in %s: it is of version %d, this program knows version %d", j.Path, f.Version, stateVersion)
	}
	return &f.State, nil
}

// Save writes the state so that it survives a crash of the machine: either this one
// is there afterwards or the one before.
func (j Journal) Save(s *State) error {
	data, err := json.Marshal(file{stateVersion, *s})
	if err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	if err := WriteFile(j.Path, data); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	return nil
}

// WriteFile replaces a file, which only its owner can read, by one with the data or
// leaves it as it is.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
