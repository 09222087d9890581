// Package bundle is the form in which the agent stores a module that is in no
// repository: the files of one folder, checked, in an archive that comes out the same
// for the same files, and as a git commit that has the same sha wherever it is made.
//
// An archive may have come from anybody. What [Unpack] returns names nothing outside
// of its folder, whoever writes it where.
package bundle

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a module may consist of. They are far above what people write.
const (
	// MaxFiles is how many files there may be, symbolic links included.
	MaxFiles = 5000
	// MaxSize is how many bytes all of them may have together.
	MaxSize = 16 << 20
	// MaxPacked is how many bytes an archive may have.
	MaxPacked = 16 << 20
	// maxName is the longest name of a file and the longest target of a link, in
	// bytes.
	maxName = 1024
)

// File is one file of a module.
type File struct {
	// Name is the path below the module's folder, slash-separated.
	Name string
	// Data is the content, and Exec says that it may be executed.
	Data []byte
	Exec bool
	// Link is the target if the file is a symbolic link, which has no Data.
	Link string
}

// Error says what is wrong with the files of a module.
type Error struct {
	// Name is that of the file, empty if it is about all of them.
	Name string
	// Reason completes a sentence that begins with the name.
	Reason string
}

func (e *Error) Error() string {
	if e.Name == "" {
		return e.Reason
	}
	return printable(e.Name) + " " + e.Reason
}

func fault(name, format string, args ...any) error {
	return &Error{Name: name, Reason: fmt.Sprintf(format, args...)}
}

// Check sorts the files by name and returns an [*Error] unless they can be those of
// a module: within the limits, each named once, by a name that stays in the folder on
// every system, and without a link that leaves it.
func Check(files []File) error {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if len(files) > MaxFiles {
		return fault("", "there are %d files, more than %d; have .gitignore leave out what is not of the module", len(files), MaxFiles)
	}
	var size int64
	known := map[string]bool{}
	for i := range files {
		f := &files[i]
		if err := checkName(f.Name); err != nil {
			return err
		}
		if known[f.Name] {
			return fault(f.Name, "is there twice")
		}
		known[f.Name] = true
		if f.Link != "" {
			if err := checkLink(f); err != nil {
				return err
			}
		}
		if size += int64(len(f.Data)); size > MaxSize {
			return tooLarge()
		}
	}
	for _, f := range files {
		// A name that leads through a link could lead anywhere.
		for dir := path.Dir(f.Name); dir != "."; dir = path.Dir(dir) {
			if known[dir] {
				return fault(dir, "is a file and has the file %s below it", printable(f.Name))
			}
		}
	}
	return nil
}

func tooLarge() error {
	return fault("", "the files have more than %d MiB together; have .gitignore leave out what is not of the module", MaxSize>>20)
}

func checkName(name string) error {
	switch {
	case name == "":
		return fault("", "a file has no name")
	case len(name) > maxName:
		return fault(name, "is a name of more than %d bytes", maxName)
	case !utf8.ValidString(name), strings.ContainsFunc(name, unicode.IsControl):
		return fault(name, "is a name with characters that cannot be printed")
	case path.IsAbs(name):
		return fault(name, "is an absolute path")
	case strings.Contains(name, `\`):
		return fault(name, "has a backslash in its name")
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return fault(name, "is no plain path below the module's folder")
		case strings.EqualFold(part, ".git"):
			return fault(name, "is a part of a git repository, which no module has")
		}
	}
	return nil
}

// checkLink refuses links that leave the folder. A target with .. behind a name could
// go up from where another link leads to, so that only those in front are taken.
func checkLink(f *File) error {
	switch {
	case len(f.Data) > 0:
		return fault(f.Name, "is a symbolic link with content")
	case len(f.Link) > maxName:
		return fault(f.Name, "is a symbolic link to a path of more than %d bytes", maxName)
	case !utf8.ValidString(f.Link), strings.ContainsFunc(f.Link, unicode.IsControl), strings.Contains(f.Link, `\`):
		return fault(f.Name, "is a symbolic link to a path with characters that no path should have")
	case path.IsAbs(f.Link), !filepath.IsLocal(path.Join(path.Dir(f.Name), f.Link)):
		return fault(f.Name, "is a symbolic link that leaves the module's folder")
	case path.Clean(f.Link) != f.Link:
		return fault(f.Name, "is a symbolic link to %s, which is not written plainly", printable(f.Link))
	}
	return nil
}

// Size is how many bytes files have together.
func Size(files []File) int64 {
	var size int64
	for _, f := range files {
		size += int64(len(f.Data))
	}
	return size
}

// printable cuts a name to what may stand in a message.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
