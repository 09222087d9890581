package tokens

import (
	"context"
	"time"

	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
)

// Set are all sources. It never changes.
type Set struct {
	byName map[string]*Source
	// decoy has a key that nobody has.
	decoy *Source
}

// NewSet makes the sources of a configuration, whose names differ.
func NewSet(confs []settings.SignedSource, o Options) (*Set, error) {
	set := &Set{byName: map[string]*Source{}}
	for _, conf := range confs {
		s, err := New(conf, o)
		if err != nil {
			return nil, err
		}
		set.byName[conf.Name] = s
	}
	signer, err := signed.NewSigner("")
	if err != nil {
		return nil, err
	}
	set.decoy = &Source{conf: settings.SignedSource{Keys: []signed.Key{signer.Public()}}}
	return set, nil
}

// Pulled lists the sources that have to be asked.
func (set *Set) Pulled() []poll.Source {
	var list []poll.Source
	for _, s := range set.byName {
		if s.Pulls() {
			list = append(list, s)
		}
	}
	return list
}

// Push is [Source.Push] of the source of that name. For a name that none has the
// error is the one that a source has for a token of a stranger: which sources there
// are is for those to know who may sign for one.
func (set *Set) Push(ctx context.Context, st poll.Store, source, text string, now time.Time) (store.Receipt, error) {
	s := set.byName[source]
	if s == nil {
		s = set.decoy
	}
	return s.Push(ctx, st, text, now)
}
