package reaction

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// failedKind ends the kind of the positions that say which failure was told last. It
// is apart from what was achieved, which a failure does not move.
const failedKind = "-failed"

// failure is the value of such a position.
type failure struct {
	Reason string    `json:"reason"`
	Error  string    `json:"error"`
	Since  time.Time `json:"since"`
}

// noTarget is why the event of a reaction without a target has nothing to call.
const noTarget = "it belongs to no repository: calls in agent.yaml says whose functions it calls"

// try has a reaction do what is to be done, and stores that it did.
func (r *Reactor) try(ctx context.Context, reaction Reaction, round Round) (string, error) {
	name := reaction.Name()
	position, err := r.cfg.Store.Position(ctx, r.cfg.Kind, r.cfg.Agent+"/"+name)
	if err != nil {
		return "", err
	}
	round.Achieved = position.Value
	outcome, err := r.react(ctx, reaction, round)
	if err != nil {
		return "", err
	}
	var deliveries []store.Delivery
	result := ResultUnchanged
	if outcome.Event != nil {
		result = ResultChanged
		deliveries = append(deliveries, r.delivery(ctx, reaction, position, round.Cause, *outcome.Event))
	}
	if outcome.Event != nil || position.Version == 0 || string(outcome.Achieved) != string(position.Value) {
		position.Value = outcome.Achieved
		if _, _, err := r.cfg.Store.Advance(ctx, position, deliveries...); err != nil {
			return "", fmt.Errorf("store what was achieved: %w", err)
		}
	}
	if err := r.forgetFailure(ctx, name); err != nil {
		return "", err
	}
	if result == ResultChanged {
		r.cfg.Log.Info("reaction succeeded", r.cfg.Kind, name, "event", deliveries[0].Event.ID)
	}
	return result, nil
}

// forgetFailure has the next failure be told, whatever it is.
func (r *Reactor) forgetFailure(ctx context.Context, name string) error {
	told, err := r.cfg.Store.Position(ctx, r.cfg.Kind+failedKind, r.cfg.Agent+"/"+name)
	if err != nil || told.Version == 0 {
		return err
	}
	return r.cfg.Store.Forget(ctx, told.Kind, told.Name)
}

// tellFailure stores an event of a failure, unless it is the one that was told last.
func (r *Reactor) tellFailure(ctx context.Context, reaction Reaction, cause *events.Event, failed error) error {
	position, err := r.cfg.Store.Position(ctx, r.cfg.Kind+failedKind, r.cfg.Agent+"/"+reaction.Name())
	if err != nil {
		return err
	}
	var told failure
	if position.Version > 0 {
		if err := json.Unmarshal(position.Value, &told); err != nil {
			return fmt.Errorf("read what was told of the last failure: %w", err)
		}
	}
	reason, e := reaction.Failed(failed)
	if told.Reason == reason {
		return nil
	}
	value, err := json.Marshal(failure{Reason: reason, Error: failed.Error(), Since: time.Now().UTC()})
	if err != nil {
		return err
	}
	d := r.delivery(ctx, reaction, position, cause, e)
	position.Value = value
	_, _, err = r.cfg.Store.Advance(ctx, position, d)
	if errors.Is(err, store.ErrMoved) {
		return nil // somebody has told already
	}
	return err
}

// delivery makes an event of a reaction ready to be stored. That it is stored once is
// for the version of the position to say, which moves with it.
func (r *Reactor) delivery(ctx context.Context, reaction Reaction, p store.Position, cause *events.Event, e events.Event) store.Delivery {
	e.ID = events.NewID()
	e.Delivery = e.Name + "-" + e.ID
	e.Trusted = true
	if cause != nil {
		e = events.Follow(cause, e)
	}
	d := store.Delivery{Hook: p.Kind + ":" + p.Name, Event: e}
	if err := r.cfg.Aim(ctx, reaction.Target(), &d.Event); err != nil {
		// What was done was done, and is told.
		d.Skip = err.Error()
	} else if d.Event.Repository == nil {
		d.Skip = noTarget
	}
	return d
}
