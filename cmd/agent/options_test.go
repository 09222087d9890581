package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want func(*options) bool
		err  string
	}{
		"defaults": {want: func(o *options) bool {
			return o.listen == ":8080" && o.parallelism == 10 && o.logFormat == "text" && o.callTimeout == time.Hour && !o.noSignature
		}},
		"variables": {
			env: map[string]string{
				"POCKETCI_LISTEN": "127.0.0.1:1", "POCKETCI_DATA_DIR": "/d", "POCKETCI_PARALLELISM": "3",
				"POCKETCI_LOG_FORMAT": "json", "POCKETCI_LOG_LEVEL": "debug", "POCKETCI_ALLOW_SECRET_ENV": "A, B",
			},
			want: func(o *options) bool {
				return o.listen == "127.0.0.1:1" && o.dataDir == "/d" && o.parallelism == 3 && o.logFormat == "json" &&
					o.logLevel == slog.LevelDebug && o.allowEnv.String() == "A,B"
			},
		},
		"a flag wins over its variable": {
			args: []string{"--parallelism", "7"},
			env:  map[string]string{"POCKETCI_PARALLELISM": "3"},
			want: func(o *options) bool { return o.parallelism == 7 },
		},
		"lists may be repeated": {
			args: []string{"--clone-host", "a", "--clone-host", "b,c"},
			want: func(o *options) bool { return o.cloneHosts.String() == "a,b,c" },
		},
		"a list wins over its variable": {
			args: []string{"--clone-host", "a"},
			env:  map[string]string{"POCKETCI_CLONE_HOST": "b"},
			want: func(o *options) bool { return o.cloneHosts.String() == "a" },
		},
		"data dir by XDG": {
			env:  map[string]string{"XDG_DATA_HOME": "/x"},
			want: func(o *options) bool { return o.dataDir == "/x/pocketci" },
		},
		"the agent's file": {
			env:  map[string]string{"POCKETCI_CONFIG": "/etc/agent.yaml"},
			want: func(o *options) bool { return o.config == "/etc/agent.yaml" },
		},
		"the engine": {
			env:  map[string]string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "unix:///e"},
			want: func(o *options) bool { return o.runnerHost == "unix:///e" },
		},
		"a bad variable names itself": {env: map[string]string{"POCKETCI_PARALLELISM": "many"}, err: "POCKETCI_PARALLELISM"},
		"no calls at all":             {args: []string{"--parallelism", "0"}, err: "--parallelism is 0"},
		"no room":                     {args: []string{"--queue", "0"}, err: "--queue is 0"},
		"unknown format":              {args: []string{"--log-format", "xml"}, err: "use text or json"},
		"unknown level":               {args: []string{"--log-level", "loud"}, err: "log-level"},
		"unknown flag":                {args: []string{"--nope"}, err: "nope"},
		"an argument":                 {args: []string{"serve"}, err: `unexpected argument "serve"`},
		"GitHub's API": {
			env:  map[string]string{"POCKETCI_GITHUB_API": "https://ghe.example.com/api/v3"},
			want: func(o *options) bool { return o.githubAPI == "https://ghe.example.com/api/v3" },
		},
		"an API that is none":       {args: []string{"--github-api", "ghe.example.com"}, err: "--github-api has to be"},
		"an API with a password":    {args: []string{"--github-api", "https://u:p@ghe.example.com"}, err: "--github-api has to be"},
		"a password in the address": {args: []string{"--public-url", "https://u:p@ci.example.com"}, err: "--public-url has to be"},
		"no time":                   {args: []string{"--call-timeout", "0s"}, err: "--call-timeout is 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(c.args, func(name string) string { return c.env[name] }, io.Discard)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.want(o) {
				t.Errorf("got %+v", o)
			}
		})
	}
}
