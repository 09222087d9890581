package dispatcher

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iancoleman/strcase" // names flags and functions as the dagger command line does

	"github.com/franela/pocketci/modules"
)

// Place says where a plan's calls can be replayed: what stands in a command
// for the tree and the event file.
type Place struct {
	// Dir is the directory that the command has to be started in; empty if
	// it is the current one.
	Dir string
	// Source is what stands for the repository ("." or a git URL with
	// #sha).
	Source string
	// Rules is what stands for the repository that has the modules, where that
	// is not Source.
	Rules string
	// EventFile is the path of the event file.
	EventFile string
}

// Of is the place at which a call can be replayed: that of the commit that it is made
// on, where that is not the plan's own.
func (p Place) Of(c *Call) Place {
	if repository, _, known := strings.Cut(p.Source, "#"); c.At != "" && known {
		p.Source, p.Rules = repository+"#"+c.At, ""
	}
	return p
}

// Command returns the line that makes the call with the dagger command line.
// It can be pasted into a POSIX shell. Secrets are references in it, never
// values.
func (p Place) Command(c *Call) string {
	argv := []string{"dagger", "call", "-m", p.module(c), strcase.ToKebab(c.Function)}
	if c.IsCheck() {
		argv = []string{"dagger", "check", "-m", p.module(c), c.Function}
	}
	for _, arg := range c.Args {
		argv = append(argv, p.flag(arg)...)
	}
	for i := range argv {
		argv[i] = quote(argv[i])
	}
	line := strings.Join(argv, " ")
	if p.Dir != "" {
		line = "cd " + quote(p.Dir) + " && " + line
	}
	return line
}

// module names the module the way the dagger command line wants it.
func (p Place) module(c *Call) string {
	modulePath := c.Module
	if c.Commit != "" {
		return modules.AtCommit(modulePath, c.Commit)
	}
	source := cmp.Or(p.Rules, p.Source)
	if source == "." {
		if modulePath == "." {
			return "."
		}
		return "./" + modulePath
	}
	repo, commit, _ := strings.Cut(source, "#")
	if name, ok := strings.CutPrefix(repo, "https://github.com/"); ok {
		repo = "github.com/" + strings.TrimSuffix(name, ".git")
	}
	if modulePath != "." {
		repo += "/" + modulePath
	}
	return repo + "@" + commit
}

// flag renders one argument. Values are attached with an equals sign where
// they might be taken for a flag of their own.
func (p Place) flag(arg modules.Bound) []string {
	name := "--" + strcase.ToKebab(arg.Name)
	switch value := p.text(arg.Value).(type) {
	case bool:
		return []string{name + "=" + strconv.FormatBool(value)}
	case []string:
		return []string{name + "=" + csvLine(value)}
	case string:
		if value == "" || strings.HasPrefix(value, "-") {
			return []string{name + "=" + value}
		}
		return []string{name, value}
	}
	return nil
}

// text returns what stands for a value: a string, a bool, or a []string.
func (p Place) text(v modules.Value) any {
	switch v.Kind {
	case modules.ValueSource:
		return p.Source
	case modules.ValueEvent:
		return p.EventFile
	case modules.ValueSecret:
		return v.Secret
	case modules.ValuePath:
		return p.path(v.Path)
	}
	if items, ok := v.Const.([]any); ok {
		list := make([]string, 0, len(items))
		for _, item := range items {
			list = append(list, scalarText(item))
		}
		return list
	}
	if b, ok := v.Const.(bool); ok {
		return b
	}
	return scalarText(v.Const)
}

// path returns what stands for a part of the repository.
func (p Place) path(name string) string {
	switch {
	case path.IsAbs(name):
		return name
	case p.Source == ".":
		return "./" + name
	}
	return p.Source + ":" + name
}

// value returns what stands for a value in a plan's args.
func (p Place) value(v modules.Value) any {
	if v.Kind == modules.ValueConst {
		return v.Const
	}
	return p.text(v)
}

func scalarText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// csvLine joins the items of a list flag. The dagger command line reads one as
// a line of CSV.
func csvLine(items []string) string {
	switch {
	case len(items) == 0:
		return ""
	case len(items) == 1 && items[0] == "":
		return `""` // an empty line would be no item at all
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(items); err != nil {
		panic(fmt.Sprintf("write CSV to memory: %v", err)) // cannot happen
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// unprintable characters are those that a terminal obeys, or that turn the order of others
// around, and bytes that are no text.
func unprintable(r rune) bool {
	return r == utf8.RuneError || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' && r != '\t'
}

var safeWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote makes a word of a POSIX shell of any text. People paste it: names of files and
// branches are other people's, and a terminal would take control characters in them for
// keys, which could leave the word and run what follows. They are written by their numbers,
// as bash, zsh and, since 2024, POSIX read them.
func quote(s string) string {
	if safeWord.MatchString(s) {
		return s
	}
	if strings.ContainsFunc(s, unprintable) {
		var b strings.Builder
		for i, r := range s {
			_, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == '\\' || r == '\'':
				b.WriteString(`\` + string(r))
			case unprintable(r):
				for _, c := range []byte(s[i : i+size]) {
					fmt.Fprintf(&b, `\%03o`, c)
				}
			default:
				b.WriteRune(r)
			}
		}
		return "$'" + b.String() + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
