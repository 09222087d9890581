package looktest

import (
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// loaded is a configuration with something of everything.
func loaded() v1.LoadedConfiguration {
	return v1.LoadedConfiguration{
		Configuration: v1.Configuration{File: "/etc/pocketci/agent.yaml", LoadedAt: time.Now().Add(-time.Hour), Restart: []string{"runners"},
			Error: "/etc/pocketci/agent.yaml:8:12: token must be {from-env: NAME} or {from-file: PATH}, not a string: this file holds no secret itself"},
		Text:     "forks: never\nforges:\n  - name: github\n    token: {from-env: GITHUB_TOKEN}\n    repositories: [" + strings.Repeat("acme/"+longName+", ", 3) + "]\n",
		Warnings: []string{"/etc/pocketci/agent.yaml:9: the file /etc/pocketci/work.secret can be read by others than its owner; chmod 600 it"},
		Flags: []v1.Flag{
			{Name: "listen", Variable: "POCKETCI_LISTEN", Value: ":8080", From: "default"},
			{Name: "public-url", Variable: "POCKETCI_PUBLIC_URL", Value: "https://ci.example.com/" + longName, From: "variable"},
			{Name: "ssh-key", Variable: "POCKETCI_SSH_KEY", From: "flag"},
		},
		Variables: []v1.Variable{{Name: "GITHUB_TOKEN", Set: true, For: "agent"}, {Name: "SHOP_WEBHOOK", For: "configuration"}},
	}
}
