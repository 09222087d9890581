package registry

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// nextLink finds the target of rel="next" in a Link header (RFC 8288), in the
// one form that registries send: </v2/acme/shop/tags/list?last=v1&n=100>; rel="next".
var nextLink = regexp.MustCompile(`<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next"?(?:\s*[;,]|\s*$)`)

// next returns the address of the page after one, nil if that was the last. The
// link may be relative, as the distribution specification shows it. One that
// leads to another server or away from the repository's tags is refused: what is
// sent there could be credentials.
func next(page *url.URL, links []string) (*url.URL, error) {
	for _, link := range links {
		match := nextLink.FindStringSubmatch(link)
		if match == nil {
			continue
		}
		target, err := page.Parse(strings.TrimSpace(match[1]))
		switch {
		case err != nil:
			return nil, errors.New("the link to the next page of tags is no address")
		case target.Scheme != "https" && target.Scheme != "http" || !strings.EqualFold(target.Host, page.Host) || target.User != nil:
			return nil, fmt.Errorf("the link to the next page of tags leads to another server: %s", target.Hostname())
		case target.Path != page.Path:
			return nil, errors.New("the link to the next page of tags leads away from the tags of the repository")
		}
		// Behind a proxy a registry may not know by which scheme it is reached.
		target.Scheme, target.Fragment = page.Scheme, ""
		return target, nil
	}
	return nil, nil
}
