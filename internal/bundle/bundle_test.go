package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/bundle"
)

// module is a module with every kind of file.
func module() []bundle.File {
	return []bundle.File{
		{Name: "a/c", Data: []byte("c")},
		{Name: "a-b", Data: []byte("between a and a/c")},
		{Name: "a/deep/er", Link: "../../größe"},
		{Name: "dagger.json", Data: []byte(`{"name":"ci"}`)},
		{Name: "größe", Data: []byte{}},
		{Name: "run.sh", Data: []byte("#!/bin/sh\n"), Exec: true},
		{Name: strings.Repeat("long/", 50) + "name", Data: bytes.Repeat([]byte{0, 1, 2}, 1000)},
		{Name: "gone", Link: "not-there"},
	}
}

func TestPackAndUnpack(t *testing.T) {
	one, err := bundle.Pack(module())
	if err != nil {
		t.Fatal(err)
	}
	files := module()
	files[0], files[5] = files[5], files[0]
	two, err := bundle.Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("the same files in another order are another archive")
	}
	got, err := bundle.Unpack(one)
	if err != nil {
		t.Fatal(err)
	}
	want := module()
	if err := bundle.Check(want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Transformer("content", func(b []byte) string { return string(b) })); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
}

// The archive of the tar program is taken as well.
func TestUnpackWhatTarWrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	if err := bundle.Write(dir, module()); err != nil {
		t.Fatal(err)
	}
	archive, err := exec.CommandContext(t.Context(), "tar", "czf", "-", "-C", dir, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := bundle.Unpack(archive)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bundle.SHA(files)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := bundle.SHA(module()); got != want {
		t.Errorf("its commit is %s, want %s", got, want)
	}
}

// The commit is what git makes of the same files, and always the same.
func TestCommit(t *testing.T) {
	gitDir := filepath.Join(t.TempDir(), "m.git")
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "--bare", gitDir)
	sha, err := bundle.Commit(gitDir, module())
	if err != nil {
		t.Fatal(err)
	}
	if want := "90edbb866a14f6bae4621492a1b377b5f8ec2948"; sha != want {
		t.Errorf("the commit is %s, want %s on every machine", sha, want)
	}
	if again, err := bundle.SHA(module()); err != nil || again != sha {
		t.Errorf("without a repository it is %s (%v), want %s", again, err, sha)
	}
	git("--git-dir", gitDir, "update-ref", "refs/heads/main", sha)
	git("--git-dir", gitDir, "fsck", "--full", "--strict")
	dir := t.TempDir()
	if err := bundle.Write(filepath.Join(dir, "m"), module()); err != nil {
		t.Fatal(err)
	}
	work := []string{"--git-dir", gitDir, "--work-tree", filepath.Join(dir, "m")}
	git(append(work, "add", "--all", "--force")...)
	if made, want := git("--git-dir", gitDir, "write-tree"), git("--git-dir", gitDir, "rev-parse", sha+"^{tree}"); made != want {
		t.Errorf("git makes the tree %s of the written files, and it is %s", made, want)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := bundle.Write(dir, module()); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	got, err := bundle.Collect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := bundle.SHA(got)
	if b, _ := bundle.SHA(module()); a != b {
		t.Errorf("what was written is %s, want %s", a, b)
	}
	if err := bundle.Write(dir, module()); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder that is not empty: %v", err)
	}
	if err := bundle.Write(filepath.Join(dir, "no", "such"), module()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is nowhere: %v", err)
	}
}

// archive writes a tar as no honest program would.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		content := bytes.Repeat([]byte("x"), int(h.Size))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}

func TestUnpackRefuses(t *testing.T) {
	many := make([]tar.Header, bundle.MaxFiles+1)
	for i := range many {
		many[i].Name = strings.Repeat("a", i%200+1) + "/" + strings.Repeat("b", i/200+1)
	}
	for name, tc := range map[string]struct {
		archive []byte
		says    string
	}{
		"no archive":                  {[]byte("hello"), "no archive"},
		"nothing":                     {nil, "no archive"},
		"gzip of no tar":              {compressed(t, []byte(strings.Repeat("hello", 500))), "cannot be read"},
		"a cut archive":               {archive(t, tar.Header{Name: "a", Size: 1 << 20})[:500], "cannot be read"},
		"a path that goes up":         {archive(t, tar.Header{Name: "../a"}), "no plain path"},
		"a path that goes up inside":  {archive(t, tar.Header{Name: "a/../../b"}), "no plain path"},
		"an absolute path":            {archive(t, tar.Header{Name: "/etc/passwd"}), "absolute"},
		"an absolute path after ./":   {archive(t, tar.Header{Name: ".//etc/passwd"}), "absolute"},
		"a folder that goes up":       {archive(t, tar.Header{Typeflag: tar.TypeDir, Name: "../a/"}), "no plain path"},
		"a backslash":                 {archive(t, tar.Header{Name: `..\a`}), "backslash"},
		"a line break":                {archive(t, tar.Header{Name: "a\nb"}), "cannot be printed"},
		"no UTF-8":                    {archive(t, tar.Header{Name: "a\xff"}), "cannot be printed"},
		"a name that is too long":     {archive(t, tar.Header{Name: strings.Repeat("long/", 400) + "a"}), "more than 1024 bytes"},
		"a git repository":            {archive(t, tar.Header{Name: "a/.GIT/config"}), "git repository"},
		"twice":                       {archive(t, tar.Header{Name: "a"}, tar.Header{Name: "./a"}), "a is there twice"},
		"below a file":                {archive(t, tar.Header{Name: "a"}, tar.Header{Name: "a/b"}), "a is a file and has the file a/b below it"},
		"through a link":              {archive(t, link("a", "b"), tar.Header{Name: "a/x"}), "a is a file and has the file a/x below it"},
		"a link that goes up":         {archive(t, link("a/b", "../../c")), "leaves the module's folder"},
		"an absolute link":            {archive(t, link("a", "/etc/passwd")), "leaves the module's folder"},
		"a link by way of another":    {archive(t, link("here", "."), link("a", "here/../x")), "not written plainly"},
		"a link to nothing":           {archive(t, link("a", "")), "link to nothing"},
		"a hard link":                 {archive(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "/etc/passwd"}), "neither a file"},
		"a device":                    {archive(t, tar.Header{Typeflag: tar.TypeChar, Name: "a"}), "neither a file"},
		"too many files":              {archive(t, many...), "more than 5000 files"},
		"too much":                    {archive(t, tar.Header{Name: "a", Size: bundle.MaxSize + 1}), "more than 16 MiB"},
		"too much together":           {archive(t, tar.Header{Name: "a", Size: bundle.MaxSize}, tar.Header{Name: "b", Size: 1}), "more than 16 MiB"},
		"an archive that is too long": {make([]byte, bundle.MaxPacked+1), "the archive has more than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bundle.Unpack(tc.archive)
			if e, ok := errors.AsType[*bundle.Error](err); !ok || !strings.Contains(e.Error(), tc.says) {
				t.Errorf("the error is %v, want %q in it", err, tc.says)
			}
		})
	}
}

func compressed(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A few kilobytes that stand for much more take no more memory than a module may.
func TestUnpackStopsInTime(t *testing.T) {
	files := make([]tar.Header, 20)
	for i := range files {
		files[i] = tar.Header{Name: strings.Repeat("a", i+1), Size: 1 << 20}
	}
	if _, err := bundle.Unpack(archive(t, files...)); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("the error is %v", err)
	}
}

// Write holds to the same rules as Unpack, and changes nothing before it has looked.
func TestWriteRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	for name, files := range map[string][]bundle.File{
		"up":           {{Name: "../a"}},
		"absolute":     {{Name: "/tmp/a"}},
		"link":         {{Name: "a", Link: "/tmp"}},
		"through link": {{Name: "a", Link: "b"}, {Name: "a/c"}},
		"twice":        {{Name: "a"}, {Name: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := bundle.Write(dir, files); err == nil {
				t.Error("it was written")
			}
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder was made: %v", err)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	packed, err := bundle.Pack(module())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, archive []byte) {
		files, err := bundle.Unpack(archive)
		if err != nil {
			if _, ok := errors.AsType[*bundle.Error](err); !ok {
				t.Errorf("the error is %T: %v", err, err)
			}
			return
		}
		dir := t.TempDir()
		if err := bundle.Write(filepath.Join(dir, "m"), files); err != nil {
			return // a name that this file system does not take
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("beside the module there is %v (%v)", entries, err)
		}
	})
}
