package tokens

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
)

// ErrNoPush says that a source does not take tokens that are sent. Whoever is told
// has signed one for it.
var ErrNoPush = errors.New("the source takes no pushed tokens; agent.yaml allows it with push: true")

// Push verifies a token that was sent and stores its event, together with the fact
// that it was accepted. A token that is refused changes nothing. The errors are those
// of [signed.Verify] and [signed.Guard.Admit], [ErrNoPush], and those of Aim and the
// store. After store.ErrUnavailable it may have been accepted nonetheless: sent again
// it is a replay then.
func (s *Source) Push(ctx context.Context, st poll.Store, text string, now time.Time) (store.Receipt, error) {
	token, err := signed.Verify(text, s.rules(now))
	if err != nil {
		return store.Receipt{}, err
	}
	if !s.conf.Push {
		return store.Receipt{}, ErrNoPush
	}
	e, err := s.event(ctx, NamePush, token)
	if err != nil {
		return store.Receipt{}, err
	}
	e.ID = events.NewID()
	d := store.Delivery{Hook: poll.Hook(Kind, s.conf.Name), Event: e, Skip: predicate.Check(s.conf.Filters, predicate.NewDocument(e.Payload))}
	for {
		receipt, err := s.advance(ctx, st, token, d, now)
		if !errors.Is(err, store.ErrMoved) || ctx.Err() != nil {
			return receipt, err
		}
	}
}

// advance stores the event if the source accepts the token at its present position.
func (s *Source) advance(ctx context.Context, st poll.Store, token *signed.Token, d store.Delivery, now time.Time) (store.Receipt, error) {
	position, err := st.Position(ctx, Kind, s.conf.Name)
	if err != nil {
		return store.Receipt{}, err
	}
	guard, err := signed.ReadGuard(position.Value)
	if err != nil {
		return store.Receipt{}, err
	}
	next, err := guard.Admit(token, s.conf.AllowOlder, now)
	if err != nil {
		return store.Receipt{}, err
	}
	if position.Value, err = json.Marshal(next); err != nil {
		return store.Receipt{}, fmt.Errorf("write which tokens were accepted: %w", err)
	}
	receipts, _, err := st.Advance(ctx, position, d)
	if err != nil {
		return store.Receipt{}, err
	}
	return receipts[0], nil
}
