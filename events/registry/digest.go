package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestBytes is the largest manifest that is read to find its digest; the
// specification lets registries refuse what is larger.
const manifestBytes = 4 << 20

// manifestTypes are what a tag may stand for. Without all of them a registry
// answers with another manifest than the tag's own, of another digest.
var manifestTypes = []string{strings.Join([]string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
}, ", ")} // some registries read the first line of the header alone

// tagged is what is known of a tag for as long as the registry says that it has
// not changed.
type tagged struct{ etag, digest string }

// Digest returns the digest of what a tag stands for (sha256:…): of the index
// where the image is for several platforms. The error is [ErrNoTag] if there is
// no such tag; a [poll.RetryAfterError] is in its chain if the registry asks for
// a pause.
func (r *Remote) Digest(ctx context.Context, tag string) (string, error) {
	done, err := r.take(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	digest, err := r.digest(ctx, tag)
	if err != nil {
		return "", fmt.Errorf("find the digest of %s:%s: %w", r.repository, tag, err)
	}
	return digest, nil
}

func (r *Remote) digest(ctx context.Context, tag string) (string, error) {
	if err := CheckTag(tag); err != nil {
		return "", err
	}
	known, asked := r.digests[tag]
	header := http.Header{"Accept": manifestTypes}
	statuses := []int{http.StatusOK, http.StatusNotFound}
	if asked {
		header.Set("If-None-Match", known.etag)
		statuses = append(statuses, http.StatusNotModified)
	}
	response, err := r.ask(ctx, http.MethodHead, r.address("manifests/"+tag), header, statuses...)
	if err != nil {
		return "", err
	}
	response.Body.Close()
	switch response.StatusCode {
	case http.StatusNotFound:
		delete(r.digests, tag)
		return "", ErrNoTag
	case http.StatusNotModified:
		return known.digest, nil
	}
	digest := response.Header.Get("Docker-Content-Digest")
	if digest == "" {
		// Registries need not send it; then the manifest itself says it.
		return r.computed(ctx, tag)
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		return "", errors.New("the registry's Docker-Content-Digest is no digest")
	}
	r.keep(tag, tagged{response.Header.Get("ETag"), hash.String()})
	return hash.String(), nil
}

// keep remembers the tag's digest if the registry can be asked whether it has
// changed. Only what is asked for again and again is worth it.
func (r *Remote) keep(tag string, t tagged) {
	const most = 64
	if t.etag == "" {
		return
	}
	if r.digests == nil || len(r.digests) >= most {
		r.digests = map[string]tagged{}
	}
	r.digests[tag] = t
}

// computed gets the manifest and computes its digest.
func (r *Remote) computed(ctx context.Context, tag string) (string, error) {
	response, err := r.ask(ctx, http.MethodGet, r.address("manifests/"+tag), http.Header{"Accept": manifestTypes}, http.StatusOK, http.StatusNotFound)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return "", ErrNoTag
	}
	limited := &io.LimitedReader{R: response.Body, N: manifestBytes + 1}
	hash, _, err := v1.SHA256(limited)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the manifest: %w", err)
	case limited.N == 0:
		return "", fmt.Errorf("the manifest is larger than %d MiB", manifestBytes>>20)
	}
	return hash.String(), nil
}
