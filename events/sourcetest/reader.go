package sourcetest

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

// Reader is the reading of a vendor's payloads under test. Tests of it are in the
// folder of a package in events, from where testdata is found.
type Reader struct {
	// Vendor is what the events must say, and the name of the folder in
	// testdata/payloads.
	Vendor string
	// Parse reads the payload of an event that the vendor calls kind.
	Parse func(kind string, payload []byte) (events.Event, error)
}

// Commit is the sha that the payloads give to the commit of that name.
func Commit(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (r Reader) folder() string { return filepath.Join("../../testdata/payloads", r.Vendor) }

// Payload returns the payload in the file of that name.
func (r Reader) Payload(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.folder(), file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Complete fails the test unless the files are those of all payloads in testdata,
// each once.
func (r Reader) Complete(t *testing.T, files []string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.folder(), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	onDisk, inTable := map[string]int{}, map[string]int{}
	for _, f := range found {
		onDisk[strings.TrimSuffix(filepath.Base(f), ".json")]++
	}
	for _, f := range files {
		inTable[f]++
	}
	if diff := cmp.Diff(onDisk, inTable); diff != "" {
		t.Errorf("testdata and table differ (-disk +table):\n%s", diff)
	}
}

// Missing removes a key from a payload.
type Missing struct{}

// With returns the payload in a file with one value replaced, or removed if it is
// [Missing]. The path is dotted, and a number in it is a place in a list.
func (r Reader) With(t testing.TB, file, path string, value any) []byte {
	t.Helper()
	var root any
	if err := json.Unmarshal(r.Payload(t, file), &root); err != nil {
		t.Fatal(err)
	}
	node := root
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		if list, ok := node.([]any); ok {
			node = list[place(t, key)]
		} else {
			node = node.(map[string]any)[key]
		}
	}
	last := keys[len(keys)-1]
	if list, ok := node.([]any); ok {
		list[place(t, last)] = value
	} else if _, remove := value.(Missing); remove {
		delete(node.(map[string]any), last)
	} else {
		node.(map[string]any)[last] = value
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func place(t testing.TB, key string) int {
	t.Helper()
	i, err := strconv.Atoi(key)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
