package settings_test

import (
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

func TestWebShows(t *testing.T) {
	for name, c := range map[string]struct {
		public     settings.Patterns
		repository string
		want       bool
	}{
		"nothing":                   {nil, "acme/shop", false},
		"by name":                   {settings.Patterns{"acme/till", "acme/shop"}, "Acme/Shop", true},
		"another one":               {settings.Patterns{"acme/shop"}, "acme/shop2", false},
		"everything":                {settings.Patterns{"**"}, "group/sub/shop", true},
		"no repository":             {settings.Patterns{"acme/*"}, "", false},
		"everything but modules":    {settings.Patterns{"**", "*/*", "*/deploy"}, ".modules/deploy", false},
		"modules by their owner":    {settings.Patterns{".modules/*"}, ".modules/deploy", true},
		"a module by name":          {settings.Patterns{".modules/deploy"}, ".modules/deploy", true},
		"a module of another name":  {settings.Patterns{"**", ".modules/deploy"}, ".modules/other", false},
		"a module in other letters": {settings.Patterns{"**"}, ".Modules/deploy", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (settings.Web{Public: c.public}).Shows(c.repository); got != c.want {
				t.Errorf("it shows it: %t", got)
			}
		})
	}
}
