package web

import (
	"fmt"
	"strconv"
	"time"

	"github.com/franela/pocketci/events/schedule"
)

// perPage is how many entries a list of what agent.yaml and functions configure shows at
// a time. The API gives all of them.
const perPage = 100

// unconfigured is what a page says that has nothing to show: how one comes to have
// something.
type unconfigured struct {
	// Text is what it is good for.
	Text string
	// Snippet is a part of agent.yaml, or commands.
	Snippet string
	// Docs names the page of the documentation.
	Docs string
}

// The parts of agent.yaml that pages show which have nothing else to show.
var (
	noSchedules = unconfigured{
		"Functions can be called by the clock. A function has a schedule by itself, in an argument called schedule or in pocketci.yaml, or the agent has one, in agent.yaml:",
		`schedules:
  - name: nightly
    cron: 30 2 * * *
    time-zone: Europe/Berlin
    calls: acme/shop`, "time.md"}
	noRegistries = unconfigured{
		"Functions can be called for new versions and overwritten tags of images. The registries to watch are in agent.yaml:",
		`registries:
  - name: images
    host: registry.example.com
    watch:
      - repository: acme/shop
        name: shop
        interval: 1m
        calls: acme/deploy`, "registry.md"}
	noMirrors = unconfigured{
		"A directory of this host can follow a branch or tag. Which, is in agent.yaml:",
		`mirrors:
  - name: shop
    url: https://github.com/acme/shop.git
    directory: /srv/shop
    branch: main`, "mirrors.md"}
	noSigned = unconfigured{
		"Functions can be called by tokens that somebody has signed, sent or fetched. pocketci keygen makes a pair of keys; whose are trusted is in agent.yaml:",
		`signed:
  keys: ["ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build"]
  sources:
    - name: web
      push: true
      calls: acme/shop`, "signed.md"}
	noWebhooks = unconfigured{
		"Functions can be called by whatever sends HTTP requests. Forges have webhooks of their own; others are in agent.yaml:",
		`webhooks:
  - name: deploy
    verify: {bearer: {tokens: [{from-env: DEPLOY_TOKEN}]}}
    calls: acme/shop`, "webhook.md"}
	noModules = unconfigured{
		"A Dagger module need not be in a repository to be called. In its directory:",
		"pocketci module deploy greeter", "modules.md"}
)

// part cuts a page out of a list. After it is the address of the next one, empty on the
// last.
func part[T any](v *visit, list []T) (shown []T, after string) {
	q := v.r.URL.Query()
	from, err := strconv.Atoi(q.Get("from"))
	if err != nil || from < 0 || from > len(list) {
		from = 0
	}
	to := min(from+perPage, len(list))
	if to < len(list) {
		q.Set("from", strconv.Itoa(to))
		after = v.r.URL.Path + "?" + q.Encode()
	}
	return list[from:to], after
}

// confirmPage asks before something that cannot be undone is done.
type confirmPage struct {
	// Question is the title, Text what will happen.
	Question, Text string
	// Action is where the answer is sent, Do what its button says, Back where who
	// would rather not goes.
	Action, Do, Back string
}

// zoned is a time in the zone that it came with.
func zoned(t time.Time) string { return t.Format("Mon 2 Jan 2006, 15:04:05 -07:00") }

// every is a number of seconds as a period.
func every(seconds float64) string {
	return schedule.Period(secondsOf(seconds))
}

// size is a number of bytes in the unit that people would use.
func size(n int64) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return many(n, "byte", "bytes")
}
