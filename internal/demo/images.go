package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// images has the agent watch a registry, which it learns of while it runs, pushes an
// image to it, and waits until a function has deployed it.
func (d *demo) images(a *theAgent, bin string, env []string) error {
	heading("Have the agent watch a registry, without a restart, and push an image to it")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve a registry: %w", err)
	}
	host := listener.Addr().String()
	server := &http.Server{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: patience}
	go server.Serve(listener)
	d.Cleanup(func() { server.Close() })

	text := fmt.Sprintf("registries:\n- name: demo\n  host: %s\n  insecure: true\n  watch: [{repository: hello, interval: 1s, calls: %s}]\n", host, fullName)
	fmt.Print("agent.yaml:\n", text)
	if err := os.WriteFile(filepath.Join(a.data, "agent.yaml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("configure the agent: %w", err)
	}
	image, err := random.Image(1024, 1)
	if err != nil {
		return fmt.Errorf("make an image: %w", err)
	}
	tag, err := name.NewTag(host+"/hello:v1.0.0", name.Insecure)
	if err != nil {
		return fmt.Errorf("name an image: %w", err)
	}
	if err := remote.Write(tag, image, remote.WithContext(d.ctx)); err != nil {
		return fmt.Errorf("push an image: %w", err)
	}
	if err := d.deployed(bin, env, tag.TagStr()); err != nil {
		return err
	}
	fmt.Println("\n$ pocketci registry list")
	out, err := d.pocketci(bin, env, "registry", "list")
	fmt.Print(out)
	return err
}

// deployed waits until a version is what was last deployed.
func (d *demo) deployed(bin string, env []string, tag string) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		out, err := d.pocketci(bin, env, "registry", "list", "--json")
		if err != nil {
			return err
		}
		var list v1.Watches
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			return fmt.Errorf("read what is watched: %w", err)
		}
		if len(list.Watches) == 1 && list.Watches[0].Deployed != nil && list.Watches[0].Deployed.Tag == tag {
			return nil
		}
		select {
		case <-time.After(time.Second):
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	return errors.New("the image was not deployed")
}
