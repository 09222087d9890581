package event_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"dagger/pocketci/event"
)

const token = "tok-0123456789"

// asked is one request that a forge got.
type asked struct {
	method, path, authorization string
	body                        map[string]string
}

// api is a forge that answers every request in the same way.
func api(t *testing.T, status int, answer string) (string, *[]asked) {
	t.Helper()
	got := &[]asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body := map[string]string{}
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		if r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("content type %q", r.Header.Get("Content-Type"))
		}
		*got = append(*got, asked{r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"), body})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestPostStatus(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for name, tc := range map[string]struct {
		vendor, repository string
		status             event.Status
		want               asked
	}{
		"GitHub": {"github", "octo/hello", event.Status{Name: "size", State: "running", Description: long, TargetURL: "https://ci.example.com/1"}, asked{
			path: "/repos/octo/hello/statuses/" + after, authorization: "Bearer " + token,
			body: map[string]string{"state": "pending", "context": "size", "description": strings.Repeat("ä", 139) + "…", "target_url": "https://ci.example.com/1"},
		}},
		"Gitea": {"gitea", "octo/hello", event.Status{Name: "size", State: "error"}, asked{
			path: "/repos/octo/hello/statuses/" + after, authorization: "token " + token,
			body: map[string]string{"state": "error", "context": "size", "description": ""},
		}},
		"GitLab": {"gitlab", "octo/tools/hello", event.Status{Name: "size", State: "failure", Description: "2 MB", TargetURL: "https://ci.example.com/1"}, asked{
			path: "/projects/octo%2Ftools%2Fhello/statuses/" + after, authorization: "Bearer " + token,
			body: map[string]string{"state": "failed", "name": "size", "description": "2 MB", "target_url": "https://ci.example.com/1"},
		}},
		"Bitbucket": {"bitbucket", "octo/hello", event.Status{Name: "size", State: "success"}, asked{
			path: "/repositories/octo/hello/commit/" + after + "/statuses/build", authorization: "Bearer " + token,
			body: map[string]string{
				"state": "SUCCESSFUL", "key": "size", "name": "size", "description": "", "url": "https://bitbucket.org/octo/hello/commits/" + after,
			},
		}},
		"Bitbucket, long name and a user": {"bitbucket", "octo/hello", event.Status{
			Name: strings.Repeat("n", 41), State: "running", TargetURL: "https://ci.example.com/1", Token: "mona@example.com:" + token,
		}, asked{
			path:          "/repositories/octo/hello/commit/" + after + "/statuses/build",
			authorization: "Basic bW9uYUBleGFtcGxlLmNvbTp0b2stMDEyMzQ1Njc4OQ==",
			body: map[string]string{
				"state": "INPROGRESS", "key": "174f14032620d864fe862d575c4ea437ee4a358d", "name": strings.Repeat("n", 41), "description": "",
				"url": "https://ci.example.com/1",
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url, got := api(t, http.StatusCreated, "{}")
			tc.status.APIURL = url + "/"
			if tc.status.Token == "" {
				tc.status.Token = token + "\n" // as files end
			}
			f := open(t, tc.vendor, "push", nil, fields{"sha": after, "repository": fields{"full_name": tc.repository}})
			if err := f.PostStatus(t.Context(), tc.status); err != nil {
				t.Fatal(err)
			}
			tc.want.method = "POST"
			if !reflect.DeepEqual(*got, []asked{tc.want}) {
				t.Errorf("got %+v, want %+v", *got, tc.want)
			}
		})
	}
}

func TestPostStatusRefuses(t *testing.T) {
	good := event.Status{Name: "size", State: "success", Token: token, APIURL: "http://127.0.0.1:1"}
	for name, tc := range map[string]struct {
		vendor string
		more   fields
		change func(*event.Status)
		want   string
	}{
		"a tick":                 {vendor: "time", want: "the vendor time has no commits"},
		"no repository":          {more: fields{"repository": nil}, want: "the event github push names no commit of a repository"},
		"no commit":              {more: fields{"sha": ""}, want: "the event github push names no commit of a repository"},
		"no name":                {change: func(s *event.Status) { s.Name = "" }, want: "it has no name"},
		"an unknown state":       {change: func(s *event.Status) { s.State = "SUCCESS" }, want: `the state "SUCCESS" is none of pending, running`},
		"no token":               {change: func(s *event.Status) { s.Token = " \n" }, want: "the token is empty"},
		"a file as an API":       {change: func(s *event.Status) { s.APIURL = "file:///etc/passwd" }, want: "apiUrl is not an http or https URL"},
		"credentials in the URL": {change: func(s *event.Status) { s.APIURL = "https://mona:" + token + "@example.com" }, want: "apiUrl is not an http or https URL"},
		"a query in the URL":     {change: func(s *event.Status) { s.APIURL = "https://example.com?a=" + token }, want: "apiUrl is not an http or https URL"},
		"another host": {
			more:   fields{"repository": fields{"full_name": "octo/hello", "web_url": "https://github.com.example.com/octo/hello"}},
			change: func(s *event.Status) { s.APIURL = "" }, want: "the repository is not on a public host of github: name the API in apiUrl",
		},
		"the host of another vendor": {
			more:   fields{"repository": fields{"full_name": "octo/hello", "web_url": "https://gitlab.com/octo/hello"}},
			change: func(s *event.Status) { s.APIURL = "" }, want: "the repository is not on a public host of github",
		},
		"without encryption": {
			more:   fields{"repository": fields{"full_name": "octo/hello", "web_url": "http://github.com/octo/hello"}},
			change: func(s *event.Status) { s.APIURL = "" }, want: "the repository is not on a public host of github",
		},
		"nobody listens":         {want: "connection refused"},
		"a token with a newline": {change: func(s *event.Status) { s.Token = token + "\nX-Evil: 1" }, want: "invalid header field value"},
	} {
		t.Run(name, func(t *testing.T) {
			vendor := tc.vendor
			if vendor == "" {
				vendor = "github"
			}
			all := fields{"sha": after}
			for name, value := range tc.more {
				all[name] = value
			}
			s := good
			if tc.change != nil {
				tc.change(&s)
			}
			err := open(t, vendor, "push", nil, all).PostStatus(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestPostStatusAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		vendor string
		status int
		answer string
		want   string // empty: fine
	}{
		"forbidden": {"github", 403, "{\"message\":\n \"Resource not accessible by " + token + "\"}", `answers 403 Forbidden: {"message": "Resource not accessible by ***"}`},
		// The request that follows a redirect would be a GET.
		"moved":                {"github", 301, "", "answers 301 Moved Permanently"},
		"set already":          {"gitlab", 400, `{"message":"Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"}`, ""},
		"not possible":         {"gitlab", 400, `{"message":"Cannot transition status via :run from :success (Reason(s): x)"}`, "answers 400 Bad Request"},
		"the same from GitHub": {"github", 400, "Cannot transition status via :run from :running (x)", "answers 400 Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			url, got := api(t, tc.status, tc.answer)
			f := open(t, tc.vendor, "push", nil, fields{"sha": after})
			err := f.PostStatus(t.Context(), event.Status{Name: "size", State: "running", Token: token, APIURL: url})
			if (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if len(*got) != 1 {
				t.Errorf("%d requests", len(*got))
			}
		})
	}
}
