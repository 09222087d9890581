//go:build linux

// Package sdkimage packs the image in which the engine compiles and runs Go
// modules, from the machine's own Go toolchain: no image is ever pulled.
package sdkimage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/franela/pocketci/ci/engine/internal/progress"
	"github.com/franela/pocketci/ci/engine/internal/tools"
)

// recipe is counted up with every change of the image's contents, so that a
// cached image of an older recipe is not used.
const recipe = "5"

// digestFile lies beside the layout's own files.
const digestFile = "digest"

// Paths inside the image. The two caches are where the engine mounts its own
// and seeds them from.
const (
	goRoot     = "/usr/local/go"
	goPath     = "/go"
	modCache   = goPath + "/pkg/mod"
	buildCache = "/root/.cache/go-build"
	proxyTree  = "/usr/local/share/goproxy"
)

// Image is an OCI layout on disk.
type Image struct {
	// Dir is the layout.
	Dir string
	// Digest is that of the image's manifest.
	Digest string
}

// Ensure returns the image in a directory below cacheDir, and packs it first
// unless it is there.
func Ensure(ctx context.Context, log *progress.Log, cacheDir string, set tools.Set) (Image, error) {
	image := Image{Dir: filepath.Join(cacheDir, "gosdk-"+recipe+"-"+strings.TrimPrefix(filepath.Base(set.Dir), "tools-"))}
	digest, err := os.ReadFile(filepath.Join(image.Dir, digestFile))
	if err == nil {
		image.Digest = string(digest)
		return image, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Image{}, fmt.Errorf("look for the Go SDK image: %w", err)
	}
	err = log.Step(ctx, "pack the Go SDK image from "+set.Go.GOROOT, func(ctx context.Context, note func(string)) error {
		work, err := os.MkdirTemp(cacheDir, "packing-")
		if err != nil {
			return err
		}
		defer func() { _ = tools.RemoveTree(work) }()
		if err := pack(ctx, work, set, note); err != nil {
			return err
		}
		return os.Rename(filepath.Join(work, "layout"), image.Dir)
	})
	if err != nil {
		return Image{}, err
	}
	digest, err = os.ReadFile(filepath.Join(image.Dir, digestFile))
	if err != nil {
		return Image{}, fmt.Errorf("read the digest of the Go SDK image: %w", err)
	}
	image.Digest = string(digest)
	return image, nil
}

func pack(ctx context.Context, work string, set tools.Set, note func(string)) error {
	root := filepath.Join(work, "root")
	note("(root file system)")
	if err := makeRoot(ctx, root, set); err != nil {
		return fmt.Errorf("make the root file system: %w", err)
	}
	note("(modules of the Go SDK)")
	if err := seedModules(ctx, root, filepath.Join(work, "seed"), set); err != nil {
		return fmt.Errorf("seed the Go SDK's modules: %w", err)
	}
	note("(compile them once, for the image's build cache)")
	if err := warmBuildCache(ctx, root, filepath.Join(work, "seed")); err != nil {
		return fmt.Errorf("warm the build cache: %w", err)
	}
	note("(write the layer)")
	layer, err := newLayer(root, filepath.Join(work, "layer.tar"))
	if err != nil {
		return fmt.Errorf("write the layer: %w", err)
	}
	image, err := assemble(layer, set)
	if err != nil {
		return fmt.Errorf("assemble the image: %w", err)
	}
	target, err := layout.Write(filepath.Join(work, "layout"), empty.Index)
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	if err := target.AppendImage(image); err != nil {
		return fmt.Errorf("write the image into the layout: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(work, "layout", digestFile), []byte(digest.String()), 0o644)
}

func assemble(layer v1.Layer, set tools.Set) (v1.Image, error) {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layer)
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Env = environment(set)
	config.Config.WorkingDir = goPath
	return mutate.ConfigFile(image, config)
}

// environment is that of the image, and of the warming of its build cache:
// entries made under other settings would not be found again.
func environment(set tools.Set) []string {
	return []string{
		"PATH=" + goPath + "/bin:" + goRoot + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root",
		"GOPATH=" + goPath,
		"GOTOOLCHAIN=local",
		"CGO_ENABLED=0",
		"GOFLAGS=-buildvcs=false",
		// A commit that the file tree answers for is in no checksum database.
		"GOSUMDB=off",
		// The SDK's own modules come from the image, all others from wherever
		// the machine gets its modules.
		"GOPROXY=file://" + proxyTree + "," + set.Go.GOPROXY,
		"SSL_CERT_FILE=" + certificates,
	}
}
