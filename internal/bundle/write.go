package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Write makes the folder dir, which must not exist or be empty, and the files in it. It
// goes through an [os.Root], so that whatever files say, nothing is written outside.
func Write(dir string, files []File) (err error) {
	if err := Check(files); err != nil {
		return err
	}
	switch err := os.Mkdir(dir, 0o755); {
	case errors.Is(err, fs.ErrExist):
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("write the module: %w", err)
		}
		if len(entries) > 0 {
			return fmt.Errorf("write the module: %s is not empty", dir)
		}
	case err != nil:
		return fmt.Errorf("write the module: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write the module: %w", err)
	}
	defer root.Close()
	for _, f := range files {
		if err := write(root, f); err != nil {
			return fmt.Errorf("write %s: %w", printable(f.Name), err)
		}
	}
	return nil
}

func write(root *os.Root, f File) error {
	if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
		return err
	}
	if f.Link != "" {
		return root.Symlink(f.Link, f.Name)
	}
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	out, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	return errors.Join(err, out.Close())
}
