package signed

import (
	"encoding/json"
	"io/fs"
	"slices"
)

// Files are the texts that a pattern is made of.
type Files struct {
	// Entrypoint is the name of the file that is read first.
	Entrypoint string `json:"entrypoint"`
	// Files are all of the texts by their names: paths with slashes, relative
	// to a folder that they do not leave.
	Files map[string]string `json:"files"`
}

// ReadFiles reads a pattern that is given by the texts of its files: an object with
// the keys entrypoint and files and no others. Every other pattern is one itself,
// for which ok is false. The error has [ErrClaims] in its chain.
func ReadFiles(pattern json.RawMessage) (files Files, ok bool, err error) {
	object, err := readObject(pattern)
	if err != nil || object["entrypoint"] == nil && object["files"] == nil {
		return Files{}, false, nil
	}
	for name := range object {
		if !slices.Contains([]string{"entrypoint", "files"}, name) {
			return Files{}, false, refuse(ErrClaims, "%s.pattern has the key %s beside entrypoint and files", Own, brief(name))
		}
	}
	if err := readText(object, "entrypoint", &files.Entrypoint); err != nil {
		return Files{}, false, refuse(ErrClaims, "%s.pattern.%v", Own, err)
	}
	texts, err := readObject(object["files"])
	if err != nil {
		return Files{}, false, refuse(ErrClaims, "%s.pattern.files: %v", Own, err)
	}
	files.Files = map[string]string{}
	for name := range texts {
		if name == "." || !fs.ValidPath(name) {
			return Files{}, false, refuse(ErrClaims, "%s.pattern.files: %s is not a path within a folder", Own, brief(name))
		}
		var text string
		if err := readText(texts, name, &text); err != nil {
			return Files{}, false, refuse(ErrClaims, "%s.pattern.files: %s is not a string", Own, brief(name))
		}
		files.Files[name] = text
	}
	if _, ok := files.Files[files.Entrypoint]; !ok {
		return Files{}, false, refuse(ErrClaims, "%s.pattern.entrypoint is none of the files", Own)
	}
	return files, true, nil
}
