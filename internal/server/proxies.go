package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the addresses of proxies that are believed whom they ask for.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks, such as 10.0.0.7 and 10.0.0.0/8.
func ParseProxies(list []string) (Proxies, error) {
	var proxies Proxies
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, wrong := netip.ParseAddr(text)
			if wrong != nil || address.Zone() != "" {
				return nil, fmt.Errorf("%q is no address and no network; write 10.0.0.7 or 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

func (p Proxies) have(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// Client returns the address of the client that a request is of, without its port. It is
// that of the connection, unless that is a proxy's: each proxy adds to X-Forwarded-For
// (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For) whom it
// was asked by, so that the last address there that is no proxy's is the client's. What
// stands in front of it anybody can have written.
func (p Proxies) Client(r *http.Request) string {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	address, err := netip.ParseAddr(client)
	if err != nil || !p.have(address) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		address, err := netip.ParseAddr(hop)
		if err != nil {
			with, wrong := netip.ParseAddrPort(hop)
			if wrong != nil {
				return client // a proxy that says who it was is as far as can be seen
			}
			address = with.Addr()
		}
		client = address.Unmap().String()
		if !p.have(address) {
			break
		}
	}
	return client
}
