package web

import (
	"net/http"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// keysPage is the API keys, with the form for one more.
type keysPage struct {
	Keys []v1.Key
	More string
	// Own is the id of the key that the visitor has signed in with.
	Own string
	// New is the key that was just made. Nothing else shows its secret.
	New *v1.NewKey
	// What was typed, and why no key was made of it.
	Name, Login, Days string
	Scope             v1.Scope
	Error             string
}

// Scopes are those that a key can have, with what they allow.
func (keysPage) Scopes() []struct {
	Scope v1.Scope
	May   string
} {
	return []struct {
		Scope v1.Scope
		May   string
	}{
		{v1.ScopeRead, "look at everything but keys, audit log and configuration"},
		{v1.ScopeRun, "also start, restart, abort and approve"},
		{v1.ScopeAdmin, "everything"},
	}
}

// Lifetimes are how many days a key can be made for.
func (keysPage) Lifetimes() []struct{ Days, Text string } {
	return []struct{ Days, Text string }{{"", "never"}, {"7", "in 7 days"}, {"30", "in 30 days"}, {"90", "in 90 days"}, {"365", "in a year"}}
}

// Over reports whether a key has expired.
func (keysPage) Over(k v1.Key) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(time.Now()) }

// showKeys answers with the keys and a form as it was typed.
func (v *visit) showKeys(status int, page keysPage) error {
	found, err := v.api.Keys(v.ctx())
	if err != nil {
		return err
	}
	page.Own = v.me.ID
	page.Keys, page.More = part(v, found.Keys)
	return v.showStatus(status, "keys", page)
}

func (s *Site) keys(v *visit) error {
	return v.showKeys(http.StatusOK, keysPage{Scope: v1.ScopeRead})
}

// createKey makes a key. Its secret is in this answer and nowhere else: leading to
// another page would need a place to keep it until then.
func (s *Site) createKey(v *visit) error {
	page := keysPage{Name: v.typed("name"), Login: v.typed("login"), Days: v.typed("days"), Scope: v1.Scope(v.typed("scope"))}
	asked := v1.KeyRequest{Name: page.Name, Scope: page.Scope, Login: page.Login}
	if page.Days != "" {
		days, err := strconv.Atoi(page.Days)
		if err != nil || days < 1 || days > 10*365 {
			page.Error = "A key lasts for a number of days from 1 to 3650, or until it is deleted."
			return v.showKeys(http.StatusUnprocessableEntity, page)
		}
		at := time.Now().AddDate(0, 0, days)
		asked.ExpiresAt = &at
	}
	made, err := v.api.CreateKey(v.ctx(), asked)
	if err != nil {
		status, text, again := objected(err)
		if !again {
			return err
		}
		page.Error = upper(text)
		return v.showKeys(status, page)
	}
	return v.showKeys(http.StatusCreated, keysPage{Scope: v1.ScopeRead, New: &made})
}

// key finds the key that the path names.
func (v *visit) key() (v1.Key, error) {
	found, err := v.api.Keys(v.ctx())
	if err != nil {
		return v1.Key{}, err
	}
	for _, k := range found.Keys {
		if k.ID == v.r.PathValue("id") {
			return k, nil
		}
	}
	return v1.Key{}, &problem{http.StatusNotFound, "There is no such key. Somebody may have deleted it."}
}

// deleteKeyPage asks first.
func (s *Site) deleteKeyPage(v *visit) error {
	k, err := v.key()
	if err != nil {
		return err
	}
	text := "Whoever uses it is refused from then on, and whoever has signed in with it is signed out. There is no way back but another key."
	if k.ID == v.me.ID {
		text = "You have signed in with it, and will be signed out. " + text
	}
	return v.show("confirm", confirmPage{
		"Delete the key " + k.Name + "?", text, under("/settings/keys", k.ID) + "/delete", "Delete " + k.Name, "/settings/keys",
	})
}

func (s *Site) deleteKey(v *visit) error {
	k, err := v.key()
	if err == nil {
		err = v.api.DeleteKey(v.ctx(), k.ID)
	}
	if err != nil {
		return err
	}
	if k.ID == v.me.ID {
		s.forget(v.w, v.r)
		return v.back("/sign-in", "The key is deleted, and you are signed out.")
	}
	return v.back("/settings/keys", "The key "+k.Name+" is deleted.")
}
