package config

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/yamlfile"
)

var (
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	eventName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

func (r reader) name(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, "the name of a source")
	if ok && (!sourceName.MatchString(s) || len(s) > 64) {
		r.Fail(e.Value, "the name of a source must be small letters and digits, with single dashes between them, at most 64")
		return ""
	}
	return s
}

func (r reader) keys(e yamlfile.Entry) []signed.Key {
	items, ok := r.List(e.Value, e.Name)
	if ok && len(items) == 0 {
		r.Fail(e.Value, "keys is an empty list, so that no token would be accepted")
	}
	var keys []signed.Key
	for _, item := range items {
		text, ok := r.String(item, "an entry of keys")
		if !ok {
			continue
		}
		key, err := signed.ParseKey(text)
		if err != nil {
			r.Fail(item, "an entry of keys: %s", err)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

func (r reader) duration(e yamlfile.Entry) time.Duration {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 || d > 366*24*time.Hour {
		r.Fail(e.Value, "%s must be a duration above zero, such as 90s or 10m", e.Name)
		return 0
	}
	return d
}

func (r reader) count(e yamlfile.Entry) int {
	n := r.Visit(e.Value)
	if n == nil {
		return 0
	}
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || err != nil || value < 1 || value > 1000 {
		r.Fail(e.Value, "%s must be a number from 1 to 1000", e.Name)
	}
	return value
}

func (r reader) arguments(e yamlfile.Entry) []string {
	items, ok := r.List(e.Value, e.Name)
	if ok && len(items) == 0 {
		r.Fail(e.Value, "%s is an empty list; begin it with a program", e.Name)
	}
	var list []string
	for _, item := range items {
		if s, ok := r.String(item, "an entry of "+e.Name); ok {
			list = append(list, s)
		}
	}
	return list
}

func (r reader) env(e yamlfile.Entry) map[string]string {
	entries, _ := r.Mapping(e.Value, e.Name)
	env := map[string]string{}
	for _, v := range entries {
		if err := checkVariable(v.Name); err != nil {
			r.Fail(v.Key, "a key of env: %s", err)
			continue
		}
		n := r.Visit(v.Value)
		if n == nil {
			continue
		}
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || strings.ContainsRune(n.Value, 0) {
			r.Fail(v.Value, "a value of env must be a string; put it in quotes")
			continue
		}
		env[v.Name] = n.Value
	}
	return env
}

// place reads a file's path or an address.
func (r reader) place(n *yaml.Node, what string) string {
	s, ok := r.String(n, what)
	if ok && filepath.IsAbs(s) {
		return filepath.Clean(s)
	}
	if ok {
		return r.url(n, what)
	}
	return ""
}

// url reads an address. Only on this machine may it be without TLS.
func (r reader) url(n *yaml.Node, what string) string {
	s, ok := r.String(n, what)
	if !ok {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		r.Fail(n, "%s must be an address such as https://example.com/host.jwt, or an absolute path where files may be", what)
	case u.User != nil:
		r.Fail(n, "%s holds credentials; write them as headers with {from-file: PATH}", what)
	case u.Scheme == "http" && !Loopback(net.JoinHostPort(u.Hostname(), "0")):
		r.Fail(n, "%s is an http address of another machine; use https", what)
	}
	return s
}

func checkVariable(name string) error {
	if !secretref.IsVariable(name) || strings.HasPrefix(name, "POCKETCI_") {
		return errors.New("write names of variables: letters, digits and underscores, which do not begin with POCKETCI_")
	}
	return nil
}

func checkEvent(name string) error {
	if !eventName.MatchString(name) {
		return errors.New("an event's name must be small letters and digits, with single dashes between them")
	}
	return nil
}

func (r reader) outcome(word string) error {
	if !slices.Contains(outcomes, word) {
		return errors.New("write changed, failed or both")
	}
	return nil
}
