package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/terminal"
	"github.com/franela/pocketci/modules"
)

// declaredThere lists what the modules of an agent's repository declare.
func declaredThere(cmd *cobra.Command, r *remote, repository, ref string, asJSON bool) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.Declared(cmd.Context(), repository, ref)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), list)
	}
	return printModules(cmd.OutOrStdout(), list.Modules)
}

// printModules lists functions, checks, and what is wrong with modules. What it shows
// may be of other people.
func printModules(w io.Writer, list []v1.DeclaredModule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tARGUMENTS\tRETURNS\tDESCRIPTION")
	for _, m := range list {
		for _, fn := range m.Functions {
			var args []string
			for _, a := range fn.Args {
				text := a.Name + " " + a.Type
				if a.Default != nil {
					text += "=" + string(a.Default)
				}
				args = append(args, text)
			}
			cells(table, m.Module+":"+fn.Name, strings.Join(args, ", "), fn.Returns, firstLine(fn.Description))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if err := printChecks(w, list); err != nil {
		return err
	}
	if err := printTriggers(w, list); err != nil {
		return err
	}
	for _, m := range list {
		if m.Error != "" {
			fmt.Fprintf(w, "\nmodule %s cannot be loaded: %s\n", terminal.Quote(m.Module), strings.Join(terminal.Lines(m.Error), "\n"))
		}
	}
	return nil
}

// printChecks writes a second table if there are checks.
func printChecks(w io.Writer, list []v1.DeclaredModule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := "\nCHECK\tDESCRIPTION\n"
	for _, m := range list {
		for _, c := range m.Checks {
			first := firstLine(c.Description)
			if len(c.Requires) > 0 {
				first = "no check: it requires " + c.Requires[0].Name
			}
			io.WriteString(table, header)
			cells(table, m.Module+":"+c.Name, first)
			header = ""
		}
	}
	return table.Flush()
}

// printTriggers writes a table of when functions and the checks of other objects are
// called, as far as that is known.
func printTriggers(w io.Writer, list []v1.DeclaredModule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := "\nFUNCTION\tCALLED\n"
	row := func(name, trigger string) {
		if trigger == "" {
			return
		}
		io.WriteString(table, header)
		cells(table, name, trigger)
		header = ""
	}
	for _, m := range list {
		for _, fn := range m.Functions {
			row(m.Module+":"+fn.Name, fn.Trigger)
		}
		for _, c := range m.Checks {
			if len(c.Path) > 1 {
				row(m.Module+":"+c.Name, c.Trigger)
			}
		}
	}
	return table.Flush()
}

// cells writes a row of a table.
func cells(w io.Writer, texts ...string) {
	for i := range texts {
		texts[i] = terminal.Quote(texts[i])
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// showFunction prints one function with what can be given for its arguments.
func showFunction(w io.Writer, module string, fn *v1.DeclaredFunction) error {
	fmt.Fprintf(w, "%s returns %s\n", terminal.Quote(module+":"+fn.Name), terminal.Quote(fn.Returns))
	if text := strings.TrimSpace(fn.Description); text != "" {
		for _, line := range terminal.Lines(text) {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if len(fn.Args) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ARGUMENT\tTYPE\tVALUE\tDESCRIPTION")
	for i := range fn.Args {
		a := &fn.Args[i]
		cells(table, a.Name, a.Type, valueOf(a), firstLine(a.Description))
	}
	return table.Flush()
}

// valueOf says what can be given for an argument, and what it is otherwise.
func valueOf(a *v1.DeclaredArg) string {
	var parts []string
	switch a.Kind {
	case "list":
		parts = append(parts, "a list")
		if len(a.Values) > 0 {
			parts[0] += " of " + strings.Join(a.Values, ", ")
		}
	case "enum":
		parts = append(parts, "one of "+strings.Join(a.Values, ", "))
	case "secret":
		parts = append(parts, "a reference, such as env://NAME")
	case "file", "directory":
		parts = append(parts, "a path")
	case "other":
		parts = append(parts, "cannot be given by hand")
	}
	switch {
	case a.Filled:
		parts = append(parts, "filled in")
	case a.Default != nil:
		parts = append(parts, "default "+string(a.Default))
	case a.Required:
		parts = append(parts, "required")
	}
	return strings.Join(parts, "; ")
}

// pick finds a function by its name, in any spelling, and that of its module unless that
// is empty.
func pick(list []v1.DeclaredModule, module, name string) (string, *v1.DeclaredFunction, error) {
	var (
		path  string
		found *v1.DeclaredFunction
	)
	for i := range list {
		if module != "" && list[i].Module != module {
			continue
		}
		for j := range list[i].Functions {
			if !modules.SameName(list[i].Functions[j].Name, name) {
				continue
			}
			if found != nil {
				return "", nil, fmt.Errorf("modules %s and %s both have %s; choose one with --module", path, list[i].Module, name)
			}
			path, found = list[i].Module, &list[i].Functions[j]
		}
	}
	if found == nil {
		return "", nil, fmt.Errorf("%w: %s; see pocketci functions", errNoFunction, name)
	}
	return path, found, nil
}
