package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/history"
	"github.com/franela/pocketci/internal/web"
)

const (
	homeRuns      = 10_000
	homeLimit     = 50 * time.Millisecond
	homeBytes     = 100_000
	homeFollowers = 200
	homeChanges   = 5
)

// home measures the first page of an agent that has made many runs, as a browser gets it,
// and what it costs to keep it up to date for many browsers.
func (b *bench) home() ([]row, error) {
	site, err := b.startPages(homeRuns)
	if err != nil {
		return nil, err
	}
	var (
		times []time.Duration
		page  []byte
	)
	for i := range 10*b.runs + 1 {
		start := time.Now()
		if page, err = site.get(b.ctx, "/"); err != nil {
			return nil, err
		}
		if i > 0 { // the first one warms up
			times = append(times, time.Since(start))
		}
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(page); err != nil {
		return nil, fmt.Errorf("compress home: %w", err)
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("compress home: %w", err)
	}
	took := median(times)
	followers, err := b.followers(site)
	return []row{
		{
			what: fmt.Sprintf("home with %d runs in the store", homeRuns), measured: ms(took) + spread(times),
			goal: "under " + homeLimit.String(), met: met(took < homeLimit),
		},
		{
			what: "bytes of it", measured: fmt.Sprintf("%d", len(page)), against: fmt.Sprintf("gzip: %d", packed.Len()),
			ratio: fmt.Sprintf("%.2f", float64(len(page))/float64(packed.Len())), goal: fmt.Sprintf("under %d", homeBytes), met: met(len(page) < homeBytes),
		},
		followers,
	}, err
}

// followers measures the CPU of keeping home up to date in many browsers while a run is
// accepted every second, and compares it with one browser.
func (b *bench) followers(site *pages) (row, error) {
	one, err := b.follow(site, 1)
	if err != nil {
		return row{}, err
	}
	many, err := b.follow(site, homeFollowers)
	return row{
		what: fmt.Sprintf("CPU of a change for %d browsers that show home, theirs included", homeFollowers), measured: ms(many),
		against: "for one of them " + ms(one), ratio: fmt.Sprintf("%.1f", many.Seconds()/one.Seconds()),
	}, err
}

func (b *bench) follow(site *pages, browsers int) (perChange time.Duration, err error) {
	ctx, cancel := context.WithCancel(b.ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	shown := make(chan error, browsers)
	for range browsers {
		response, err := site.open(ctx, "/runs/home")
		if err != nil {
			return 0, err
		}
		reading.Go(func() {
			defer response.Body.Close()
			buffer := make([]byte, 64<<10)
			_, err := response.Body.Read(buffer)
			for shown <- err; err == nil; {
				_, err = response.Body.Read(buffer)
			}
		})
	}
	for range browsers {
		if err := <-shown; err != nil {
			return 0, fmt.Errorf("follow home: %w", err)
		}
	}
	time.Sleep(2 * time.Second) // what they are sent at first has been sent by then
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	for range homeChanges {
		if err := site.push(ctx); err != nil {
			return 0, err
		}
		time.Sleep(1200 * time.Millisecond)
	}
	after, err := processorTime()
	return (after - before) / homeChanges, err
}

// pages are those of an agent without an engine, in this process.
type pages struct {
	url    string
	client *http.Client
	store  *store.Store
}

type noPlanner struct{}

func (noPlanner) Plan(context.Context, events.Event) (*dispatcher.View, error) {
	return nil, errors.New("nothing is planned here")
}

func (b *bench) startPages(runs int) (*pages, error) {
	o := store.Options{DataDir: b.TempDir()}
	s, err := store.Open(b.ctx, o)
	if err != nil {
		return nil, err
	}
	b.Cleanup(func() { s.Close() })
	if err := history.Fill(b.ctx, o, runs, time.Now()); err != nil {
		return nil, err
	}
	service, err := api.New(api.Options{Store: s, Planner: noPlanner{}, Parse: forges.Parse})
	if err != nil {
		return nil, err
	}
	site, err := web.New(web.Options{API: service})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve pages: %w", err)
	}
	host := server.NewHTTPServer(site, nil)
	go host.Serve(listener)
	b.Cleanup(func() { host.Close() })
	_, secret, err := s.CreateKey(b.ctx, store.NewKey{Name: "bench", Scope: string(v1.ScopeRead)}, store.Actor{Person: "bench"})
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("keep cookies: %w", err)
	}
	p := &pages{"http://" + listener.Addr().String(), &http.Client{Jar: jar}, s}
	response, err := p.client.PostForm(p.url+"/sign-in", url.Values{"key": {secret}})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	return p, response.Body.Close()
}

func (p *pages) open(ctx context.Context, path string) (*http.Response, error) {
	return p.openQuery(ctx, path, nil)
}

func (p *pages) openQuery(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK || response.Request.URL.Path != path {
		response.Body.Close()
		return nil, fmt.Errorf("get %s: %s at %s", path, response.Status, response.Request.URL.Path)
	}
	return response, nil
}

func (p *pages) get(ctx context.Context, path string) ([]byte, error) {
	response, err := p.open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// push accepts an event, as a webhook would.
func (p *pages) push(ctx context.Context) error {
	id := events.NewID()
	_, err := p.store.Accept(ctx, store.Delivery{Hook: "bench", Event: events.Event{
		ID: id, Delivery: id, Vendor: events.VendorGithub, Name: events.NamePush, Filter: "main", Ref: "refs/heads/main", Branch: "main",
		Repository: &events.Repository{FullName: "franela/shop", DefaultBranch: "main"}, SHA: id, Payload: []byte(`{}`),
	}})
	return err
}
