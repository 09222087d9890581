package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

// Variables that the agent is configured by.
const (
	envConfig    = "POCKETCI_CONFIG"
	envDataDir   = "POCKETCI_DATA_DIR"
	envPublicURL = "POCKETCI_PUBLIC_URL"
	envGithubAPI = "POCKETCI_GITHUB_API"
	envUsername  = "GITHUB_USERNAME"
	envToken     = "GITHUB_TOKEN"
	envSignature = "X_HUB_SIGNATURE"
)

func newHook() *cobra.Command {
	return group("hook", "Install, list and redeliver the webhooks of the agent, on its own machine", newHookInstall(), newHookList(), newHookRedeliver())
}

// hookFlags say which forge is asked about webhooks, as the agent is told it.
type hookFlags struct {
	config, dataDir, forge, publicURL, githubAPI string
	json                                         bool
}

func (h *hookFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.config, "config", "", "the agent's `FILE`; without it agent.yaml in the data directory if it is there ("+envConfig+")")
	f.StringVar(&h.dataDir, "data-dir", "", "the agent's data `DIR` ("+envDataDir+")")
	f.StringVar(&h.forge, "forge", "", "the `NAME` of the forge in agent.yaml, if there are several")
	f.StringVar(&h.publicURL, "public-url", "", "`URL` that the forge reaches the agent at ("+envPublicURL+")")
	f.StringVar(&h.githubAPI, "github-api", "", "`URL` of the API of a GitHub Enterprise Server, https://HOST/api/v3 ("+envGithubAPI+")")
	f.BoolVar(&h.json, "json", false, "print JSON")
	cmd.MarkFlagFilename("config", "yaml")
	cmd.MarkFlagDirname("data-dir")
}

// hookForge is the forge that is asked.
type hookForge struct {
	forges.Forge
	// file is agent.yaml, empty without one that names forges.
	file string
	// secrets are where the webhook's secrets come from.
	secrets []settings.Secret
	line    int
	vault   *secrets.Vault
}

// open finds the forge as the agent does, without its webhook secrets, which need
// not be there yet.
func (h *hookFlags) open() (*hookForge, error) {
	api := cmp.Or(h.githubAPI, os.Getenv(envGithubAPI))
	if api != "" && !isAddress(api) {
		return nil, errors.New("--github-api has to be an address such as https://github.example.com/api/v3")
	}
	dir := cmp.Or(h.dataDir, os.Getenv(envDataDir), settings.DefaultDataDir(os.Getenv))
	conf, err := settings.Load(cmp.Or(h.config, os.Getenv(envConfig)), dir)
	if err != nil {
		return nil, err
	}
	vault := secrets.Read(secrets.Policy{}.With(conf), envUsername, envToken, envSignature)
	if len(conf.Forges) == 0 {
		return h.openGithub(vault, api)
	}
	f, err := h.choose(conf.Forges)
	if err != nil {
		return nil, err
	}
	if f.Vendor != events.VendorGithub || f.URL != "" {
		api = ""
	}
	known := &hookForge{file: conf.File, secrets: f.WebhookSecrets, line: f.Line, vault: vault}
	f.WebhookSecrets = nil
	if known.Forge, err = forges.Open(conf.File, f, vault.Secret, api); err != nil {
		return nil, err
	}
	if known.Forge.Forge == nil {
		return nil, fmt.Errorf("%s:%d: the forge %s has no token, without which nobody may manage webhooks", conf.File, f.Line, f.Name)
	}
	return known, nil
}

// openGithub is open without forges in agent.yaml.
func (h *hookFlags) openGithub(vault *secrets.Vault, api string) (*hookForge, error) {
	if h.forge != "" && h.forge != events.VendorGithub {
		return nil, fmt.Errorf("--forge %s: there is no agent.yaml with forges, so that github is the only one; see --config", h.forge)
	}
	username, _ := vault.Value(envUsername)
	token, _ := vault.Value(envToken)
	if token == "" {
		return nil, fmt.Errorf("no token, without which nobody may manage webhooks: set %s, or name the agent's file with --config", envToken)
	}
	made, err := forges.GitHub(nil, username, token, api)
	if err != nil {
		return nil, err
	}
	return &hookForge{Forge: made, secrets: []settings.Secret{{Env: envSignature}}, vault: vault}, nil
}

func (h *hookFlags) choose(all []settings.Forge) (settings.Forge, error) {
	var names []string
	for _, f := range all {
		if f.Name == h.forge || h.forge == "" && len(all) == 1 {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if h.forge == "" {
		return settings.Forge{}, fmt.Errorf("--forge: say which, one of %s", strings.Join(names, ", "))
	}
	return settings.Forge{}, fmt.Errorf("--forge %s: agent.yaml has none of that name, only %s", h.forge, strings.Join(names, ", "))
}

// public returns the agent's address without a slash at the end.
func (h *hookFlags) public() (string, error) {
	address := cmp.Or(h.publicURL, os.Getenv(envPublicURL))
	switch {
	case address == "":
		return "", fmt.Errorf("no address of the agent: say where the forge reaches it with --public-url, or set %s", envPublicURL)
	case !isAddress(address):
		return "", errors.New("--public-url has to be an address such as https://ci.example.com")
	}
	return strings.TrimRight(address, "/"), nil
}

// isAddress takes no credentials. What is refused is not repeated for that reason.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

var ownerPattern = regexp.MustCompile(`^[^\s/:]+(/[^\s/:]+)*$`)

// checkOwner refuses what is neither a repository's full name nor an
// organisation's name.
func checkOwner(name string) error {
	if !ownerPattern.MatchString(name) {
		return fmt.Errorf("%q: give the full name of a repository, such as octo/hello, or the name of an organisation", name)
	}
	return nil
}

// refused gives an error of a forge its exit code: a token that may not do this is
// a fault of the configuration, as a key of the agent's is.
func refused(err error) error {
	if _, denied := errors.AsType[*forge.PermissionError](err); denied {
		return err
	}
	return &exitError{exitFailed, err.Error()}
}
