package main

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

// beacon is a server that functions ask for a page, which is how the moment at
// which a function runs is seen from outside, whoever calls it.
type beacon struct {
	url  string
	hits chan hit
}

type hit struct {
	path string
	at   time.Time
}

func startBeacon(s *gittest.Stage) (*beacon, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start beacon: %w", err)
	}
	b := &beacon{url: "http://" + listener.Addr().String(), hits: make(chan hit, 1024)}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		fmt.Fprintln(w, "seen")
		b.hits <- hit{r.URL.Path, at}
	})}
	go server.Serve(listener)
	s.Cleanup(func() { server.Close() })
	return b, nil
}

// seen returns when the page at the path was first asked for.
func (b *beacon) seen(path string) (time.Time, error) {
	for {
		select {
		case h := <-b.hits:
			if h.path == path {
				return h.at, nil
			}
		default:
			return time.Time{}, fmt.Errorf("the function never asked for %s", path)
		}
	}
}
