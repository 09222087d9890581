package v1

import (
	"encoding/json"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// DeclareIn describes a module with what pocketci.yaml says about it: when its functions
// are called, and which arguments have values. Secrets are references.
func DeclareIn(m *modules.Module, settings config.Module) DeclaredModule {
	view := Declare(m)
	view.Converges = settings.Converge != nil
	for i := range m.Functions {
		fn, to := &m.Functions[i], &view.Functions[i]
		trigger := dispatcher.TriggerOf(m, fn, settings)
		to.Trigger, to.ByHand = trigger.Words, trigger.ByHand
		own, _ := settings.Function(fn.Name)
		for j := range to.Args {
			fill(&to.Args[j], settings.Secrets, own.Args)
		}
	}
	for i := range m.Checks {
		trigger := dispatcher.TriggerOfCheck(&m.Checks[i], settings)
		view.Checks[i].Trigger, view.Checks[i].ByHand = trigger.Words, trigger.ByHand
	}
	return view
}

// fill says what pocketci.yaml gives an argument.
func fill(a *DeclaredArg, secrets []config.Secret, constants map[string]any) {
	for _, s := range secrets {
		if modules.SameName(s.Name, a.Name) && a.Kind == "secret" {
			a.Secret = dispatcher.SecretRef(s)
		}
	}
	for name, value := range constants {
		if !modules.SameName(name, a.Name) {
			continue
		}
		// Constants are scalars and lists of these, which can be written.
		if data, err := json.Marshal(value); err == nil {
			a.Constant = data
		}
	}
}
