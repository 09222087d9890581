package store

import (
	"context"
	"fmt"
	"time"
)

// Heard returns when any agent was last heard, which is zero if none ever was.
// Asked before an agent joins it says since when nobody has received events.
func (s *Store) Heard(ctx context.Context) (time.Time, error) {
	var at int64
	if err := s.get(ctx, []any{&at}, `SELECT COALESCE(max(seen_at), 0) FROM agents`); err != nil {
		return time.Time{}, fmt.Errorf("read when an agent was last heard: %w", err)
	}
	return fromMicros(at), nil
}
