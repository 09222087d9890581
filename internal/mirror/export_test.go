package mirror

import "github.com/franela/pocketci/events"

// ValidRef is validRef for its fuzz test.
var ValidRef = validRef

// Abandon lets go of what m holds, as the death of its process would.
func Abandon(m *Mirrors) { _ = m.checkouts.lock.Close() }

// Remote is what the mirrors make of a payload: the URL, the mirror's
// directory, and whether credentials may be sent.
func (m *Mirrors) Remote(repo *events.Repository, vendor string) (url, dir string, trusted bool, err error) {
	r, err := m.remote(repo, vendor)
	if err != nil {
		return "", "", false, err
	}
	return r.url, r.dir(m.root()), r.trusted, nil
}

// LimitTo makes m pack a mirror when it holds more than n of anything.
func LimitTo(m *Mirrors, n int) { m.limits = limits{refs: n, packs: n} }
