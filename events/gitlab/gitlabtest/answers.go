package gitlabtest

import (
	"net/http"
	"net/url"
	"slices"

	clientgo "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

// self is the user of the tests' token.
const self = 50

// people are users by name, and roles what they are in acme/shop.
var (
	people = map[string]int{forgetest.Anna: 4, forgetest.Reed: 9, forgetest.Mara: 12, "pocketci": self}
	roles  = map[int]int{4: 30, 9: 20, 12: 20, self: 40}
)

func (w *World) userOf(id int) Object {
	for name, user := range people {
		if user == id {
			return Object{"id": id, "username": name, "name": name, "state": w.UserState}
		}
	}
	return nil
}

func (w *World) user(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	forgetest.Answer(rw, http.StatusOK, w.userOf(self))
}

func (w *World) users(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("username")
	w.query(r, url.Values{"username": {name}})
	if name == "" {
		w.T.Error("all users are asked for")
	}
	found := []Object{}
	if id, ok := people[name]; ok {
		found = append(found, w.userOf(id))
	}
	forgetest.Answer(rw, http.StatusOK, found)
}

func (w *World) project(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	if r.PathValue("id") != "77" {
		notFound(rw, "Project")
		return
	}
	forgetest.Answer(rw, http.StatusOK, Object{"id": 77, "path_with_namespace": "reed/shop"})
}

func (w *World) member(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	id := w.number(r, "id")
	if roles[id] == 0 {
		notFound(rw, "Member")
		return
	}
	member := w.userOf(id)
	member["access_level"] = roles[id]
	forgetest.Answer(rw, http.StatusOK, member)
}

func (w *World) mergedRequests(rw http.ResponseWriter, r *http.Request) {
	author := r.URL.Query().Get("author_username")
	w.query(r, url.Values{"state": {"merged"}, "author_username": {author}, "per_page": {"1"}})
	found := []Object{}
	if author == forgetest.Anna || author == forgetest.Mara {
		found = append(found, Object{"iid": 3, "state": "merged", "author": w.userOf(people[author])})
	}
	forgetest.Answer(rw, http.StatusOK, found)
}

func (w *World) mergeRequest(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	if w.number(r, "iid") != 7 {
		notFound(rw, "")
		return
	}
	forgetest.Answer(rw, http.StatusOK, w.Requested)
}

func (w *World) branch(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	name := r.PathValue("branch")
	if w.Branches[name] == "" {
		notFound(rw, "Branch")
		return
	}
	forgetest.Answer(rw, http.StatusOK, Object{"name": name, "commit": Object{"id": w.Branches[name]}})
}

// Status is a commit status.
type Status struct{ SHA, Name, Ref, State, Description, URL string }

// OfFork is the head of the merge request 9 from a fork: no branch has it.
var OfFork = Commit("p9")

// setStatus keeps to the states that GitLab lets follow each other: a pending or
// running status is changed, any other is followed by a new one.
func (w *World) setStatus(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	o := body[clientgo.SetCommitStatusOptions](w, r)
	sha := r.PathValue("sha")
	ref := "feature"
	switch {
	case sha == OfFork && o.Ref == nil:
		forgetest.Answer(rw, http.StatusNotFound, Object{"message": "404 References for commit Not Found"})
		return
	case sha == OfFork:
		ref = *o.Ref
	case !slices.Contains(w.Commits, sha):
		notFound(rw, "Commit")
		return
	case o.Ref != nil:
		w.T.Errorf("the ref %s is given", *o.Ref)
	}
	if o.Name == nil || o.Context != nil || o.Description == nil || len(*o.Description) > 255 {
		w.T.Errorf("status %+v", o)
	}
	var s *Status
	for _, old := range w.Statuses {
		if old.SHA == sha && old.Name == *o.Name && (old.State == "pending" || old.State == "running") {
			s = old
		}
	}
	to := string(o.State)
	if s == nil {
		s = &Status{SHA: sha, Name: *o.Name, Ref: ref, State: "created"}
	}
	event := map[string]string{"pending": "enqueue", "running": "run"}[to]
	if to == "pending" && s.State != "created" || to == "running" && s.State == "running" {
		forgetest.Answer(rw, http.StatusBadRequest, Object{
			"message": "Cannot transition status via :" + event + " from :" + s.State + ` (Reason(s): Status cannot transition via "` + event + `")`,
		})
		return
	}
	if !slices.Contains([]string{"pending", "running", "success", "failed", "canceled"}, to) {
		w.T.Errorf("state %q", to)
	}
	if s.State == "created" {
		w.Statuses = append(w.Statuses, s)
	}
	s.State, s.Description = to, *o.Description
	if o.TargetURL != nil {
		s.URL = *o.TargetURL
	}
	forgetest.Answer(rw, http.StatusCreated, Object{"id": len(w.Statuses), "sha": sha, "ref": s.Ref, "status": s.State, "name": s.Name})
}

func (w *World) listStatuses(rw http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	w.query(r, url.Values{"name": {name}, "per_page": {"100"}})
	found := []Object{}
	for _, s := range w.Statuses {
		if s.SHA == r.PathValue("sha") && s.Name == name {
			found = append(found, Object{"sha": s.SHA, "name": s.Name, "status": s.State, "ref": s.Ref})
		}
	}
	forgetest.Answer(rw, http.StatusOK, found)
}

func (w *World) requestsOf(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	switch r.PathValue("sha") {
	case OfFork:
		forgetest.Answer(rw, http.StatusOK, []Object{
			{"iid": 5, "state": "merged", "sha": OfFork}, {"iid": 6, "state": "opened", "sha": forgetest.Head},
			{"iid": 9, "state": "opened", "sha": OfFork},
		})
	case forgetest.Base:
		forgetest.Answer(rw, http.StatusOK, []Object{})
	default:
		notFound(rw, "Commit")
	}
}

type note struct {
	id, author int
	body       string
	emoji      []string
}

func (w *World) json(n *note) Object {
	return Object{"id": n.id, "body": n.body, "author": w.userOf(n.author), "system": false, "noteable_type": "MergeRequest"}
}

func (w *World) on7(rw http.ResponseWriter, r *http.Request) bool {
	if w.number(r, "iid") != 7 {
		notFound(rw, "Merge Request")
		return false
	}
	return true
}

func (w *World) listNotes(rw http.ResponseWriter, r *http.Request) {
	if !w.on7(rw, r) {
		return
	}
	list := []Object{}
	for _, n := range w.notes {
		list = append(list, w.json(n))
	}
	paged(w, rw, r, list, url.Values{"order_by": {"created_at"}, "sort": {"asc"}})
}

func (w *World) createNote(rw http.ResponseWriter, r *http.Request) {
	if !w.on7(rw, r) {
		return
	}
	w.query(r, nil)
	o := body[clientgo.CreateMergeRequestNoteOptions](w, r)
	n := &note{id: len(w.notes) + 1000, author: self, body: *o.Body}
	w.notes = append(w.notes, n)
	forgetest.Answer(rw, http.StatusCreated, w.json(n))
}

// noteOf returns the note of a path, or answers that it is not there.
func (w *World) noteOf(rw http.ResponseWriter, r *http.Request) *note {
	id := w.number(r, "note")
	for _, n := range w.notes {
		if n.id == id && w.number(r, "iid") == 7 {
			return n
		}
	}
	notFound(rw, "Note")
	return nil
}

func (w *World) updateNote(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	o := body[clientgo.UpdateMergeRequestNoteOptions](w, r)
	n := w.noteOf(rw, r)
	switch {
	case n == nil:
	case n.author != self:
		w.T.Errorf("the comment of %d is edited", n.author)
	default:
		n.body = *o.Body
		forgetest.Answer(rw, http.StatusOK, w.json(n))
	}
}

func (w *World) award(rw http.ResponseWriter, r *http.Request) {
	w.query(r, nil)
	o := body[clientgo.CreateAwardEmojiOptions](w, r)
	n := w.noteOf(rw, r)
	switch {
	case n == nil:
	case slices.Contains(n.emoji, o.Name):
		forgetest.Answer(rw, http.StatusNotFound, Object{"message": "404 Award Emoji Name has already been taken Not Found"})
	default:
		n.emoji = append(n.emoji, o.Name)
		forgetest.Answer(rw, http.StatusCreated, Object{"id": 1, "name": o.Name, "user": w.userOf(self)})
	}
}

func (w *World) listEmoji(rw http.ResponseWriter, r *http.Request) {
	w.query(r, url.Values{"per_page": {"100"}})
	n := w.noteOf(rw, r)
	if n == nil {
		return
	}
	list := []Object{{"id": 7, "name": "thumbsdown", "user": w.userOf(people[forgetest.Reed])}}
	for _, name := range n.emoji {
		list = append(list, Object{"id": 1, "name": name, "user": w.userOf(self)})
	}
	forgetest.Answer(rw, http.StatusOK, list)
}
