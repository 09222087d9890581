package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Push sends a signed token to a source of an agent. The client needs no key for it.
func (c *Client) Push(ctx context.Context, source, token string) (v1.Accepted, error) {
	var accepted v1.Accepted
	r := post("signed", source)
	r.body = v1.SignedToken{Token: token}
	return accepted, c.do(ctx, r, &accepted)
}

// SignedSources lists the sources of signed tokens.
func (c *Client) SignedSources(ctx context.Context) (v1.SignedSources, error) {
	var list v1.SignedSources
	return list, c.do(ctx, get("signed"), &list)
}

// HostReply is what a host that converges makes of a token.
type HostReply struct {
	// Changed and Removed are the ids of commands for which that was done, or
	// would be if Dry is set.
	Changed []string `json:"changed"`
	Removed []string `json:"removed"`
	// Err says what failed or why the token was refused, and Exit is not zero
	// then.
	Err  string `json:"err"`
	Exit int    `json:"exit"`
	Dry  bool   `json:"dry_run,omitempty"`
	// Note says why nothing was done, or that it takes longer.
	Note string `json:"note,omitempty"`
}

// hostLimit is the largest reply of a host in bytes.
const hostLimit = 16 << 20

// PushToHost sends a signed token to a source of a host that converges, which the
// client's server is then, and returns its answer: read, and as it was sent. With dry
// the host only says what it would do. A refusal is an [*Error] with the host's words.
func (c *Client) PushToHost(ctx context.Context, source, token string, dry bool) (HostReply, []byte, error) {
	u := *c.base
	u.Path += "/push/" + source
	if dry {
		u.RawQuery = url.Values{"dry-run": {""}}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(token))
	if err != nil {
		return HostReply{}, nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/jwt")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	res, err := c.slow.Do(req)
	if err != nil {
		return HostReply{}, nil, c.broken(ctx, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, hostLimit))
	if err != nil {
		return HostReply{}, nil, c.broken(ctx, err)
	}
	var reply HostReply
	read := json.Unmarshal(data, &reply)
	switch {
	case res.StatusCode/100 != 2:
		return HostReply{}, nil, &Error{Status: res.StatusCode, Detail: reply.Err}
	case read != nil:
		return HostReply{}, nil, c.strange(read)
	}
	return reply, data, nil
}
