package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/forge"
)

// installed is what --json shows of an installed webhook.
type installed struct {
	Forge   string `json:"forge"`
	Created bool   `json:"created"`
	hook
	// SecretFile is where a new secret was written. One that belongs in a
	// variable is in Secret.
	SecretFile     string `json:"secret_file,omitempty"`
	SecretVariable string `json:"secret_variable,omitempty"`
	Secret         string `json:"secret,omitempty"`
}

func newHookInstall() *cobra.Command {
	var h hookFlags
	var newSecret bool
	cmd := &cobra.Command{
		Use:   "install REPO|ORG",
		Short: "Create or repair the webhook of a repository or an organisation",
		Long: `Install creates the webhook that sends a repository's events, or those of all
repositories of an organisation, to the agent, at PUBLIC-URL/webhooks/FORGE. If it
is there it is repaired: active, with the events that pocketci reads and with the
agent's secret.

The secret is the first of webhook-secrets in agent.yaml, without forges there the
variable X_HUB_SIGNATURE. If its file does not exist a new secret is written to it,
readable by its owner alone. If its variable is not set a new secret is printed as a
line for the agent's environment, this once. Only with --new-secret does a webhook
that is there already get a new one.

Standard output has that line and nothing else; what was done goes to standard
error, or with --json all of it to standard output.`,
		Args: cobra.ExactArgs(1),
		Example: `  # on the agent's machine, as the agent's user and with its environment
  pocketci hook install octo/hello --public-url https://ci.example.com

  pocketci hook install octo --forge work --config /etc/pocketci/agent.yaml

  # without agent.yaml: the secret goes where the agent's environment is kept
  pocketci hook install octo/hello >> /etc/pocketci/agent.env`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOwner(args[0]); err != nil {
				return err
			}
			public, err := h.public()
			if err != nil {
				return err
			}
			f, err := h.open()
			if err != nil {
				return err
			}
			secret, err := f.secret()
			if err != nil {
				return err
			}
			address := public + "/webhooks/" + f.Name
			list, err := f.Webhooks(cmd.Context(), args[0], public)
			if err != nil {
				return refused(err)
			}
			notes := newScreen(cmd.ErrOrStderr())
			for _, doubt := range f.doubts(args[0], public, list) {
				notes.printf("warning: %s\n", doubt)
			}
			if secret.value == "" {
				if i := slices.IndexFunc(list, func(w forge.Webhook) bool { return samePath(w.URL, address) }); i >= 0 && !newSecret {
					return fmt.Errorf("webhook %s is there already, and %s that its secret belongs to is not; set it to the secret that the agent has, or have another secret made with --new-secret", list[i].ID, secret.place())
				}
				if err := secret.make(); err != nil {
					return err
				}
				if secret.File != "" {
					notes.printf("wrote a new secret to %s; start the agent again, which reads it as it starts\n", secret.File)
				}
			}
			made, created, err := f.InstallWebhook(cmd.Context(), args[0], forge.NewWebhook{URL: address, Secret: secret.value})
			if err != nil {
				return refused(err)
			}
			return h.show(cmd, args[0], &secret, &installed{Forge: f.Name, Created: created, hook: hookOf(&made)})
		},
	}
	h.flags(cmd)
	cmd.Flags().BoolVar(&newSecret, "new-secret", false, "have a new secret made for a webhook that is there, if the agent's is not here")
	return cmd
}

// show prints what was done, and a new secret that there is no other place for.
func (h *hookFlags) show(cmd *cobra.Command, owner string, secret *hookSecret, done *installed) error {
	printed := secret.made && secret.File == ""
	if secret.made {
		done.SecretFile = secret.File
	}
	if printed {
		done.SecretVariable, done.Secret = secret.Env, secret.value
	}
	notes := newScreen(cmd.ErrOrStderr())
	if !done.Active {
		notes.printf("warning: the forge says that the webhook is not active\n")
	}
	if h.json {
		return writeJSON(cmd.OutOrStdout(), done)
	}
	what := "repaired"
	if done.Created {
		what = "created"
	}
	notes.printf("%s webhook %s of %s at %s\nevents: %s\n", what, done.ID, owner, done.URL, cmp.Or(strings.Join(done.Events, ", "), "none"))
	if !printed {
		return nil
	}
	notes.printf("its secret is new and shown this once; put the line into the agent's environment and start the agent again:\n")
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s=%s\n", secret.Env, secret.value); err != nil {
		return &exitError{exitFailed, fmt.Sprintf("write the new secret: %v; have another one made with --new-secret", err)}
	}
	return nil
}

// doubts says what may keep deliveries from arriving, or have them arrive twice.
func (f *hookForge) doubts(owner, public string, list []forge.Webhook) []string {
	var doubts []string
	u, err := url.Parse(public)
	if err != nil {
		return nil // it was an address before
	}
	if u.Scheme == "http" {
		doubts = append(doubts, "http shows what is delivered to everybody on the way; use https")
	}
	if host := u.Hostname(); private(host) {
		doubts = append(doubts, fmt.Sprintf("%s is an address of this machine or of a private network; the forge has to reach it", host))
	}
	if strings.Contains(owner, "/") && !f.Accepts(owner) {
		doubts = append(doubts, fmt.Sprintf("the agent refuses deliveries of %s: the repositories of the forge %s in agent.yaml leave it out", owner, f.Name))
	}
	for _, w := range list {
		if w.Active && samePath(w.URL, public) {
			doubts = append(doubts, fmt.Sprintf("webhook %s at %s is the agent's too, so that everything is delivered twice; delete it", w.ID, w.URL))
		}
	}
	return doubts
}

// private reports whether a host is plainly nobody's on the Internet. It is not
// looked up.
func private(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}

// samePath compares addresses of the agent's by their paths.
func samePath(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.TrimRight(x.Path, "/") == strings.TrimRight(y.Path, "/")
}
