//go:build linux

// Package sandbox gives the engine the surroundings that it takes for granted
// (that it runs in a container of its own), without changing the host.
//
// The engine bind-mounts over /etc/resolv.conf, replaces /usr/bin/iptables*,
// and writes below /etc, /run and /var/lib. It therefore runs in a mount
// namespace in which those directories are overlays whose upper layer is in
// memory, and in a process namespace, so that nothing it started outlives it.
package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dagger/dagger/engine/distconsts"
)

// Command is the argument with which the program starts itself again inside
// the new namespaces.
const Command = "enter-sandbox"

// overlaid directories are private to the engine. None of its own directories
// may lie in one of them.
var overlaid = []string{"/etc", "/run", "/usr/bin", "/var/lib"}

// Spec is all that the inside has to know.
type Spec struct {
	// Tools holds the built programs.
	Tools string
	// Content is the OCI layout of the Go SDK image.
	Content string
	// State is the engine's own directory on a real disk.
	State string
	// EngineConfig and BuildkitConfig are the contents of its two
	// configuration files.
	EngineConfig, BuildkitConfig string
	// Args are the engine's.
	Args []string
}

// Validate returns an error if a directory is one that the inside would hide.
func (s Spec) Validate() error {
	for _, dir := range []string{s.Tools, s.Content, s.State} {
		for _, top := range overlaid {
			if dir == top || strings.HasPrefix(dir, top+"/") {
				return fmt.Errorf("%s must not lie below %s, which the engine sees a copy of", dir, top)
			}
		}
	}
	return nil
}

// Prepare returns the command that starts the engine in new namespaces, in a
// session of its own, so that it outlives the process which started it.
func Prepare(spec Spec) (*exec.Cmd, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, Command, string(encoded))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID,
	}
	return cmd, nil
}

// Enter runs inside the new namespaces. It makes the surroundings and then
// becomes the engine, so it only returns if that failed.
func Enter(encoded string) error {
	var spec Spec
	if err := json.Unmarshal([]byte(encoded), &spec); err != nil {
		return fmt.Errorf("read the sandbox's specification: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := overlayDirectories(filepath.Join(spec.State, "overlay")); err != nil {
		return err
	}
	if err := fillRoot(spec); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"/etc/dagger/engine.json":              spec.EngineConfig,
		distconsts.Root + "/buildkitd.toml":    spec.BuildkitConfig,
		"/var/lib/cni/.private-to-this-engine": "",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			return err
		}
	}

	tini, err := exec.LookPath("tini")
	if err != nil {
		return err
	}
	args := append([]string{"tini", "--", BinDir + "/engine", "--config", distconsts.Root + "/buildkitd.toml"}, spec.Args...)
	return fmt.Errorf("become the engine: %w", syscall.Exec(tini, args, os.Environ()))
}

// overlayDirectories lays a layer in memory over each of the directories.
// Mounts inside them are hidden; the engine needs none.
func overlayDirectories(memory string) error {
	if err := os.MkdirAll(memory, 0o700); err != nil {
		return err
	}
	// In a container these are mounts of their own, which an overlay hides.
	names := map[string][]byte{"/etc/resolv.conf": nil, "/etc/hosts": nil, "/etc/hostname": nil}
	for name := range names {
		names[name], _ = os.ReadFile(name)
	}
	if err := unix.Mount("tmpfs", memory, "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount a file system in memory: %w", err)
	}
	for _, dir := range overlaid {
		layer := filepath.Join(memory, strings.ReplaceAll(dir, "/", "-"))
		upper, work := filepath.Join(layer, "upper"), filepath.Join(layer, "work")
		for _, name := range []string{upper, work} {
			if err := os.MkdirAll(name, 0o755); err != nil {
				return err
			}
		}
		options := "lowerdir=" + dir + ",upperdir=" + upper + ",workdir=" + work
		if err := unix.Mount("overlay", dir, "overlay", 0, options); err != nil {
			return fmt.Errorf("lay a private layer over %s: %w", dir, err)
		}
	}
	for name, want := range names {
		if have, _ := os.ReadFile(name); !bytes.Equal(have, want) {
			if err := os.WriteFile(name, want, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillRoot puts the parts of the engine where its path constants say.
func fillRoot(spec Spec) error {
	for _, dir := range []string{"bin", "cni", "run", "ca-certificates", "content"} {
		if err := os.MkdirAll(filepath.Join(distconsts.Root, dir), 0o755); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return err
	}
	files := map[string]string{
		distconsts.RuncPath:       runc,
		distconsts.DaggerInitPath: filepath.Join(spec.Tools, "init"),
		BinDir + "/engine":        filepath.Join(spec.Tools, "engine"),
		CNIDir + "/dnsname":       filepath.Join(spec.Tools, "dnsname"),
	}
	for _, plugin := range []string{"bridge", "firewall", "host-local", "loopback"} {
		files[CNIDir+"/"+plugin] = "/usr/lib/cni/" + plugin
	}
	for target, source := range files {
		if err := bindFile(source, target); err != nil {
			return err
		}
	}
	if err := unix.Mount(spec.Content, distconsts.EngineContainerBuiltinContentDir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", spec.Content, err)
	}
	if err := os.WriteFile(BinDir+"/dnsmasq", []byte(dnsmasq), 0o755); err != nil {
		return err
	}
	// Debian has them in /usr/sbin, the engine looks in /usr/bin.
	for _, name := range []string{"xtables-legacy-multi", "xtables-nft-multi"} {
		link := "/usr/bin/" + name
		if _, err := os.Lstat(link); err == nil {
			continue
		}
		if err := os.Symlink("/usr/sbin/"+name, link); err != nil {
			return err
		}
	}
	return nil
}

// dnsmasq is the name server of the engine's containers. As the engine starts
// it, it takes port 53 of all of the host's addresses, which fails where some
// other name server, or a second engine, has one of them.
const dnsmasq = "#!/bin/sh\nexec /usr/sbin/dnsmasq --bind-dynamic \"$@\"\n"

// BinDir comes first in the engine's PATH.
const BinDir = distconsts.Root + "/bin"

// CNIDir is where the engine finds its network plugins.
const CNIDir = distconsts.Root + "/cni"

func bindFile(source, target string) error {
	if err := os.WriteFile(target, nil, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	return nil
}
