package settings

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// hidden stands where something is not shown.
const hidden = "***"

// Redact returns a file that [Parse] accepts in one form, for people to look at:
// without comments, and without what could be a credential although the file needs
// none, such as the user in an address, its query, or the value that a payload's
// token is compared with. References to secrets stay as they are.
func Redact(data []byte) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return "", fmt.Errorf("read the file: %w", err)
	}
	if document.Kind == 0 {
		return "", nil // it says nothing
	}
	redact(&document)
	var b bytes.Buffer
	out := yaml.NewEncoder(&b)
	out.SetIndent(2)
	if err := out.Encode(&document); err != nil {
		return "", fmt.Errorf("write the file: %w", err)
	}
	if err := out.Close(); err != nil {
		return "", fmt.Errorf("write the file: %w", err)
	}
	return b.String(), nil
}

func redact(n *yaml.Node) {
	// Nobody checks what comments hold.
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	switch n.Kind {
	case yaml.ScalarNode:
		n.Value = RedactText(n.Value)
	case yaml.MappingNode:
		secretive := comparesSecret(n)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if secretive && slices.Contains(comparisons, n.Content[i].Value) {
				*n.Content[i+1] = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: hidden}
			}
		}
	}
	for _, c := range n.Content {
		redact(c)
	}
}

// comparisons are the keys of a condition whose values are what a payload has.
var comparisons = []string{"is-equal-to", "is-not-equal-to", "matches", "does-not-match"}

// secretPath is where payloads hold what only their sender and the agent should
// know.
var secretPath = regexp.MustCompile(`(?i)(token|secret|passw|passphrase|credential|authori[sz]ation|signature|cookie|api[-_]?key|private)`)

// comparesSecret reports whether a mapping is a condition on such a place.
func comparesSecret(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		path := n.Content[i+1]
		if path.Kind == yaml.AliasNode {
			path = path.Alias
		}
		if n.Content[i].Value == "path" && secretPath.MatchString(path.Value) {
			return true
		}
	}
	return false
}

var (
	// userinfo is what stands before the host of an address. In one of ssh it is a
	// name, unless a password follows.
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^/@\s?#]*)@`)
	// shorthand is an address of ssh as git takes it, with a password that no
	// program would use.
	shorthand = regexp.MustCompile(`(^|[\s"'])[^\s/@:"']+:[^\s/@"']+@`)
	// query is what follows the path of an address.
	query = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s?#"']*)[?#][^\s"']*`)
	// known are tokens that say what they are, and keys.
	known = regexp.MustCompile(`\b(?:gh[opsur]_|github_pat_|glpat-|glrt-|pci_|pcs_|xox[a-z]-|sk-|AKIA|ASIA|dckr_pat_|npm_|eyJ[A-Za-z0-9_-]+\.)[A-Za-z0-9_.-]{8,}|-----BEGIN[\s\S]*`)
)

// RedactText hides in a text, such as the value of a flag, what could be a
// credential in it: users and queries of addresses, and tokens of known forms.
func RedactText(text string) string {
	text = userinfo.ReplaceAllStringFunc(text, func(found string) string {
		scheme, user, _ := strings.Cut(strings.TrimSuffix(found, "@"), "://")
		if strings.Contains(strings.ToLower(scheme), "ssh") && !strings.Contains(user, ":") {
			return found
		}
		return scheme + "://" + hidden + "@"
	})
	text = shorthand.ReplaceAllString(text, "${1}"+hidden+"@")
	text = query.ReplaceAllString(text, "${1}?"+hidden)
	return known.ReplaceAllString(text, hidden)
}
