package worktree

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/git"
)

var errTimeout = errors.New("it took too long")

// fetch gets what the server has: all branches and tags, as a clone has them, and
// above all the one that counts, which must be there.
func (t *Tree) fetch(ctx context.Context, r *repository) error {
	config, env, secret, done, err := t.access(ctx)
	if err != nil {
		return err
	}
	defer done()
	cmd := r.git("fetch", "--quiet", "--force", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-show-forced-updates", "--stdin", "--", t.Address.String())
	cmd.Config, cmd.Env = config, env
	cmd.Stdin = strings.NewReader("+" + t.ref() + ":" + target + "\n+refs/heads/*:refs/remotes/" + t.Remote + "/*\n+refs/tags/*:refs/tags/*\n")
	limited, cancel := context.WithTimeoutCause(ctx, t.Timeout, errTimeout)
	defer cancel()
	_, err = cmd.Run(limited)
	if err == nil || ctx.Err() != nil {
		return err
	}
	kind := git.Kind(err)
	detail := err.Error()
	if secret != "" {
		detail = strings.ReplaceAll(detail, secret, "***")
	}
	switch {
	case errors.Is(err, errTimeout):
		kind = git.ErrUnavailable
	case errors.Is(kind, git.ErrUnadvertised):
		kind, detail = ErrRef, fmt.Sprintf("%s has no %s; the directory stays as it is", t.Address, t.ref())
	}
	return &Error{Kind: kind, Detail: detail, Err: err}
}

// access is what git needs to be let in. The function gives it up.
func (t *Tree) access(ctx context.Context) (config []git.Setting, env []string, secret string, done func(), err error) {
	done = func() {}
	switch t.Address.Scheme {
	case "ssh":
		ssh := git.SSH{KnownHosts: t.KnownHosts}
		if t.Key != nil {
			if ssh.Agent, done, err = t.Key.serve(); err != nil {
				return nil, nil, "", nil, fmt.Errorf("offer the key to ssh: %w", err)
			}
		}
		env = ssh.Env()
	case "http", "https":
		if t.Login == nil {
			break
		}
		username, token, err := t.Login(ctx)
		if err == nil && strings.ContainsAny(username+token, "\r\n\x00") {
			err = errors.New("the user name or token holds a line break")
		}
		if err != nil {
			return nil, nil, "", nil, &Error{Kind: git.ErrAuth, Detail: "get a token: " + err.Error(), Err: err}
		}
		secret = token
		config, env = git.Login(t.Address.Scheme+"://"+t.Address.Host, username, token)
	}
	return config, append(env, git.Allow(t.Address.Scheme)), secret, done, nil
}
