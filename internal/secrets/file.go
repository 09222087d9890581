package secrets

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFile is the greatest size of a file with a secret, in bytes.
const maxFile = 1 << 20

// readFile reads the secret in a file: its text, without the line break at the
// end if it has a single line. Errors do not name the file, as people can see
// them who are not to know the agent's host; exposed says that others than the
// file's owner can read it.
func readFile(path string) (value string, exposed bool, err error) {
	data, mode, err := readRegular(path)
	if err != nil {
		if of, ok := errors.AsType[*fs.PathError](err); ok {
			err = of.Err
		}
		return "", false, err
	}
	switch {
	case len(data) > maxFile:
		return "", false, fmt.Errorf("its file is larger than %d bytes", maxFile)
	case !utf8.Valid(data) || strings.ContainsRune(string(data), 0):
		return "", false, errors.New("its file is not text")
	}
	value = string(data)
	line := strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
	if !strings.ContainsAny(line, "\r\n") {
		value = line
	}
	return value, mode.Perm()&0o044 != 0, nil
}

// readRegular reads a file that is not a device or a pipe, which could keep the
// agent waiting for ever.
func readRegular(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	return data, info.Mode(), err
}
