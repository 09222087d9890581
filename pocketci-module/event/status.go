package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Status is a commit status to post.
type Status struct {
	// Name tells this status from others on the same commit. The same name
	// replaces the status that was there.
	Name string
	// State is pending, running, success, failure or error.
	State string
	// Description is one line. All after 140 characters is cut off.
	Description string
	// TargetURL is where a click leads; it may be empty.
	TargetURL string
	// Token may write statuses. On Bitbucket one with a colon is taken as
	// user name and password.
	Token string
	// APIURL is the base of the forge's API. Empty is that of the public host
	// of the vendor.
	APIURL string
}

// maxDescription is what GitHub takes, in characters.
const maxDescription = 140

// publicAPIs are the hosts to which a token is sent without their having been
// named by the caller. The payload names a host too, but whoever can sign one
// could have the token sent anywhere.
var publicAPIs = map[string]map[string]string{
	vendorGithub:    {"github.com": "https://api.github.com"},
	vendorGitlab:    {"gitlab.com": "https://gitlab.com/api/v4"},
	vendorGitea:     {"codeberg.org": "https://codeberg.org/api/v1", "gitea.com": "https://gitea.com/api/v1"},
	vendorBitbucket: {"bitbucket.org": "https://api.bitbucket.org/2.0"},
}

// states are the vendors' words for the five states.
var states = map[string]map[string]string{
	vendorGithub:    {"pending": "pending", "running": "pending", "success": "success", "failure": "failure", "error": "error"},
	vendorGitea:     {"pending": "pending", "running": "pending", "success": "success", "failure": "failure", "error": "error"},
	vendorGitlab:    {"pending": "pending", "running": "running", "success": "success", "failure": "failed", "error": "failed"},
	vendorBitbucket: {"pending": "INPROGRESS", "running": "INPROGRESS", "success": "SUCCESSFUL", "failure": "FAILED", "error": "FAILED"},
}

// PostStatus posts a status on the event's commit. Its errors never hold the
// token.
func (f *File) PostStatus(ctx context.Context, s Status) error {
	request, err := f.statusRequest(ctx, s)
	if err != nil {
		return fmt.Errorf("post the commit status %q: %w", s.Name, err)
	}
	client := &http.Client{
		Timeout: 30 * time.Second,
		// A POST that is redirected becomes a GET, which would succeed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("post the commit status %q: %w", s.Name, err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 == 2 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4096)) // it only explains
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(body), s.Token, "***")), " ")
	// GitLab refuses to set the state that is set already.
	if f.Vendor == vendorGitlab && response.StatusCode == http.StatusBadRequest &&
		strings.Contains(text, "Cannot transition status") && strings.Contains(text, "from :"+states[vendorGitlab][s.State]+" ") {
		return nil
	}
	return fmt.Errorf("post the commit status %q: %s answers %s: %.300s", s.Name, request.URL.Host, response.Status, text)
}

func (f *File) statusRequest(ctx context.Context, s Status) (*http.Request, error) {
	words, forge := states[f.Vendor]
	switch {
	case !forge:
		return nil, fmt.Errorf("the vendor %s has no commits", f.Vendor)
	case f.Repository == nil || f.SHA == "":
		return nil, fmt.Errorf("the event %s names no commit of a repository", f.name())
	case s.Name == "":
		return nil, errors.New("it has no name")
	case words[s.State] == "":
		return nil, fmt.Errorf("the state %q is none of pending, running, success, failure, error", s.State)
	case strings.TrimSpace(s.Token) == "":
		return nil, errors.New("the token is empty")
	}
	base, err := f.api(s.APIURL)
	if err != nil {
		return nil, err
	}
	if description := []rune(s.Description); len(description) > maxDescription {
		s.Description = string(description[:maxDescription-1]) + "…"
	}
	path, body := f.statusOf(s, words[s.State])
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "pocketci-module")
	token := strings.TrimSpace(s.Token)
	switch {
	case f.Vendor == vendorGitea:
		request.Header.Set("Authorization", "token "+token)
	case f.Vendor == vendorBitbucket && strings.Contains(token, ":"):
		request.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(token)))
	default:
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if f.Vendor == vendorGithub {
		request.Header.Set("Accept", "application/vnd.github+json")
		request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	}
	return request, nil
}

// statusOf is the path below the API and the body, as each vendor wants them.
//
// https://docs.github.com/en/rest/commits/statuses
// https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
// https://docs.gitea.com/api (repoCreateStatus)
// https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
func (f *File) statusOf(s Status, state string) (string, map[string]string) {
	name := f.Repository.FullName
	body := map[string]string{"state": state, "description": s.Description}
	switch f.Vendor {
	case vendorGitlab:
		body["name"] = s.Name
		if s.TargetURL != "" {
			body["target_url"] = s.TargetURL
		}
		return "/projects/" + url.PathEscape(name) + "/statuses/" + f.SHA, body
	case vendorBitbucket:
		// The key may have 40 characters.
		body["key"], body["name"] = s.Name, s.Name
		if len(s.Name) > 40 {
			sum := sha256.Sum256([]byte(s.Name))
			body["key"] = hex.EncodeToString(sum[:20])
		}
		// A status must have a link here.
		body["url"] = or(s.TargetURL, "https://bitbucket.org/"+name+"/commits/"+f.SHA)
		return "/repositories/" + name + "/commit/" + f.SHA + "/statuses/build", body
	}
	body["context"] = s.Name
	if s.TargetURL != "" {
		body["target_url"] = s.TargetURL
	}
	return "/repos/" + name + "/statuses/" + f.SHA, body
}

// api is the base of the API without a slash at its end.
func (f *File) api(given string) (string, error) {
	if given != "" {
		u, err := url.Parse(given)
		// url.Parse quotes its input in errors, and a URL can hold credentials.
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", errors.New("apiUrl is not an http or https URL of an API, without credentials, query and fragment")
		}
		return strings.TrimRight(given, "/"), nil
	}
	u, err := url.Parse(f.Repository.WebURL)
	if err == nil && u.Scheme == "https" {
		if api, ok := publicAPIs[f.Vendor][u.Host]; ok {
			return api, nil
		}
	}
	return "", fmt.Errorf("the repository is not on a public host of %s: name the API in apiUrl, "+
		"as a token is sent to no host that only the payload names", f.Vendor)
}
