package gwg

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/settings"
)

// importer collects what a file comes to.
type importer struct {
	variables []Variable
	unmapped  []Unmapped
	// names counts the mirrors by their names; paths and directories are taken.
	names              map[string]int
	paths, directories map[string]bool
}

func (i *importer) skip(key, format string, args ...any) {
	i.unmapped = append(i.unmapped, Unmapped{key, fmt.Sprintf(format, args...)})
}

// rest reports the keys of a mapping that nobody has taken.
func (i *importer) rest(prefix string, m map[string]any, advice string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		i.skip(prefix+strings.Map(printable, name), "%s", advice)
	}
}

const unknown = "gwg has no such key either, and ignores it"

// take removes a scalar from a mapping.
func (i *importer) take(m map[string]any, prefix, key string) string {
	value, there := m[strings.ToLower(key)]
	delete(m, strings.ToLower(key))
	s, ok := text(value)
	if there && !ok {
		i.skip(prefix+key, "it is not a plain value")
	}
	return s
}

// number is take for a number, nil if there is none.
func (i *importer) number(m map[string]any, key string) *int {
	s := i.take(m, "", key)
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		i.skip(key, "it is not a whole number")
		return nil
	}
	return &n
}

func (i *importer) file(root map[string]any) file {
	var out file
	i.server(root)
	count, delay := i.number(root, "retry_count"), i.number(root, "retry_delay")
	if n := i.number(root, "threads"); n != nil {
		if out.MirrorWorkers = min(max(*n, 1), 100); out.MirrorWorkers != *n {
			i.skip("threads", "mirror-workers is from 1 to 100; %d is taken", out.MirrorWorkers)
		}
	}
	if s := i.take(root, "", "initialise"); s != "" && s != "true" {
		i.skip("initialise", "a mirror is always cloned if it is not there")
	}
	repos, ok := root["repos"].([]any)
	if !ok && root["repos"] != nil {
		i.skip("repos", "it is not a list")
	}
	delete(root, "repos")
	for n, repo := range repos {
		prefix := fmt.Sprintf("repos[%d].", n)
		m, ok := repo.(map[string]any)
		if !ok {
			i.skip(strings.TrimSuffix(prefix, "."), "it is not a mapping")
			continue
		}
		if made := i.repo(prefix, m); made != nil {
			i.retry(made, count, delay)
			out.Mirrors = append(out.Mirrors, *made)
		}
	}
	i.rest("", root, unknown)
	return out
}

// retry gives a mirror the counts that gwg has for all.
func (i *importer) retry(m *mirror, count, delay *int) {
	if count != nil {
		m.RetryCount = min(max(*count, 1), 100)
	}
	if delay != nil {
		m.RetryDelay = strconv.Itoa(min(max(*delay, 0), 3600)) + "s"
	}
}

// server reports what flags of the agent are for.
func (i *importer) server(root map[string]any) {
	for _, key := range []string{"listen", "port"} {
		if s := i.take(root, "", key); s != "" {
			i.skip(key, "the agent listens where its flag --listen says")
		}
	}
	logging, ok := root["logging"].(map[string]any)
	if !ok && root["logging"] != nil {
		i.skip("logging", "it is not a mapping")
	}
	delete(root, "logging")
	for _, one := range []struct{ key, advice string }{
		{"format", "the agent logs in the format of its flag --log-format"},
		{"output", "the agent logs to its error output"},
		{"level", "the agent logs what its flag --log-level says"},
		{"timestamp", "the agent's log always has the time"},
	} {
		if s := i.take(logging, "logging.", one.key); s != "" {
			i.skip("logging."+one.key, "%s", one.advice)
		}
	}
	i.rest("logging.", logging, unknown)
}

// repo makes a mirror of an entry, or nil if one cannot be made.
func (i *importer) repo(prefix string, m map[string]any) *mirror {
	take := func(key string) string { return i.take(m, prefix, key) }
	made := &mirror{URL: take("url"), Directory: take("directory"), Remote: take("remote"), Trigger: take("trigger")}
	route, secret := take("path"), take("secret")
	key, passphrase := take("sshPrivKey"), take("sshPassPhrase")
	label, kind := take("label"), take("labelType")
	if label == "" {
		label = "master"
	}
	if kind == "tag" {
		made.Tag = label
	} else {
		made.Branch = label
		if kind != "" && kind != "branch" {
			i.skip(prefix+"labelType", "it is neither branch nor tag; gwg takes it for branch, and so does this")
		}
	}
	// A key of gwg's README that its code does not know.
	if branch := take("branch"); branch != "" && branch != label {
		i.skip(prefix+"branch", "gwg ignores it and takes the label, which is %s here; if the branch is meant, write it in its place", strconv.Quote(label))
	}
	i.rest(prefix, m, unknown)
	address, err := git.ParseAddress(made.URL)
	if err != nil {
		i.skip(prefix+"url", "there is no mirror for this entry: %v", err)
		return nil
	}
	if !path.IsAbs(made.Directory) || path.Clean(made.Directory) == "/" {
		i.skip(prefix+"directory", "there is no mirror for this entry: the directory must be an absolute path")
		return nil
	}
	if !accepted(mirror{Name: "x", URL: made.URL, Directory: made.Directory, Branch: made.Branch, Tag: made.Tag}) {
		i.skip(prefix+"label", "there is no mirror for this entry: it is not the name of a branch or tag")
		return nil
	}
	if clean := path.Clean(made.Directory); i.directories[clean] {
		i.skip(prefix+"directory", "there is no mirror for this entry: another one has the directory")
		return nil
	}
	i.directories[path.Clean(made.Directory)] = true
	made.Name = i.name(address)
	if made.Trigger != "" && !path.IsAbs(made.Trigger) {
		i.skip(prefix+"trigger", "the trigger must be an absolute path")
		made.Trigger = ""
	}
	i.ssh(prefix, made, address, key, passphrase)
	i.webhook(prefix, made, route, secret)
	i.check(prefix, made)
	return made
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// name is that of the repository, with a number if there are several.
func (i *importer) name(a git.Address) string {
	name := strings.Trim(notPlain.ReplaceAllString(strings.ToLower(path.Base(a.Name())), "-"), "-")
	if name == "" {
		name = "mirror"
	}
	for {
		i.names[name]++
		n := i.names[name]
		if n == 1 {
			return name
		}
		name += "-" + strconv.Itoa(n)
	}
}

// variable has the value of a secret come from the agent's environment.
func (i *importer) variable(prefix, key, name, what string) secret {
	v := "GWG_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_" + what
	i.variables = append(i.variables, Variable{Name: v, Key: prefix + key})
	return secret{Env: v}
}

func (i *importer) ssh(prefix string, m *mirror, a git.Address, key, passphrase string) {
	switch {
	case key != "" && a.Scheme != "ssh":
		i.skip(prefix+"sshPrivKey", "the url is not one of ssh, for which no key is needed")
		key = ""
	case key != "" && !path.IsAbs(key):
		i.skip(prefix+"sshPrivKey", "the path of the key must be absolute")
		key = ""
	}
	if key != "" {
		m.SSHKey = &secret{File: path.Clean(key)}
	}
	switch {
	case passphrase == "":
	case key == "":
		i.skip(prefix+"sshPassPhrase", "there is no key that it opens")
	default:
		v := i.variable(prefix, "sshPassPhrase", m.Name, "PASSPHRASE")
		m.Passphrase = &v
	}
}

func (i *importer) webhook(prefix string, m *mirror, route, secretText string) {
	if secretText == "" {
		if route != "" {
			i.skip(prefix+"path", "without a secret nobody's deliveries are taken: pushes that the webhooks of forges receive update the mirror, or give it a secret")
		}
		return
	}
	m.Webhook = &webhook{Path: strings.TrimRight(route, "/")}
	switch {
	case route != "" && i.paths[m.Webhook.Path]:
		i.skip(prefix+"path", "another entry has the path; the webhook is received at /webhooks/%s", m.Name)
		m.Webhook.Path = ""
	case route != "":
		i.paths[m.Webhook.Path] = true
	}
	m.Webhook.Secrets = []secret{i.variable(prefix, "secret", m.Name, "SECRET")}
}

// check gives up what agent.yaml does not take, one by one.
func (i *importer) check(prefix string, m *mirror) {
	refused := func(change func(*mirror)) bool {
		probe := mirror{Name: m.Name, URL: m.URL, Directory: m.Directory, Branch: "main"}
		change(&probe)
		return !accepted(probe)
	}
	if m.Remote != "" && refused(func(p *mirror) { p.Remote = m.Remote }) {
		i.skip(prefix+"remote", "it is not the name of a remote; origin is taken")
		m.Remote = ""
	}
	if m.Webhook != nil && m.Webhook.Path != "" && refused(func(p *mirror) { p.Webhook = m.Webhook }) {
		i.skip(prefix+"path", "it is not a path that the agent can serve; the webhook is received at /webhooks/%s", m.Name)
		m.Webhook.Path = ""
	}
}

func accepted(m mirror) bool {
	data, err := marshal(file{Mirrors: []mirror{m}})
	if err != nil {
		return false
	}
	_, err = settings.Parse(settings.FileName, data)
	return err == nil
}
