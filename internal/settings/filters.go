package settings

import (
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/yamlfile"
)

// KeyFilters is the key of conditions on the payloads of events. An event that does
// not fulfil them is stored, and nothing is planned for it.
const KeyFilters = "filters"

// filters reads and compiles what the payloads of a source's events must fulfil.
func (r reader) filters(e yamlfile.Entry) []predicate.Filter {
	return predicate.Read(r.Reader, e.Value, e.Name)
}
