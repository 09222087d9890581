package modules

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Remote is a reference to a module of another repository, as pocketci.yaml has
// it in place of a path.
type Remote struct {
	// Scheme is https, or http where the reference asks for clear text.
	Scheme string
	// Host has the port if there is one.
	Host string
	// Repository is the path of the repository on its host, such as acme/ci,
	// without .git.
	Repository string
	// Path is the module's folder in that repository, "." for its root.
	Path string
	// Version is a tag, a branch, or a commit in full.
	Version string
}

var (
	hostName  = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?$`)
	urlHost   = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?$`)
	segment   = regexp.MustCompile(`^[A-Za-z0-9_.~-]+$`)
	version   = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$`)
	commit    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	plainHost = []string{"github.com", "bitbucket.org", "codeberg.org", "gitea.com"}
)

// maxRemote is the greatest length of a reference, maxVersion that of a version.
const (
	maxRemote  = 400
	maxVersion = 200
)

// LooksRemote reports whether what stands in place of a module's path is meant for
// a module of another repository: it has a scheme, or begins with a host. Whether
// it is one that can be had is for [ParseRemote] to say.
func LooksRemote(path string) bool {
	first, _, more := strings.Cut(path, "/")
	user, _, scp := strings.Cut(first, ":")
	return strings.Contains(path, "://") || more && hostName.MatchString(first) || scp && strings.Contains(user, "@")
}

// ParseRemote reads a reference: HOST/OWNER/NAME[/FOLDER]@VERSION, or with a
// scheme, https://HOST/OWNER/NAME.git[/FOLDER]@VERSION. A .git ends the name of the
// repository, which it must where the host may have more than two levels of names
// and a folder follows. A local path is never one. The error says how to write it;
// it does not repeat the reference, which may hold a password.
func ParseRemote(ref string) (Remote, error) {
	r := Remote{Scheme: "https"}
	valid, rest := hostName, ref
	if scheme, after, ok := strings.Cut(ref, "://"); ok {
		if scheme != "https" && scheme != "http" {
			return Remote{}, errors.New("a module of another repository is named by HOST/OWNER/NAME@VERSION or by its https address")
		}
		r.Scheme, valid, rest = scheme, urlHost, after
	} else if first, _, _ := strings.Cut(ref, "/"); strings.Contains(first, "@") {
		return Remote{}, errors.New("a module of another repository is not named by its ssh address; write HOST/OWNER/NAME@VERSION")
	}
	host, rest, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(host, "@"):
		return Remote{}, errors.New("the address of a module holds no user and no password; the agent has its own credentials")
	case !valid.MatchString(host):
		return Remote{}, errors.New("not a module of another repository; write HOST/OWNER/NAME@VERSION, such as github.com/acme/ci@v1")
	case len(ref) > maxRemote:
		return Remote{}, errors.New("the reference is too long")
	}
	r.Host = host
	where, v, _ := strings.Cut(rest, "@")
	if v == "" {
		return Remote{}, errors.New("say which version of the module: add @ and a tag, a branch or a full commit, such as github.com/acme/ci@v1")
	}
	if !isVersion(v) {
		return Remote{}, errors.New("what stands after @ is not a version; write a tag, a branch or a full commit")
	}
	r.Version = v
	return r, r.divide(where)
}

// divide tells the repository's name from the folder in it.
func (r *Remote) divide(where string) error {
	parts := strings.Split(where, "/")
	for _, p := range parts {
		if !segment.MatchString(p) || p == "." || p == ".." {
			return errors.New("not the name of a repository and a folder in it; write HOST/OWNER/NAME/FOLDER@VERSION")
		}
	}
	end := slices.IndexFunc(parts, func(p string) bool { return strings.HasSuffix(p, ".git") && p != ".git" }) + 1
	if end == 0 {
		if len(parts) < 2 {
			return errors.New("the repository is missing; write HOST/OWNER/NAME@VERSION, such as github.com/acme/ci@v1")
		}
		if len(parts) > 2 && !slices.Contains(plainHost, strings.ToLower(r.Host)) {
			return errors.New("say where the name of the repository ends with .git, as in HOST/OWNER/NAME.git/FOLDER@VERSION")
		}
		end = 2
	}
	r.Repository = strings.TrimSuffix(strings.Join(parts[:end], "/"), ".git")
	r.Path = "."
	if end < len(parts) {
		r.Path = strings.Join(parts[end:], "/")
	}
	return nil
}

// isVersion takes what git takes for the short name of a ref, and of these only
// what needs no quoting anywhere.
func isVersion(v string) bool {
	if len(v) > maxVersion || !version.MatchString(v) || strings.Contains(v, "..") || strings.HasSuffix(v, ".") {
		return false
	}
	for part := range strings.SplitSeq(v, "/") {
		if strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// IsCommit reports whether the version is a commit in full, which never moves.
func (r Remote) IsCommit() bool { return commit.MatchString(r.Version) }

// CloneURL is where the repository is cloned from.
func (r Remote) CloneURL() string { return r.Scheme + "://" + r.Host + "/" + r.Repository + ".git" }

// Canonical spells the reference in the one way that rules about modules are
// written in: HOST/OWNER/NAME[/FOLDER]@VERSION, the host in lower case.
func (r Remote) Canonical() string {
	name := strings.ToLower(r.Host) + "/" + r.Repository
	if r.Path != "." {
		name += "/" + r.Path
	}
	return name + "@" + r.Version
}

// AtCommit is a reference with a commit in place of its version.
func AtCommit(ref, commit string) string {
	// A host has no @, nor has a folder.
	name, _, _ := strings.Cut(ref, "@")
	return name + "@" + commit
}

// CutQualified splits the name of a function as it is shown, MODULE:FUNCTION.
// The module is empty for a name without one.
func CutQualified(name string) (module, function string) {
	// A module's path may hold a colon itself, a function's name never does.
	if colon := strings.LastIndex(name, ":"); colon >= 0 {
		return name[:colon], name[colon+1:]
	}
	return "", name
}
