package registry

import (
	"fmt"
	"os"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// Login is how a registry knows the agent. The zero Login is nobody.
type Login struct {
	// Username and Token are a user with a password or access token. A token
	// without a user name is sent as it is.
	Username, Token string
	// DockerConfig is the path of a configuration file of Docker, whose login
	// for the registry is used, credential helpers included. It is read again
	// whenever the agent logs in.
	DockerConfig string
}

// authenticator returns the login for a registry. Its errors hold no secret.
func (l Login) authenticator(registry name.Registry) (authn.Authenticator, error) {
	switch {
	case l.DockerConfig != "":
		return l.ofDocker(registry)
	case l.Username != "":
		return authn.FromConfig(authn.AuthConfig{Username: l.Username, Password: l.Token}), nil
	case l.Token != "":
		return authn.FromConfig(authn.AuthConfig{RegistryToken: l.Token}), nil
	}
	return authn.Anonymous, nil
}

// ofDocker reads the login from Docker's configuration file.
func (l Login) ofDocker(registry name.Registry) (authn.Authenticator, error) {
	f, err := os.Open(l.DockerConfig)
	if err != nil {
		return nil, fmt.Errorf("read Docker's configuration: %w", err)
	}
	defer f.Close()
	file, err := config.LoadFromReader(f)
	if err != nil {
		return nil, fmt.Errorf("read Docker's configuration %s: %w", l.DockerConfig, err)
	}
	key := registry.RegistryStr()
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	login, err := file.GetAuthConfig(key)
	if err != nil {
		return nil, fmt.Errorf("find the login of %s in Docker's configuration: %w", key, err)
	}
	if login.Username == "" && login.Password == "" && login.Auth == "" && login.IdentityToken == "" && login.RegistryToken == "" {
		return nil, fmt.Errorf("%s has no login for %s", l.DockerConfig, key)
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: login.Username, Password: login.Password, Auth: login.Auth,
		IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
	}), nil
}
