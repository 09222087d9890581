package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// SHA is the sha of the commit that [Commit] makes.
func SHA(files []File) (string, error) { return commit(memory.NewStorage(), files) }

// Commit writes the commit of the files to the objects of a bare repository, without a
// ref, and returns its sha. It has no parent, and author, time and message are always the
// same, so that the same files are the same commit everywhere.
func Commit(gitDir string, files []File) (string, error) {
	return commit(filesystem.NewStorage(osfs.New(gitDir), cache.NewObjectLRUDefault()), files)
}

func commit(objects storer.EncodedObjectStorer, files []File) (string, error) {
	if err := Check(files); err != nil {
		return "", err
	}
	top, err := tree(objects, files, "")
	if err != nil {
		return "", fmt.Errorf("make a commit of the module: %w", err)
	}
	who := object.Signature{Name: "pocketci", When: time.Unix(0, 0).UTC()}
	sha, err := encode(objects, &object.Commit{Author: who, Committer: who, Message: "stored module\n", TreeHash: top})
	if err != nil {
		return "", fmt.Errorf("make a commit of the module: %w", err)
	}
	return sha.String(), nil
}

// tree writes the folder whose files, sorted, all have the prefix in their names. The
// order of whole paths is git's, which compares the name of a folder as if it ended with
// a slash.
func tree(objects storer.EncodedObjectStorer, files []File, prefix string) (plumbing.Hash, error) {
	var t object.Tree
	for len(files) > 0 {
		name, _, below := strings.Cut(files[0].Name[len(prefix):], "/")
		entry := object.TreeEntry{Name: name, Mode: mode(&files[0])}
		n := 1
		var err error
		if below {
			inside := prefix + name + "/"
			if n = slices.IndexFunc(files, func(f File) bool { return !strings.HasPrefix(f.Name, inside) }); n < 0 {
				n = len(files)
			}
			entry.Mode = filemode.Dir
			entry.Hash, err = tree(objects, files[:n], inside)
		} else {
			entry.Hash, err = blob(objects, &files[0])
		}
		if err != nil {
			return plumbing.ZeroHash, err
		}
		t.Entries = append(t.Entries, entry)
		files = files[n:]
	}
	return encode(objects, &t)
}

func mode(f *File) filemode.FileMode {
	switch {
	case f.Link != "":
		return filemode.Symlink
	case f.Exec:
		return filemode.Executable
	}
	return filemode.Regular
}

func blob(objects storer.EncodedObjectStorer, f *File) (plumbing.Hash, error) {
	data := f.Data
	if f.Link != "" {
		data = []byte(f.Link)
	}
	o := objects.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		return plumbing.ZeroHash, err
	}
	return objects.SetEncodedObject(o)
}

func encode(objects storer.EncodedObjectStorer, v interface {
	Encode(plumbing.EncodedObject) error
},
) (plumbing.Hash, error) {
	o := objects.NewEncodedObject()
	if err := v.Encode(o); err != nil {
		return plumbing.ZeroHash, err
	}
	return objects.SetEncodedObject(o)
}
