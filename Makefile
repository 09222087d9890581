# Two commands matter: `make demo` and `make test`. Both install what they need
# (Debian packages, Go tools, a Dagger engine) and are quick the second time.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
ENGINE_ENV := .cache/engine.env
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# GitHub's OpenAPI descriptions, which tests judge requests by.
GITHUB_OPENAPI := @octokit/openapi@23.0.2
# What judges pages for people who see, hear or move less than others.
AXE := axe-core@4.14.1
# Short enough to run with every test; `go test -fuzz` runs one for longer.
FUZZTIME ?= 5s

.PHONY: help build demo test crash packages openapi axe pictures bench lint fuzz engine engine-stop pre-commit

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## Build the two programs into bin/.
	$(GO) build -o bin/ ./cmd/...

engine: ## Have a Dagger engine running; prints the variables that reach it.
	@cd ci/engine && $(GO) run . start

engine-stop: ## Stop it and wait until it is gone.
	@cd ci/engine && $(GO) run . stop

# The engine's variables in a form that the shell reads.
$(ENGINE_ENV): FORCE
	@mkdir -p $(@D)
	@$(MAKE) --no-print-directory -s engine > $@
FORCE:

demo: $(ENGINE_ENV) ## Everything once: engine, agent, a git server, pushes, the page. STAY=1 leaves it open.
	@set -a; source $(ENGINE_ENV); set +a; $(GO) run ./internal/demo

# The tests also stop, cut off and kill the engine, so it is one of their own.
test bench: export POCKETCI_ENGINE_IGNORE_DOCKER = 1
test: packages lint $(ENGINE_ENV) ## Lint, then all tests against the real engine.
	@set -a; source $(ENGINE_ENV); set +a; $(GO) test -race -timeout 30m ./...
	@cd pocketci-module && $(GO) test -race ./event/...
	@cd ci/engine && $(GO) test -timeout 30m ./...

crash: export POCKETCI_ENGINE_IGNORE_DOCKER = 1
crash: packages $(ENGINE_ENV) ## Kill agents, stores and mirrors amid their work, 20 rounds each.
	@POCKETCI_CRASH_ROUNDS=20 $(GO) test -count=1 -timeout 30m -run TestNothingAcknowledgedIsLost -v ./internal/store
	@POCKETCI_CRASH_ROUNDS=20 $(GO) test -count=1 -timeout 30m -run TestKilledAtAnyTime ./internal/reaction/worktree
	@set -a; source $(ENGINE_ENV); set +a; POCKETCI_CRASH_ROUNDS=20 $(GO) test -race -count=1 -timeout 30m -run TestCrash ./internal/e2e

packages: # Debian packages that only tests need, and descriptions of APIs; the engine's come with it.
	@missing=; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	[ -e /usr/sbin/sshd ] || missing="$$missing openssh-server"; \
	[ -e /usr/bin/chromium ] || missing="$$missing chromium fonts-dejavu-core fonts-liberation"; \
	for p in sqlite3 curl openssl strace docker-registry $$([ -e .cache/github-openapi/package -a -e .cache/axe-core/package ] || echo npm); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing Debian packages:$$missing" >&2; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	  case "$$missing" in *docker-registry*) \
	    systemctl disable --now docker-registry >/dev/null 2>&1 || service docker-registry stop >/dev/null 2>&1 || true;; \
	  esac; \
	fi
	@$(MAKE) --no-print-directory openapi axe

openapi: # Descriptions of APIs that tests judge requests by.
	@to=.cache/github-openapi; \
	if [ "$$(cat $$to/package 2>/dev/null)" != "$(GITHUB_OPENAPI)" ]; then \
	  echo "downloading $(GITHUB_OPENAPI)" >&2; \
	  rm -rf $$to $$to.new && mkdir -p $$to.new; \
	  (cd $$to.new && npm pack --silent $(GITHUB_OPENAPI) >/dev/null && \
	    tar -xzf *.tgz --strip-components=2 package/generated/api.github.com.json package/generated/ghes-3.17.json && rm *.tgz); \
	  echo "$(GITHUB_OPENAPI)" > $$to.new/package && mv $$to.new $$to; \
	fi

axe: # What tests in a browser judge pages with.
	@to=.cache/axe-core; \
	if [ "$$(cat $$to/package 2>/dev/null)" != "$(AXE)" ]; then \
	  echo "downloading $(AXE)" >&2; \
	  rm -rf $$to $$to.new && mkdir -p $$to.new; \
	  (cd $$to.new && npm pack --silent $(AXE) >/dev/null && tar -xzf *.tgz --strip-components=1 package/axe.min.js package/LICENSE && rm *.tgz); \
	  echo "$(AXE)" > $$to.new/package && mv $$to.new $$to; \
	fi

pictures: packages $(ENGINE_ENV) ## The pictures of docs/web.md, anew.
	@set -a; source $(ENGINE_ENV); set +a; POCKETCI_PICTURES=$(CURDIR)/docs/pictures $(GO) test -count=1 -run '^TestPages$$' ./internal/e2e

fuzz: ## Every fuzz test for FUZZTIME.
	@for m in '. ./...' 'pocketci-module ./event/...'; do \
	  cd $(CURDIR)/$${m% *}; \
	  for p in $$($(GO) list $${m#* }); do \
	    for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	      echo "fuzz $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; \
	    done; \
	  done; \
	done

bench: $(ENGINE_ENV) ## Speed and memory, as ratios to plain dagger and git.
	@set -a; source $(ENGINE_ENV); set +a; $(GO) run ./internal/bench

lint: ## gofmt, go vet, staticcheck, and govulncheck where its database answers.
	@./.ci/lint

pre-commit: lint openapi ## What to run before a commit.
	@$(GO) test -short ./dispatcher/... ./events/... ./internal/config/... ./internal/globs/...
	@cd pocketci-module && $(GO) test ./event/...
