package git

import "strings"

// Allow is the variable that restricts git to one scheme of URLs, and https after
// a redirect from http.
func Allow(scheme string) string {
	if scheme == "http" {
		scheme += ":https"
	}
	return "GIT_ALLOW_PROTOCOL=" + scheme
}

// Login returns what lets git log in to a server with a user name and a token.
// Origin is SCHEME://HOST. The helper answers for exactly that server: git asks anew
// after a redirect to another one, and gets nothing. Its printf is built into the
// shell, so that no secret is ever an argument of a process.
func Login(origin, username, token string) ([]Setting, []string) {
	if token == "" {
		return nil, nil
	}
	return []Setting{{
			"credential." + origin + ".helper",
			`!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$POCKETCI_GIT_USERNAME" "$POCKETCI_GIT_TOKEN"; }; f`,
		}}, []string{
			"POCKETCI_GIT_USERNAME=" + username, "POCKETCI_GIT_TOKEN=" + token,
		}
}

// SystemKnownHosts is the file with the keys of ssh servers that all users of a
// machine share (ssh_config(5)).
const SystemKnownHosts = "/etc/ssh/ssh_known_hosts"

// SSH is how git logs in to a server over ssh.
type SSH struct {
	// KeyFile is a private key, empty for none.
	KeyFile string
	// Agent is the socket of an agent that has the keys, empty for none.
	Agent string
	// KnownHosts are files with the keys of servers.
	KnownHosts []string
	// AcceptNew remembers the key of a server that is not known yet in the first
	// of the files, instead of refusing it.
	AcceptNew bool
}

// Env returns the variables that have git use it. Nothing of the user's own
// configuration of ssh is.
func (s SSH) Env() []string {
	strict, key, agent, only := "yes", "none", "none", "yes"
	if s.AcceptNew {
		strict = "accept-new"
	}
	if s.KeyFile != "" {
		key = s.KeyFile
	}
	if s.Agent != "" {
		// Those of the agent count as keys that nobody named.
		agent, only = s.Agent, "no"
	}
	if len(s.KnownHosts) == 0 {
		s.KnownHosts = []string{"none"}
	}
	known := make([]string, len(s.KnownHosts))
	for i, file := range s.KnownHosts {
		known[i] = `"` + file + `"`
	}
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	return []string{"GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=ssh -F none -o BatchMode=yes -o IdentitiesOnly=" + only +
		" -o " + quoted(`IdentityAgent="`+agent+`"`) + " -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=4" +
		" -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=" + strict +
		" -o " + quoted("UserKnownHostsFile="+strings.Join(known, " ")) + " -o " + quoted(`IdentityFile="`+key+`"`)}
}
