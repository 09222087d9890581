package web

import (
	"net/http"
	"sync"

	"github.com/franela/pocketci/internal/api"
)

// Bounds of what is done at a time. Strangers count by their addresses, others by the key
// that they have signed in with, which many may share.
const (
	// busyByAddress is how many requests of strangers of one address are answered, and
	// busyStrangers how many of all strangers.
	busyByAddress, busyStrangers = 16, 128
	// liveByAddress is how many pages of strangers of one address are kept up to date,
	// liveStrangers how many of all strangers. A page that is not has all that it has at
	// first.
	liveByAddress, liveStrangers = 24, 200
	// liveByKey and liveByAll are the same for who has signed in.
	liveByKey, liveByAll = 500, 2000
)

// crowd counts who does something at a time.
type crowd struct {
	// each is how often one may do it, and most how often all may.
	each, most int

	mu    sync.Mutex
	times map[string]int
	all   int
}

func newCrowd(each, most int) *crowd {
	return &crowd{each: each, most: most, times: map[string]int{}}
}

// enter is for who begins, and leave is to be called once in the end. There may be no
// room.
func (c *crowd) enter(who string) (leave func(), room bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.most || c.times[who] >= c.each {
		return nil, false
	}
	c.all++
	c.times[who]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.times[who]--; c.times[who] == 0 {
			delete(c.times, who)
		}
	}, true
}

// follow is for a visit whose page is kept up to date from now on: as [crowd.enter].
func (s *Site) follow(v *visit) (leave func(), room bool) {
	if v.me != nil {
		return s.working.enter(v.me.ID)
	}
	if leave, room = s.watching.enter(v.client()); room && v.leave != nil {
		v.leave() // it is not one of those any more who get an answer and go
	}
	return leave, room
}

// client is who a stranger is, as far as can be told.
func (v *visit) client() string { return api.Neighbours(v.site.Remote(v.r)) }

// crowded is the answer if there is no room.
func (v *visit) crowded() error {
	v.w.Header().Set("Retry-After", "30")
	return &problem{http.StatusServiceUnavailable, "Too many look at pages at the moment. Try again in half a minute."}
}
