//go:build linux

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The engine shares the host's network, so that it reaches what listens on
// loopback there. Its bridge and packet filter rules are therefore the host's
// and have to be taken away again.

const (
	forwarding = "/proc/sys/net/ipv4/ip_forward"
	// recordDir notes what the network was like before the first engine. It is
	// in memory, as is what it notes: both are gone after a boot.
	recordDir = "/run/pocketci-engine-network"
	// recordLock is held while the record and what it is about change.
	recordLock = "/run/lock/pocketci-engine-network"
	// iptables is the one that this machine chose among Debian's alternatives.
	// The engine's network plugins find the same, first in the PATH they get.
	iptables = "/usr/sbin/iptables"
)

// recordTimeout bounds the wait for another engine's change of the network,
// which takes milliseconds.
const recordTimeout = 30 * time.Second

// pluginChains are shared by all users of the firewall plugin on a machine.
var pluginChains = []string{"CNI-FORWARD", "CNI-ADMIN"}

// checkNetwork refuses a range of addresses that something else uses.
func (e Engine) checkNetwork() error {
	wanted, err := netip.ParsePrefix(e.CIDR)
	if err != nil {
		return err
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list network interfaces: %w", err)
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, address := range addresses {
			have, err := netip.ParsePrefix(address.String())
			if err == nil && have.Overlaps(wanted) {
				return fmt.Errorf("the network range %s overlaps %s of interface %s; choose another with --network-cidr", wanted, have, i.Name)
			}
		}
	}
	return nil
}

func lockRecord(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return Lock(ctx, recordLock, func() {})
}

// recordNetwork notes, before the first engine on this machine, which of the
// things that engines share were there already.
func (e Engine) recordNetwork(ctx context.Context) error {
	unlock, err := lockRecord(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	engines := filepath.Join(recordDir, "engines")
	if err := os.MkdirAll(engines, 0o700); err != nil {
		return fmt.Errorf("note the state of the network: %w", err)
	}
	others, err := os.ReadDir(engines)
	if err != nil {
		return err
	}
	if len(others) == 0 {
		forward, err := os.ReadFile(forwarding)
		if err != nil {
			return fmt.Errorf("read whether packets are forwarded: %w", err)
		}
		rules, err := filterRules(ctx)
		if err != nil {
			return err
		}
		chains := ""
		if bytes.Contains(rules, []byte(":"+pluginChains[0]+" ")) {
			chains = "present"
		}
		for name, content := range map[string]string{"ip_forward": string(forward), "chains": chains} {
			if err := os.WriteFile(filepath.Join(recordDir, name), []byte(content), 0o600); err != nil {
				return fmt.Errorf("note the state of the network: %w", err)
			}
		}
	}
	return os.WriteFile(filepath.Join(engines, e.bridge()), nil, 0o600)
}

// removeNetwork takes away the bridge and the rules of this engine, and with
// the last engine what they shared.
func (e Engine) removeNetwork(ctx context.Context) error {
	unlock, err := lockRecord(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := net.InterfaceByName(e.bridge()); err == nil {
		if err := deleteLink(e.bridge()); err != nil {
			return fmt.Errorf("remove the bridge %s: %w", e.bridge(), err)
		}
	}
	if err := e.editRules(ctx, e.ownRules); err != nil {
		return err
	}

	record := filepath.Join(recordDir, "engines", e.bridge())
	if err := os.Remove(record); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	others, err := os.ReadDir(filepath.Dir(record))
	if err != nil || len(others) > 0 {
		return err
	}
	chains, err := os.ReadFile(filepath.Join(recordDir, "chains"))
	if err != nil {
		return err
	}
	if len(chains) == 0 {
		if err := e.editRules(ctx, emptyPluginChains); err != nil {
			return err
		}
	}
	forward, err := os.ReadFile(filepath.Join(recordDir, "ip_forward"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(forwarding, forward, 0o644); err != nil {
		return fmt.Errorf("restore whether packets are forwarded: %w", err)
	}
	return os.RemoveAll(recordDir)
}

// editRules asks pick which lines of the filter's present state should go, as
// instructions for iptables-restore, and has them carried out.
func (e Engine) editRules(ctx context.Context, pick func(lines []string) []string) error {
	rules, err := filterRules(ctx)
	if err != nil {
		return err
	}
	var script strings.Builder
	var table []string
	for line := range strings.Lines(string(rules)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = []string{line}
		case line == "COMMIT":
			if edits := pick(table[1:]); len(edits) > 0 {
				fmt.Fprintf(&script, "%s\n%s\nCOMMIT\n", table[0], strings.Join(edits, "\n"))
			}
		case line != "" && !strings.HasPrefix(line, "#"):
			table = append(table, line)
		}
	}
	if script.Len() == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, iptables+"-restore", "--noflush", "--wait", "5")
	cmd.Stdin = strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("remove packet filter rules: %w\n%s\n%s", err, out, script.String())
	}
	return nil
}

// ownRules picks the rules of this engine's containers, by their addresses or
// the network's name, and the chains that only those lead to.
func (e Engine) ownRules(lines []string) []string {
	network, err := netip.ParsePrefix(e.CIDR)
	if err != nil {
		return nil
	}
	var rules, chains []string
	for _, line := range lines {
		fields := strings.Fields(line)
		if fields[0] != "-A" || !e.owns(network, fields) {
			continue
		}
		rules = append(rules, "-D"+strings.TrimPrefix(line, "-A"))
		if target := fields[len(fields)-1]; strings.HasPrefix(target, "CNI-") && fields[1] == "POSTROUTING" {
			chains = append(chains, "-F "+target, "-X "+target)
		}
	}
	return append(rules, chains...)
}

func (e Engine) owns(network netip.Prefix, fields []string) bool {
	// The chain of one container is emptied as a whole.
	if strings.HasPrefix(fields[1], "CNI-") && fields[1] != pluginChains[0] {
		return false
	}
	for i, field := range fields[:len(fields)-1] {
		value := fields[i+1]
		switch field {
		case "-s", "-d":
			prefix, err := netip.ParsePrefix(value)
			if err == nil && network.Overlaps(prefix) && prefix.Bits() >= network.Bits() {
				return true
			}
		case "-i", "-o":
			if value == e.bridge() {
				return true
			}
		}
	}
	return false
}

// emptyPluginChains picks the firewall plugin's chains if no container of
// anybody has a rule in them.
func emptyPluginChains(lines []string) []string {
	var edits []string
	for _, line := range lines {
		fields := strings.Fields(line)
		if fields[0] != "-A" {
			continue
		}
		inside := fields[1] == pluginChains[0] || fields[1] == pluginChains[1]
		jump := strings.HasPrefix(fields[len(fields)-1], "CNI-")
		switch {
		case inside && !jump:
			return nil
		case inside || jump && fields[len(fields)-1] == pluginChains[0]:
			edits = append(edits, "-D"+strings.TrimPrefix(line, "-A"))
		}
	}
	for _, chain := range pluginChains {
		for _, line := range lines {
			if strings.HasPrefix(line, ":"+chain+" ") {
				edits = append(edits, "-X "+chain)
			}
		}
	}
	return edits
}

func filterRules(ctx context.Context) ([]byte, error) {
	out, err := exec.CommandContext(ctx, iptables+"-save").Output()
	if err != nil {
		return nil, fmt.Errorf("list packet filter rules: %w", err)
	}
	return out, nil
}
