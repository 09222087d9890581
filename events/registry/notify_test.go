package registry_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
)

func FuzzNotifications(f *testing.F) {
	for _, body := range []string{
		`{"events": [{"action": "push", "target": {"repository": "acme/shop", "tag": "v1"}}]}`, `{"repository": {"repo_name": "acme/shop"}, "push_data": {"tag": "v1"}}`,
		`{}`, `[]`, `{"events": [{}]}`, `{"events": {"a": 1}}`, ``,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		nudged := 0
		n, err := registry.NewNotifications("correct-horse-battery", func(list []string) {
			nudged++
			if slices.Contains(list, "") {
				t.Error("a repository without a name")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.Receive(map[string][]string{"authorization": {"bearer correct-horse-battery"}}, body)
		nothing, ok := errors.AsType[*events.NothingError](err)
		_, bad := errors.AsType[*events.MalformedError](err)
		if ok == bad || ok && (!nothing.Ping || nudged != 1) || bad && nudged != 0 {
			t.Errorf("%q gives %v and %d nudges", body, err, nudged)
		}
	})
}

func TestNotificationsNeedTheSecret(t *testing.T) {
	n, err := registry.NewNotifications("correct-horse-battery", func([]string) { t.Error("nudged") })
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]string{nil, {""}, {"Bearer"}, {"Bearer "}, {"correct-horse-battery"}, {"Basic correct-horse-battery"}, {"Bearer correct-horse-battery", "Bearer x"}} {
		_, err := n.Receive(map[string][]string{"Authorization": values}, []byte(`{}`))
		if _, ok := errors.AsType[*events.UnauthenticatedError](err); !ok || strings.Contains(err.Error(), "horse") {
			t.Errorf("%q: %v", values, err)
		}
	}
	if _, err := registry.NewNotifications(" ", nil); err == nil {
		t.Error("an empty secret is one")
	}
}
