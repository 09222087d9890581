package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// Pack makes an archive of files, a tar that is compressed with gzip. The same files
// give the same archive: it has neither times nor owners. The error is that of [Check].
func Pack(files []File) ([]byte, error) {
	if err := Check(files); err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	w := tar.NewWriter(zip)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: int64(len(f.Data)), Mode: 0o644, ModTime: time.Unix(0, 0)}
		switch {
		case f.Link != "":
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
		case f.Exec:
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", printable(f.Name), err)
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", printable(f.Name), err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack the module: %w", err)
	}
	if packed.Len() > MaxPacked {
		return nil, fault("", "the archive has more than %d MiB", MaxPacked>>20)
	}
	return packed.Bytes(), nil
}

// Unpack reads an archive, of [Pack] or of any program that makes a tar with gzip of a
// folder. It takes files, folders and symbolic links and nothing else, and reads no more
// than a module may have, however much an archive says or is compressed. The errors are
// an [*Error].
func Unpack(archive []byte) ([]File, error) {
	if len(archive) > MaxPacked {
		return nil, fault("", "the archive has more than %d MiB", MaxPacked>>20)
	}
	zip, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fault("", "it is no archive in the format tar with gzip: %v", err)
	}
	// Headers and padding included.
	limited := &io.LimitedReader{R: zip, N: MaxSize + MaxFiles*8<<10}
	r := tar.NewReader(limited)
	var (
		files []File
		size  int64
	)
	for {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return files, Check(files)
		case limited.N <= 0:
			return nil, tooLarge()
		case err != nil:
			return nil, fault("", "the archive cannot be read: %v", err)
		}
		name := strings.TrimPrefix(h.Name, "./") // as tar writes those of "."
		switch h.Typeflag {
		case tar.TypeXGlobalHeader:
			continue
		case tar.TypeDir:
			if name = strings.TrimSuffix(name, "/"); name == "" || name == "." {
				continue
			}
			if err := checkName(name); err != nil {
				return nil, err
			}
			continue
		case tar.TypeReg, tar.TypeSymlink:
		default:
			return nil, fault(name, "is neither a file nor a folder nor a symbolic link")
		}
		if len(files) == MaxFiles {
			return nil, fault("", "there are more than %d files", MaxFiles)
		}
		f := File{Name: name}
		if h.Typeflag == tar.TypeSymlink {
			if h.Linkname == "" {
				return nil, fault(name, "is a symbolic link to nothing")
			}
			f.Link = plain(h.Linkname)
			files = append(files, f)
			continue
		}
		if size += h.Size; h.Size < 0 || size > MaxSize {
			return nil, tooLarge()
		}
		f.Exec = h.Mode&0o111 != 0
		if f.Data, err = io.ReadAll(r); err != nil {
			return nil, fault(name, "cannot be read: %v", err)
		}
		files = append(files, f)
	}
}

// plain writes the target of a link without what changes nothing about it: ./ in front,
// and a slash at its end.
func plain(target string) string {
	if clean := path.Clean(target); clean == strings.TrimSuffix(strings.TrimPrefix(target, "./"), "/") {
		return clean
	}
	return target
}
