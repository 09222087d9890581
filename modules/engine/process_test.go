package engine_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// running reports whether some process of the machine has the given words in a
// row in its command line. Containers are processes of the machine too.
func running(words ...string) bool { return len(processes(words...)) > 0 }

func processes(words ...string) []string {
	var found []string
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		args := strings.Split(string(bytes.TrimRight(data, "\x00")), "\x00")
		for i := range args {
			if rest := args[i:]; len(rest) >= len(words) && slices.Equal(rest[:len(words)], words) {
				found = append(found, strings.Join(args, " "))
				break
			}
		}
	}
	return found
}
