package settings_test

import (
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

func TestBest(t *testing.T) {
	for name, c := range map[string]struct {
		patterns   settings.Patterns
		repository string
		want       string
	}{
		"a name":                          {settings.Patterns{"acme/shop"}, "acme/shop", "acme/shop"},
		"another name":                    {settings.Patterns{"acme/shop"}, "acme/shopping", ""},
		"another owner":                   {settings.Patterns{"acme/*"}, "acme-evil/shop", ""},
		"an owner":                        {settings.Patterns{"acme/*"}, "acme/shop", "acme/*"},
		"a star stops at a slash":         {settings.Patterns{"acme/*"}, "acme/team/shop", ""},
		"two stars do not":                {settings.Patterns{"acme/**"}, "acme/team/shop", "acme/**"},
		"all":                             {settings.Patterns{"**"}, "acme/shop", "**"},
		"the longest":                     {settings.Patterns{"**", "acme/*", "acme/s*", "*/*"}, "acme/shop", "acme/s*"},
		"the whole name":                  {settings.Patterns{"acme/shop*", "acme/shop", "acme/sho?"}, "acme/shop", "acme/shop"},
		"stars do not make a glob longer": {settings.Patterns{"acme/sh*", "*****/****h*p"}, "acme/shop", "acme/sh*"},
		"the first of equals":             {settings.Patterns{"acme/*", "*/shop"}, "acme/shop", "acme/*"},
		"case does not count":             {settings.Patterns{"Acme/*"}, "ACME/Shop", "Acme/*"},
		"one character":                   {settings.Patterns{"acme/sho?"}, "acme/shop", "acme/sho?"},
		"none":                            {nil, "acme/shop", ""},
		"no repository":                   {settings.Patterns{"*/*"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := c.patterns.Best(c.repository)
			if got != c.want || ok != (c.want != "") || c.patterns.Match(c.repository) != ok {
				t.Errorf("got %q, %t, want %q", got, ok, c.want)
			}
		})
	}
}
