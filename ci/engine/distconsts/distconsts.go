// Package distconsts stands in for the package of the same import path that
// the engine's source expects beside it and no module proxy serves.
//
// It says where the engine finds its parts. All of them lie below Root, a
// directory that exists in the engine's own mount namespace only: package
// sandbox puts it together there, so that nothing is installed on the host.
package distconsts

// Root is the directory, private to the engine, that holds its parts.
const Root = "/run/pocketci-engine"

// Programs that the engine starts.
const (
	// RuncPath is the container runtime.
	RuncPath = Root + "/bin/runc"
	// DaggerInitPath is the program that becomes process 1 of every container.
	DaggerInitPath = Root + "/bin/dagger-init"
)

// Directories and addresses.
const (
	// EngineDefaultStateDir is only a default: every start names its own.
	EngineDefaultStateDir = Root + "/state"
	// DefaultEngineSockAddr is always listened on, beside the address that a
	// start names. Being below Root, it is out of reach from outside.
	DefaultEngineSockAddr = "unix://" + Root + "/run/engine.sock"
	// EngineContainerBuiltinContentDir is the OCI layout of the SDK images.
	EngineContainerBuiltinContentDir = Root + "/content"
	// EngineCustomCACertsDir holds certificates to be added to every
	// container. It is empty: containers are as their author made them.
	EngineCustomCACertsDir = Root + "/ca-certificates"
)

// Names that client and engine agree upon.
const (
	// EngineContainerName is what a provisioned engine's container is called.
	EngineContainerName = "dagger-engine.dev"
	// OCIVersionAnnotation is where an image's manifest keeps its version.
	OCIVersionAnnotation = "org.opencontainers.image.version"
)

// Environment variables in which the engine finds the manifest digests of the
// SDK images in its content directory.
const (
	// GoSDKManifestDigestEnvName names the Go SDK's image.
	GoSDKManifestDigestEnvName = "DAGGER_GO_SDK_MANIFEST_DIGEST"
	// PythonSDKManifestDigestEnvName names the Python SDK's image.
	PythonSDKManifestDigestEnvName = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	// TypescriptSDKManifestDigestEnvName names the TypeScript SDK's image.
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"
)

// Images that are pulled where a caller names none.
const (
	// AlpineVersion is the version of AlpineImage.
	AlpineVersion = "3.22"
	// AlpineImage is the image of an interactive terminal.
	AlpineImage = "alpine:" + AlpineVersion
	// BusyboxImage is a small image for helpers.
	BusyboxImage = "busybox:1.37.0"
	// GolangImage is an image with a Go toolchain.
	GolangImage = "golang:1.26-alpine"
)
