package main

import (
	"fmt"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

// settle is how long the agent is left alone before its memory is read.
const settle = 2 * time.Second

// memory reads what the agent holds when it has nothing to do: once it is
// ready, and after some runs.
func (b *bench) memory() (row, error) {
	beacon, err := startBeacon(b.Stage)
	if err != nil {
		return row{}, err
	}
	git := gittest.NewServer(b)
	const name = "octo/memory"
	r := &repository{Repo: git.Repo(name), name: name, url: git.CloneURL(name), beacon: beacon}
	r.tip = r.Commit("main", "A module", gittest.Write("ci/dagger.json", manifest), gittest.Write("ci/main.dang", beaconModule))
	a, err := b.startAgent()
	if err != nil {
		return row{}, err
	}
	fresh, err := b.idle(a)
	if err != nil {
		return row{}, err
	}
	for range b.runs {
		_, payload, err := r.push()
		if err != nil {
			return row{}, err
		}
		if _, _, err := a.deliver(payload); err != nil {
			return row{}, err
		}
	}
	used, err := b.idle(a)
	return row{
		what:     "idle agent, resident memory",
		measured: fmt.Sprintf("%.0f MB after start, %.0f MB after %d runs", megabytes(fresh), megabytes(used), b.runs),
	}, err
}

func (b *bench) idle(a *theAgent) (kb int, err error) {
	select {
	case <-time.After(settle):
		return a.residentKB()
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

func megabytes(kb int) float64 { return float64(kb) / 1024 }
