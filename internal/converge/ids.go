package converge

import "sync"

// ids bounds how many ids of commands become labels: patterns come and go, and each
// label is kept for ever.
type ids struct {
	mu   sync.Mutex
	seen map[string]map[string]bool
}

func (i *ids) label(source, id string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen == nil {
		i.seen = map[string]map[string]bool{}
	}
	known := i.seen[source]
	if known == nil {
		known = map[string]bool{}
		i.seen[source] = known
	}
	if !known[id] {
		if len(known) >= maxCommands {
			return "other"
		}
		known[id] = true
	}
	return id
}
