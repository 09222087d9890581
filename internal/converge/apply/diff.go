package apply

import (
	"slices"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// Diff is what has to be taken back before and after the commands of a pattern are
// checked, and which of them change whatever their check says.
type Diff struct {
	// Remove are in the order in which they are removed: the last one that was
	// applied first.
	Remove []Entry
	// RemoveAfter are removed after the changes.
	RemoveAfter []Entry
	// Forget are no longer wanted, and have nothing that would take them back.
	Forget []string
	// Replaced are the commands that do something else than before.
	Replaced []string
}

// Compare compares what is in effect with what is wanted. With keep nothing is
// removed.
func Compare(applied []Entry, want []pattern.Command, keep bool) Diff {
	wanted := map[string]*pattern.Command{}
	for i := range want {
		wanted[want[i].ID] = &want[i]
	}
	var d Diff
	for _, old := range slices.Backward(applied) {
		command := wanted[old.ID]
		gone := command == nil
		if !gone {
			if command.ChangeIgnore || command.Does(&old.Command) {
				continue
			}
			d.Replaced = append(d.Replaced, old.ID)
		}
		switch {
		case keep || old.Remove == nil:
			if gone {
				d.Forget = append(d.Forget, old.ID)
			}
		case old.RemoveAfter || !gone && command.RemoveAfter:
			d.RemoveAfter = append(d.RemoveAfter, old)
		default:
			d.Remove = append(d.Remove, old)
		}
	}
	return d
}
