package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// nomad talks to Nomad's HTTP API, version 1.
type nomad struct{ address, namespace, token string }

// refused is an answer that is no success.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("Nomad answers %d: %s", r.status, r.text) }

// conflict says that somebody else has registered the job since it was read.
func (r *refused) conflict() bool {
	return strings.Contains(r.text, "job modify index")
}

// client bounds each request: a query that waits is answered after waitFor.
var client = &http.Client{Timeout: time.Minute}

// ask makes a request and reads the answer into out. It returns the index that the
// answer is of, for a query that waits for a later one.
func (n *nomad) ask(ctx context.Context, method, path string, query url.Values, in, out any) (index string, err error) {
	if query == nil {
		query = url.Values{}
	}
	if n.namespace != "" {
		query.Set("namespace", n.namespace)
	}
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return "", err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(n.address, "/")+path+"?"+query.Encode(), body)
	if err != nil {
		return "", errors.New("the address of Nomad's API is none")
	}
	if n.token != "" {
		request.Header.Set("X-Nomad-Token", n.token)
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", &refused{response.StatusCode, strings.TrimSpace(string(data))}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // indexes and sizes go back as they came
	if err := decoder.Decode(out); err != nil {
		return "", fmt.Errorf("read Nomad's answer: %w", err)
	}
	return response.Header.Get("X-Nomad-Index"), nil
}
