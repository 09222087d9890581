package web

import (
	"fmt"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

// registriesPage is what is watched in registries.
type registriesPage struct {
	Watches []*watchRow
	More    string
	None    unconfigured
}

// registryPage is one watch with its tags.
type registryPage struct {
	Watch *watchRow
	// Tag is what was typed to pin, Error why that or something else was not done.
	Tag, Error string
}

// watchRow is a watch in the list.
type watchRow struct{ v1.Watch }

// State is that of the last deployment, or deployed, or nothing.
func (r *watchRow) State() string {
	switch {
	case r.Deployment != nil:
		return r.Deployment.Progress
	case r.Deployed != nil:
		return "deployed"
	}
	return "not-deployed"
}

// Again reports whether what is to be deployed is deployed already.
func (r *watchRow) Again() bool { return r.Deployed != nil && r.Deployed.Tag == r.Wanted }

// Path is the address of its page.
func (r *watchRow) Path() string { return under("/registries", r.Name) }

// CallsPath is the page of what it calls; empty if that is nothing or a stored module.
func (r *watchRow) CallsPath() string {
	if r.Calls == "" {
		return ""
	}
	const module = "module "
	if len(r.Calls) > len(module) && r.Calls[:len(module)] == module {
		return under("/modules", r.Calls[len(module):])
	}
	if name, stored := events.ModuleName(r.Calls); stored {
		return under("/modules", name)
	}
	return repositoryPath(r.Calls)
}

func (s *Site) registries(v *visit) error {
	found, err := v.api.Registries(v.ctx())
	if err != nil {
		return err
	}
	page := registriesPage{None: noRegistries}
	list, more := part(v, found.Watches)
	page.More = more
	for i := range list {
		page.Watches = append(page.Watches, &watchRow{list[i]})
	}
	return v.show("registries", page)
}

func (s *Site) registry(v *visit) error {
	w, err := v.api.Registry(v.ctx(), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	return v.show("registry", registryPage{Watch: &watchRow{w}})
}

// pinTag pins the tag of the form, or takes the pin away if it has none.
func (s *Site) pinTag(v *visit) error {
	tag := v.typed("tag")
	return s.changeWatch(v, tag, func() (v1.WatchChanged, error) {
		return v.api.ChangeRegistry(v.ctx(), v.r.PathValue("name"), v1.WatchChange{PinnedTag: &tag})
	})
}

func (s *Site) autoDeploy(v *visit) error {
	on := v.typed("on") == "true"
	return s.changeWatch(v, "", func() (v1.WatchChanged, error) {
		return v.api.ChangeRegistry(v.ctx(), v.r.PathValue("name"), v1.WatchChange{AutoDeploy: &on})
	})
}

func (s *Site) redeployWatch(v *visit) error {
	return s.changeWatch(v, "", func() (v1.WatchChanged, error) { return v.api.RedeployRegistry(v.ctx(), v.r.PathValue("name")) })
}

func (s *Site) resetWatch(v *visit) error {
	return s.changeWatch(v, "", func() (v1.WatchChanged, error) { return v.api.ResetRegistry(v.ctx(), v.r.PathValue("name")) })
}

// resetWatchPage asks first: the pin is gone afterwards.
func (s *Site) resetWatchPage(v *visit) error {
	w, err := v.api.Registry(v.ctx(), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	path := under("/registries", w.Name)
	text := "The newest version is deployed at once, and from then on by itself."
	if w.PinnedTag != "" {
		text = "The tag " + w.PinnedTag + " is no longer pinned. " + text
	}
	return v.show("confirm", confirmPage{"Reset " + w.Name + "?", text, path + "/reset", "Reset and deploy the newest version", path})
}

// changeWatch makes a change and says what came of it, or shows the watch with the reason
// why not.
func (s *Site) changeWatch(v *visit, tag string, change func() (v1.WatchChanged, error)) error {
	name := v.r.PathValue("name")
	c, err := change()
	if err == nil {
		return v.back(under("/registries", name), changedNote(&c))
	}
	status, text, again := objected(err)
	if !again {
		return err
	}
	w, missing := v.api.Registry(v.ctx(), name)
	if missing != nil {
		return err
	}
	return v.showStatus(status, "registry", registryPage{&watchRow{w}, tag, text})
}

func changedNote(c *v1.WatchChanged) string {
	auto := "It deploys by itself."
	if !c.AutoDeploy {
		auto = "It does not deploy by itself."
	}
	if c.Tag == "" {
		return "Changed. Nothing is deployed for it. " + auto
	}
	return fmt.Sprintf("Run %d deploys %s. %s", c.Run, c.Tag, auto)
}
