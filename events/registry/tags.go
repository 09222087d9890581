package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	// pageSize is how many tags are asked for at a time. Registries may send
	// fewer.
	pageSize = "1000"
	// mostPages, mostTags and pageBytes bound what a registry may answer.
	mostPages = 2_000
	mostTags  = 100_000
	pageBytes = 8 << 20
)

// errTooMany says that a repository has more than is kept of one, since all of its
// tags are in the position of its watch.
var errTooMany = fmt.Errorf("it has more than %d pages or %d tags", mostPages, mostTags)

// page is an answer with tags, kept for as long as the registry says that it has
// not changed.
type page struct {
	etag string
	tags []string
	next *url.URL
}

// tagName is what the distribution specification allows a tag to be.
var tagName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// CheckTag returns an error unless a text can be a tag.
func CheckTag(tag string) error {
	if !tagName.MatchString(tag) {
		return errors.New("not a tag: want letters, digits, underscores, dots and dashes, at most 128")
	}
	return nil
}

// Tags returns all tags of the repository, sorted, each once. The error is
// [ErrNoRepository] if there is no repository; a [poll.RetryAfterError] is in
// its chain if the registry asks for a pause.
func (r *Remote) Tags(ctx context.Context) ([]string, error) {
	done, err := r.take(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	tags, err := r.tags(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the tags of %s: %w", r.repository, err)
	}
	return tags, nil
}

func (r *Remote) tags(ctx context.Context) ([]string, error) {
	first, err := url.Parse(r.address("tags/list?n=" + pageSize))
	if err != nil {
		return nil, err
	}
	var tags []string
	kept, seen := map[string]page{}, map[string]bool{}
	for at := first; at != nil; {
		address := at.String()
		switch {
		case seen[address]:
			return nil, errors.New("its pages go in a circle")
		case len(seen) == mostPages:
			return nil, errTooMany
		}
		seen[address] = true
		p, err := r.page(ctx, at)
		if err != nil {
			return nil, err
		}
		if p.etag != "" {
			kept[address] = p
		}
		if tags = append(tags, p.tags...); len(tags) > mostTags {
			return nil, errTooMany
		}
		at = p.next
	}
	r.pages = kept
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

// page gets one page of tags.
func (r *Remote) page(ctx context.Context, at *url.URL) (page, error) {
	known, asked := r.pages[at.String()]
	header := http.Header{"Accept": {"application/json"}}
	statuses := []int{http.StatusOK, http.StatusNotFound}
	if asked {
		header.Set("If-None-Match", known.etag)
		statuses = append(statuses, http.StatusNotModified)
	}
	response, err := r.ask(ctx, http.MethodGet, at.String(), header, statuses...)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusNotFound:
		return page{}, ErrNoRepository
	case http.StatusNotModified:
		return known, nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, pageBytes+1))
	if err != nil {
		return page{}, fmt.Errorf("read a page: %w", err)
	}
	p := page{etag: response.Header.Get("ETag")}
	if p.tags, err = readTags(body); err != nil {
		return page{}, err
	}
	p.next, err = next(at, response.Header.Values("Link"))
	return p, err
}

// readTags reads the body of a page. A tag that cannot be one is left out: it
// could not be asked for either.
func readTags(body []byte) ([]string, error) {
	if len(body) > pageBytes {
		return nil, fmt.Errorf("a page is larger than %d MiB", pageBytes>>20)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("the answer is no list of tags")
	}
	return slices.DeleteFunc(list.Tags, func(tag string) bool { return CheckTag(strings.ToValidUTF8(tag, " ")) != nil }), nil
}
