package store

import (
	"context"
	"errors"
	"fmt"
)

// RunOfDelivery returns the run, without its plan, of the event that arrived at a
// hook with an id, or [ErrNotFound].
func (s *Store) RunOfDelivery(ctx context.Context, hook, delivery string) (Run, error) {
	if hook == "" || delivery == "" {
		return Run{}, fmt.Errorf("find a delivery without a hook or an id: %w", ErrNotFound)
	}
	dest, made := runScan()
	err := s.get(ctx, dest, `SELECT `+runColumns+` FROM runs WHERE event =
		(SELECT id FROM events WHERE hook = ? AND delivery = ? AND delivery <> '') ORDER BY number LIMIT 1`, key(hook), key(delivery))
	if errors.Is(err, ErrNotFound) {
		return Run{}, fmt.Errorf("find the run of delivery %s at %s: %w", delivery, hook, ErrNotFound)
	}
	if err != nil {
		return Run{}, fmt.Errorf("find the run of delivery %s at %s: %w", delivery, hook, err)
	}
	return made(), nil
}
