package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/franela/pocketci/internal/gittest"
)

// manifest is the dagger.json of the modules. Dang runs inside the engine, so
// that what is measured is pocketci and not the start of a container.
const manifest = `{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}}
`

// beaconModule says on every push that it runs, at the address that the commit
// names.
const beaconModule = `type Ci {
  pub onGithubPush(src: Directory!): String! {
    http(src.file("beacon").contents).contents
  }
}
`

// repository is a repository on the git server that gets pushes.
type repository struct {
	*gittest.Repo
	name, url string
	beacon    *beacon
	tip       string
	pushes    int
}

// edit is the change that each push makes: one file beside the module, whose
// content nobody has seen before.
func (r *repository) edit() (edit gittest.Edit, path string) {
	r.pushes++
	path = "/" + r.name + "/" + strconv.Itoa(r.pushes)
	return gittest.Write("beacon", r.beacon.url+path), path
}

// push makes a commit on main and returns the path at which its function will
// report, and the payload of GitHub's push event for it
// (https://docs.github.com/webhooks/webhook-events-and-payloads#push).
func (r *repository) push() (path string, payload []byte, err error) {
	edit, path := r.edit()
	before := r.tip
	r.tip = r.Commit("main", "Change "+path, edit)
	if before == "" {
		before = strings.Repeat("0", 40)
	}
	payload, err = json.Marshal(map[string]any{
		"ref": "refs/heads/main", "before": before, "after": r.tip,
		"created": false, "deleted": false, "forced": false, "commits": []any{},
		"repository": map[string]any{
			"id": 1, "name": "bench", "full_name": r.name, "private": false,
			"owner": map[string]any{"login": "octo"}, "html_url": "https://github.com/" + r.name,
			"clone_url": r.url, "default_branch": "main",
		},
		"sender": map[string]any{"login": "ada"},
	})
	if err != nil {
		return "", nil, fmt.Errorf("encode payload: %w", err)
	}
	return path, payload, nil
}
