package mirror

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"weak"
)

// checkTimeout limits how long a mirror is examined for damage. One that is
// too big for that counts as sound.
const checkTimeout = 5 * time.Minute

// doubtful reports whether a failure may come from a damaged mirror, as no
// other explanation was found for it.
func doubtful(err error) bool { return errors.Is(err, ErrGit) }

// repair removes the mirror if it is damaged, so that it is made anew, and
// reports whether it did.
func (mir *mirror) repair(ctx context.Context) bool {
	_, release, err := mir.lock.Acquire(ctx)
	if err != nil {
		return false
	}
	defer release()
	mir.suspect.Store(false)
	if _, err := os.Stat(mir.dir); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err = mir.verify(limited)
	if err == nil || limited.Err() != nil {
		return false
	}
	mir.set.log.Warn("mirror is damaged, making it anew", "mirror", mir.dir, "error", err)
	broken := mir.dir + ".broken"
	if err := os.RemoveAll(broken); err != nil {
		mir.set.log.Error("remove damaged mirror", "mirror", broken, "error", err)
		return false
	}
	if err := os.Rename(mir.dir, broken); err != nil {
		mir.set.log.Error("remove damaged mirror", "mirror", mir.dir, "error", err)
		return false
	}
	if err := os.RemoveAll(broken); err != nil {
		mir.set.log.Error("remove damaged mirror", "mirror", broken, "error", err)
	}
	mir.remade.Add(1)
	mir.mu.Lock()
	mir.reader = weak.Pointer[reader]{}
	mir.mu.Unlock()
	return true
}

// verify looks for damage: objects that are missing and packs that are not what
// was written. It does not mind objects that are merely strange, as fsck would
// by default: those come from the repository and would come again.
func (mir *mirror) verify(ctx context.Context) error {
	if _, err := mir.git("fsck", "--connectivity-only", "--no-dangling", "--no-progress").Run(ctx); err != nil {
		return err
	}
	packs, err := filepath.Glob(filepath.Join(mir.dir, "objects", "pack", "*.idx"))
	if err != nil || len(packs) == 0 {
		return err
	}
	_, err = mir.git(append([]string{"verify-pack", "--"}, packs...)...).Run(ctx)
	return err
}

// restore gets a commit back that a snapshot found and a checkout did not,
// because the mirror is damaged or was made anew in between. It reports whether
// the commit is there again, and does nothing about failures of the network.
func (mir *mirror) restore(ctx context.Context, commit string, failure error) bool {
	if _, network := errors.AsType[*Error](failure); network || ctx.Err() != nil {
		return false
	}
	if !mir.repair(ctx) {
		if _, err := mir.git("cat-file", "-e", commit+"^{tree}").Run(ctx); err == nil {
			return false
		}
	}
	mir.mu.Lock()
	r := mir.remote
	mir.mu.Unlock()
	return mir.ensure(ctx, r, []*want{{sha: commit}}) == nil
}
