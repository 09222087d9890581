package secrets

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// wipe overwrites the values of variables in the block of memory that the
// process was started with. Unsetting a variable does not change that block,
// and /proc/PID/environ shows it to every process of the same user. The fields
// are described in proc_pid_stat(5).
func wipe(names []string) error {
	if len(names) == 0 {
		return nil
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return fmt.Errorf("find the environment's memory: %w", err)
	}
	// The command's name, in parentheses, may hold spaces; what follows is
	// field 3 on.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const envStart, envEnd = 50 - 3, 51 - 3
	if len(fields) <= envEnd {
		return fmt.Errorf("find the environment's memory: /proc/self/stat has %d fields", len(fields)+2)
	}
	start, err := strconv.ParseInt(fields[envStart], 10, 64)
	if err != nil {
		return fmt.Errorf("find the environment's memory: %w", err)
	}
	end, err := strconv.ParseInt(fields[envEnd], 10, 64)
	if err != nil {
		return fmt.Errorf("find the environment's memory: %w", err)
	}
	if start == 0 || end <= start {
		return nil
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("wipe the environment's memory: %w", err)
	}
	defer memory.Close()
	block := make([]byte, end-start)
	if _, err := memory.ReadAt(block, start); err != nil {
		return fmt.Errorf("read the environment's memory: %w", err)
	}
	at := start
	for entry := range bytes.SplitAfterSeq(block, []byte{0}) {
		name, value, ok := bytes.Cut(entry, []byte("="))
		if ok && slices.Contains(names, string(name)) {
			if _, err := memory.WriteAt(make([]byte, len(value)), at+int64(len(name))+1); err != nil {
				return fmt.Errorf("wipe the environment's memory: %w", err)
			}
		}
		at += int64(len(entry))
	}
	return nil
}
