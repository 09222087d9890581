package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

func TestReturnValues(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"returns"}, map[string]string{"README.md": "hello", "docs/a.md": "a"})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "returns"})
	src := map[string]modules.Value{"src": source}
	for name, c := range map[string]struct {
		function string
		args     map[string]modules.Value
		output   string
		fails    string // in the message
	}{
		"void":                 {function: "nothing"},
		"string":               {function: "text", output: "two\nlines"},
		"int":                  {function: "number", output: "42"},
		"bool":                 {function: "yes", output: "true"},
		"null":                 {function: "missing"},
		"list of strings":      {function: "words", output: `["a","b c"]`},
		"list of ints":         {function: "numbers", output: `[1,2]`},
		"enum":                 {function: "level", output: `"HIGH"`},
		"container that fails": {function: "lazyContainer", args: src, fails: "/no/such/program"},
		"directory":            {function: "directory", args: src},
		"missing directory":    {function: "lazyDirectory", args: src, fails: "no-such-directory"},
		"file":                 {function: "file", args: src},
		"missing file":         {function: "lazyFile", args: src, fails: "no-such-file"},
		"object":               {function: "custom"},
		"list of objects":      {function: "customs"},
		"list with a bad file": {function: "files", args: src, fails: "no-such-file"},
		"list from the tree":   {function: "entries", args: src, output: `["README.md","docs/","returns/","rootfs/"]`},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := s.Call(t.Context(), bind(t, s, c.function, c.args), nil)
			if c.fails != "" {
				var failed *engine.CallError
				if !errors.As(err, &failed) || !strings.Contains(failed.Error(), c.fails) {
					t.Fatalf("got %v, want a CallError about %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if result.Output != c.output {
				t.Errorf("output is %q, want %q", result.Output, c.output)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"conditions"}, map[string]string{"docs/b.md": "", "docs/a.tmp": "", "docs/a.md": ""})
	const payload = `{"text": "\"quoted\" é \u2028"}`
	s := open(t, e, engine.Run{
		Tree: enginetest.Tree(dir), Module: "conditions", Event: []byte(payload),
		Secret: secrets(map[string]string{"env://TOKEN": "tok\"en\n"}),
	})
	for name, c := range map[string]struct {
		function string
		args     map[string]modules.Value
		output   string
	}{
		"defaults":     {"onGithubPush", nil, "push to main,release/*"},
		"a string":     {"onGithubPush", map[string]modules.Value{"filter": constant("a \"b\" \\ é 💡 \x00 <&>")}, "push to a \"b\" \\ é 💡 \x00 <&>"},
		"a list":       {"docsOnPullRequest", map[string]modules.Value{"onChanges": constant([]any{"docs/a,b.md", ""})}, "docs/a,b.md|"},
		"the event":    {"dispatch", map[string]modules.Value{"eventTrigger": event}, "github,gitlab issue* " + payload},
		"a secret":     {"deployOnGithubPushMain", map[string]modules.Value{"token": secret("env://TOKEN"), "runUrl": constant("")}, "7 bytes, extra false, "},
		"two secrets":  {"deployOnGithubPushMain", map[string]modules.Value{"token": secret("env://TOKEN"), "extra": secret("env://TOKEN"), "runUrl": constant("http://x/1")}, "7 bytes, extra true, http://x/1"},
		"default path": {"contextual", nil, "a.md b.md true"},
		"constants": {"onGithubCreate", map[string]modules.Value{
			"text": constant("t"), "count": constant(int64(-7)), "ratio": constant(0.25), "strict": constant(true), "level": constant("QUICK"),
			"words": constant([]any{"a", "b"}), "numbers": constant([]any{int64(1), int64(2)}),
		}, "t -7 0.25 true QUICK [a b] [1 2] true"},
		"whole number as a float": {"onGithubCreate", map[string]modules.Value{
			"text": constant(""), "count": constant(int64(0)), "ratio": constant(int64(3)), "strict": constant(false), "level": constant("FULL"),
			"words": constant([]any{}), "numbers": constant([]any{}), "left": constant("over"),
		}, " 0 3 false FULL [] [] false"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.output, call(t, s, c.function, c.args)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, c := range map[string]struct {
		function, argument string
		value              modules.Value
	}{
		"a number for a string":    {"onGithubPush", "filter", constant(int64(3))},
		"a string for a list":      {"docsOnPullRequest", "onChanges", constant("docs/**")},
		"a list of the wrong type": {"docsOnPullRequest", "onChanges", constant([]any{"a", int64(1)})},
		"null":                     {"onGithubPush", "filter", constant(nil)},
		"no such enum":             {"onGithubCreate", "level", constant("HALF")},
		"an unknown secret":        {"deployOnGithubPushMain", "token", secret("env://OTHER")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Call(t.Context(), bind(t, s, c.function, map[string]modules.Value{c.argument: c.value}), nil)
			var refused *engine.ArgError
			if !errors.As(err, &refused) || refused.Argument != c.argument || !errors.Is(err, modules.ErrArgument) {
				t.Errorf("got %v, want an ArgError for %s", err, c.argument)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"steps", "conditions", "broken", "demanding"}, nil)
	tree := enginetest.Tree(dir)

	t.Run("a step", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "steps"})
		_, err := s.Call(t.Context(), bind(t, s, "failOnGithubPush", map[string]modules.Value{"src": source}), nil)
		want := &engine.CallError{
			Function: "failOnGithubPush", Message: "exit code: 3", ExitCode: 3,
			Command: []string{"/bin/busybox", "sh", "-c", "echo before it fails; echo the reason >&2; exit 3"},
			Stdout:  "before it fails", Stderr: "the reason",
		}
		var failed *engine.CallError
		if !errors.As(err, &failed) || !errors.Is(err, modules.ErrFunction) {
			t.Fatalf("got %v, want a CallError", err)
		}
		if diff := cmp.Diff(want, failed); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the function itself", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "conditions"})
		_, err := s.Call(t.Context(), bind(t, s, "fail", nil), nil)
		var failed *engine.CallError
		if !errors.As(err, &failed) || !strings.Contains(failed.Message, "this function always fails") {
			t.Fatalf("got %#v, want the function's own words", err)
		}
		if failed.Command != nil {
			t.Errorf("blames the command %q", failed.Command)
		}
	})
	t.Run("a module that does not compile", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "broken"})
		_, err := s.Call(t.Context(), bind(t, s, "onGithubPush", nil), nil)
		var load *engine.LoadError
		if !errors.As(err, &load) || !errors.Is(err, modules.ErrModule) {
			t.Fatalf("got %v, want a LoadError", err)
		}
		if !strings.Contains(load.Output, "main.go:7:9: cannot use 42") {
			t.Errorf("the compiler's words are missing in %q", load.Output)
		}
	})
	t.Run("a constructor that wants arguments", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "demanding"})
		_, err := s.Call(t.Context(), bind(t, s, "onGithubPush", nil), nil)
		var refused *engine.ArgError
		if !errors.As(err, &refused) || refused.Argument != "greeting" {
			t.Fatalf("got %v, want an ArgError for greeting", err)
		}
	})
	t.Run("all privileges of the host", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "steps"})
		_, err := s.Call(t.Context(), bind(t, s, "insecure", map[string]modules.Value{"src": source}), nil)
		if err == nil || !strings.Contains(err.Error(), "security.insecure is not allowed") {
			t.Fatalf("got %v, want a refusal", err)
		}
	})
}

func TestConstructorWithDefaults(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"constructor"}, nil)
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "constructor"})
	if got := call(t, s, "onGithubPush", map[string]modules.Value{"filter": constant("main")}); got != "hello main" {
		t.Errorf("got %q", got)
	}
	if got := call(t, s, "size", nil); got != "true" {
		t.Errorf("the manifest's size is above zero: %s", got)
	}
}

func TestCancel(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"steps"}, nil)
	for name, c := range map[string]struct {
		seconds string
		end     func(context.CancelFunc, *engine.Session)
		want    error
	}{
		"the call's context": {"991", func(cancel context.CancelFunc, _ *engine.Session) { cancel() }, context.Canceled},
		"the session":        {"992", func(_ context.CancelFunc, s *engine.Session) { _ = s.Close() }, engine.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps"})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := s.Call(ctx, bind(t, s, "sleep", map[string]modules.Value{"src": source, "seconds": constant(c.seconds)}), nil)
				ended <- err
			}()
			await(t, "the container starts", 60*time.Second, func() bool { return running("sleep", c.seconds) })
			go c.end(cancel, s)
			select {
			case err := <-ended:
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if errors.Is(err, modules.ErrFunction) || errors.Is(err, modules.ErrUnavailable) {
					t.Errorf("%v blames the function or the engine", err)
				}
			case <-time.After(time.Minute):
				t.Fatal("the call does not end")
			}
			await(t, "the container is gone", time.Minute, func() bool { return !running("sleep", c.seconds) })
		})
	}
	t.Run("a deadline", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "steps"})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := s.Call(ctx, bind(t, s, "sleep", map[string]modules.Value{"src": source, "seconds": constant("993")}), nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline's error", err)
		}
		await(t, "the container is gone", time.Minute, func() bool { return !running("sleep", "993") })
	})
}
