package worktree

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// triggerMode is that of a trigger that is created, less the umask.
const triggerMode = 0o660

// touchFile does what touch(1) does: it opens the file, which it creates if it is not
// there, sets its times to now and closes it. Who watches it sees each of these.
func touchFile(path string) error {
	// A pipe without a reader must not keep us waiting.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NONBLOCK|syscall.O_NOCTTY, triggerMode)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil {
		now := time.Now()
		err = os.Chtimes(path, now, now)
	}
	return errors.Join(err, f.Close())
}
