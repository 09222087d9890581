package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// webhook does what is asked about the webhooks of the repository and of the
// organisation.
func (w *World) webhook(op *Operation, r *http.Request, sent map[string]any) (int, any) {
	hooks, kind := w.Hooks, "Repository"
	if strings.HasPrefix(op.ID, "orgs/") {
		hooks, kind = w.OrgHooks, "Organization"
	}
	_, what, _ := strings.Cut(op.ID, "/")
	id, _ := strconv.ParseInt(op.Params["hook_id"], 10, 64)
	hook := hooks[id]
	if op.Params["hook_id"] != "" && hook == nil {
		return http.StatusNotFound, message("Not Found")
	}
	shown := func(example any, id int64) any {
		over := maps.Clone(hooks[id])
		config := maps.Clone(over["config"].(map[string]any))
		if config["secret"] != nil {
			config["secret"] = "********"
		}
		over["id"], over["type"], over["config"] = id, kind, config
		shown := merge(example, over)
		shown["config"] = config
		return shown
	}
	switch what {
	case "list-webhooks":
		list := []any{}
		for _, id := range slices.Sorted(maps.Keys(hooks)) {
			list = append(list, shown(op.example(200).([]any)[0], id))
		}
		return http.StatusOK, list
	case "create-webhook":
		config := sent["config"].(map[string]any)
		for _, other := range hooks {
			if other["config"].(map[string]any)["url"] == config["url"] {
				return http.StatusUnprocessableEntity, message("Hook already exists on this repository")
			}
		}
		w.next++
		hooks[w.next] = sent
		return http.StatusCreated, shown(op.example(201), w.next)
	case "update-webhook":
		// "If you previously had a secret set, you must provide the same secret
		// or set a new secret or the secret will be removed."
		maps.Copy(hook, sent)
		return http.StatusOK, shown(op.example(200), id)
	case "list-webhook-deliveries":
		list := []any{}
		from := 0
		if cursor := r.URL.Query().Get("cursor"); cursor != "" {
			from, _ = strconv.Atoi(strings.TrimPrefix(cursor, "c"))
		}
		for _, d := range w.Missed[min(from, len(w.Missed)):] {
			list = append(list, merge(op.example(200).([]any)[0], d))
		}
		return http.StatusOK, list
	case "redeliver-webhook-delivery":
		w.Again = append(w.Again, fmt.Sprintf("%s %d %s", kind, id, op.Params["delivery_id"]))
		return http.StatusAccepted, map[string]any{}
	}
	w.t.Errorf("nothing is known of %s", op.ID)
	return http.StatusBadRequest, message("no")
}
