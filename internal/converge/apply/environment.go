package apply

import (
	"slices"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// environment returns the variables of an action beside those of the host and of its
// command.
func (r *run) environment(c *pattern.Command, mode string) []string {
	return slices.Concat(r.order.Env, []string{
		"POCKETCI_RUN=" + r.state.Run.ID,
		"POCKETCI_COMMAND=" + c.ID,
		"POCKETCI_MODE=" + mode,
	}, r.results)
}

// remember makes variables of what came of an action, for the commands after it.
func (r *run) remember(c *pattern.Command, mode string, d done) {
	if c.EnvPrefix == "" {
		return
	}
	success := "0"
	if d.err == nil && d.exit == 0 {
		success = "1"
	}
	output := variable(d.output)
	switch mode {
	case ModeCheck:
		r.results = append(r.results, c.EnvPrefix+"="+output, c.EnvPrefix+"_CHECK="+success)
	case ModeChange:
		r.results = append(r.results, c.EnvPrefix+"_CHANGE="+success, c.EnvPrefix+"_CHANGE_OUT="+output)
	case ModeRemove:
		r.results = append(r.results, c.EnvPrefix+"_REMOVE="+success, c.EnvPrefix+"_REMOVE_OUT="+output)
	}
}

// variable is an output as the shell's $(…) has it: without line feeds at its end,
// and without zero bytes.
func variable(output string) string {
	b := make([]byte, 0, len(output))
	for _, c := range []byte(output) {
		if c != 0 {
			b = append(b, c)
		}
	}
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return string(b)
}
