package mirror

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// limits are how much may pile up in a mirror before it is packed: loose refs,
// and packs, of which every fetch brings one.
type limits struct{ refs, packs int }

// maintain packs what many small fetches left. git's own gc would delete what
// no ref reaches, at a time of its choosing; this deletes nothing, and works
// in proportion to what is new. Whoever reads meanwhile finds objects in one
// place or the other. Failures only cost speed and are logged.
func (s *session) maintain(ctx context.Context) {
	limits := s.set.limits
	if s.count(keepCommits+"*") > limits.refs {
		s.tend(ctx, "pack-refs", "--all")
	}
	if s.count("objects/pack/*.pack") > limits.packs {
		s.tend(ctx, "repack", "-d", "-q", "--geometric=2")
	}
}

func (s *session) count(pattern string) int {
	found, err := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(pattern)))
	if err != nil {
		return 0
	}
	return len(found)
}

func (s *session) tend(ctx context.Context, args ...string) {
	start := time.Now()
	cmd := s.git(args...)
	cmd.Lock = s.file
	if _, err := cmd.Run(ctx); err != nil {
		s.set.log.Warn("mirror cannot be packed", "repository", s.remote.name, "command", args[0], "error", err)
		return
	}
	s.set.log.Debug("packed the mirror", "phase", args[0], "repository", s.remote.name, "duration", time.Since(start))
}

// tidy removes the locks and half-written files of a git that was killed. The
// mirror's own lock is held, so none of them is in use.
func (s *session) tidy() error {
	for _, pattern := range []string{"*.lock", "refs/pocketci/*/*.lock", "objects/pack/tmp_*", "objects/pack/*.lock", "objects/??/tmp_*"} {
		stale, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range stale {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}
