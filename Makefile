SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION := $(shell git describe --tags --always --dirty --match 'v[0-9]*' 2>/dev/null || echo dev)
GOFUMPT := go run mvdan.cc/gofumpt@v0.12.0
LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# The version of a module that e2e/tools/go.mod names.
version = $(shell awk '$$1 == "$(1)" { print $$2 }' e2e/tools/go.mod)
BUILDKIT := $(call version,github.com/moby/buildkit)
BUILDX := $(call version,github.com/docker/buildx)
COMPOSE := $(call version,github.com/docker/compose/v5)
DOCKER := $(patsubst v%+incompatible,%,$(call version,github.com/docker/cli))

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: porters ## Build bin/docker-catmandu
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/docker-catmandu ./cmd/docker-catmandu

.PHONY: porters
porters: # what docker catmandu cache runs beside mounts, for the platforms of builders; it becomes part of the plugin
	@mkdir -p bin
	@for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/porter-$$arch ./cmd/catmandu-porter; \
		gzip -9nc bin/porter-$$arch >bin/porter-$$arch.gz; \
		mv bin/porter-$$arch.gz cmd/docker-catmandu/porters/linux-$$arch.gz; \
	done

.PHONY: install
install: build ## Install it as a plugin of the docker CLI, for this user
	@dir="$${DOCKER_CONFIG:-$$HOME/.docker}/cli-plugins"; \
	install -D -m 755 bin/docker-catmandu "$$dir/docker-catmandu"; \
	echo "installed $$dir/docker-catmandu"

.PHONY: demo
demo: build ## Build examples/shop for production and development; needs no Docker, installs runc
	@e2e/debian.sh install runc
	@e2e/debian.sh unpack bin/debian busybox-static
	@install -D -m 755 bin/debian/bin/busybox bin/demo/busybox/bin/busybox
	@export SHOP_BUSYBOX='$(CURDIR)/bin/demo/busybox' DOCKER_HOST=unix:///nonexistent; \
	for kind in prod dev; do \
		echo "$$ docker catmandu build --target $$kind" >&2; \
		bin/docker-catmandu --project-directory examples/shop build --target $$kind --allow fs.read=bin/demo; \
	done

.PHONY: test
test: check e2e ## Everything a change must pass; installs what it needs

.PHONY: check
check: lint unit tidy ## Lint, unit tests, go.mod

.PHONY: fmt
fmt: ## Format the Go files
	$(GOFUMPT) -w cmd pkg e2e

.PHONY: lint
lint: ## gofumpt, go vet, golangci-lint
	@unformatted="$$($(GOFUMPT) -l cmd pkg e2e)"; \
	if [ -n "$$unformatted" ]; then echo "run make fmt for:" $$unformatted >&2; exit 1; fi
	$(LINT) run ./...

.PHONY: unit
unit: ## Tests that need nothing but Go
	go test ./...

.PHONY: tidy
tidy:
	go mod tidy -diff
	cd e2e/tools && go mod tidy -diff
	cd e2e/tools/engine && go mod tidy -diff

.PHONY: e2e
e2e: build packages tools ## The plugin under the docker CLI with real BuildKits, engine and registry; needs root
	go test -p 1 -tags e2e -count=1 -timeout 75m ./e2e ./pkg/buildx ./pkg/embedded ./pkg/lab # one after the other: each makes a user of its own, or is all that this machine can do

.PHONY: bench
bench: ## Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-peers
bench-peers: build packages tools ## The plugin against Compose and bake; BENCH=regexp, PEER_ROUNDS=n, BENCH_LONG=1
	go test -tags e2e -run '^$$' -bench Peers -benchtime 1x -timeout 3h ./e2e

.PHONY: bench-forecast
bench-forecast: build packages tools ## What a forecast takes, and what the ledger costs a build
	go test -tags e2e -run '^$$' -bench Forecast -benchtime 10x -timeout 1h ./e2e

.PHONY: bench-du
bench-du: build packages tools ## What du and prune take on a builder with 5 000 records
	go test -tags e2e -run '^$$' -bench Du -benchtime 6x -timeout 1h ./e2e

.PHONY: bench-gate
bench-gate: build packages tools ## How often bench errs where the answer is known, at length; GATE_SAME=n, GATE_SLOWER=n, GATE_SEED=n
	GATE_SAME=$(or $(GATE_SAME),30) GATE_SLOWER=$(or $(GATE_SLOWER),20) go test -tags e2e -run 'TestBenchGate' -count=1 -timeout 3h -v ./e2e

.PHONY: bench-isolation
bench-isolation: build packages tools ## What bench leaves of itself when it is killed, at length; ISOLATION_KILLS=n, ISOLATION_SEED=n
	ISOLATION_KILLS=$(or $(ISOLATION_KILLS),20) go test -tags e2e -run 'TestBenchIsolation' -count=1 -timeout 1h -v ./e2e

.PHONY: bench-overhead
bench-overhead: build packages tools ## The times that bench reports against what is seen from outside; OVERHEAD_ROUNDS=n
	go test -tags e2e -run '^$$' -bench BenchOverhead -benchtime 1x -timeout 1h ./e2e

.PHONY: bench-ci
bench-ci: build packages tools ## A new CI builder with only the registry against a warm one, and Compose; CI_ROUNDS=n, BENCH=regexp, CI_CACHE=attributes
	@e2e/debian.sh install debootstrap pigz # BuildKit unpacks layers with pigz; its image has that
	E2E_MIRROR='$(CURDIR)/bin/mirror' go test -tags e2e -run '^$$' -bench 'CI$$' -benchtime 1x -timeout 2h ./e2e

.PHONY: ci-branches
ci-branches: build packages tools ## Jobs of two branches whose caches share a registry, at length; CI_BUILDS=n, CI_SEED=n
	CI_BUILDS=$(or $(CI_BUILDS),40) go test -tags e2e -run 'TestCIBranches' -count=1 -timeout 1h -v ./e2e

.PHONY: prune-races
prune-races: build packages tools ## Prunes beside builds, at length; PRUNE_RACES=n
	PRUNE_RACES=$(or $(PRUNE_RACES),50) go test -p 1 -tags e2e -run 'TestPruneBesideBuilds|TestTouchBesideBuilds' -count=1 -timeout 2h -v ./e2e ./pkg/buildx

.PHONY: truth
truth: build packages tools ## Predictions against a real BuildKit, at length; SEED=n, MUTATIONS=n
	TRUTH_SEED=$(or $(SEED),1) TRUTH_MUTATIONS=$(or $(MUTATIONS),2000) go test -tags e2e -run 'TestTruth' -count=1 -timeout 3h -v ./e2e

.PHONY: sequence
sequence: build packages tools ## What people do to engines and builders between builds, at length; STEPS=n, SEED=n
	CATMANDU_SEQUENCE_STEPS=$(or $(STEPS),160) CATMANDU_SEQUENCE_SEED=$(or $(SEED),$(shell date +%s)) \
		go test -tags e2e -run 'TestSequence' -count=1 -timeout 3h -v ./e2e

.PHONY: prune-histories
prune-histories: build packages tools ## Random histories with prunes against the same ones without, at length; HISTORIES=n, SEED=n
	PRUNE_HISTORIES=$(or $(HISTORIES),200) PRUNE_SEED=$(or $(SEED),1) go test -tags e2e -run 'TestPruneHistories' -count=1 -timeout 12h -v ./e2e

.PHONY: docs
docs: ## Write docs/reference and the golden files anew
	go test ./cmd/... -update

.PHONY: packages
packages: ## Install what the tests need from Debian; docker.io and others are only unpacked below bin
	@e2e/debian.sh install ca-certificates chromium-headless-shell fonts-dejavu-core libdevmapper1.02.1 rootlesskit runc skopeo uidmap
	@e2e/debian.sh unpack bin/debian busybox-static containerd docker-registry docker.io tini

.PHONY: tools
tools: bin/tools/.built ## Build BuildKit, buildx, Compose, the docker CLI and a new engine into bin/tools

# Compose refuses a buildx that does not know its version. The docker CLI has no go.mod, so Go takes it for older than it is.
bin/tools/.built: export CGO_ENABLED := 0
bin/tools/.built: e2e/tools/go.mod e2e/tools/go.sum e2e/tools/engine/go.mod e2e/tools/engine/go.sum
	@mkdir -p bin/tools/cli-plugins
	cd e2e/tools && go build -trimpath -ldflags '-s -w -X github.com/moby/buildkit/version.Version=$(BUILDKIT)' -o ../../bin/tools/ \
		github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl \
		github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend
	cd e2e/tools && go build -trimpath -ldflags '-s -w -X github.com/docker/buildx/version.Version=$(BUILDX)' \
		-o ../../bin/tools/cli-plugins/docker-buildx github.com/docker/buildx/cmd/buildx
	cd e2e/tools && go build -trimpath -ldflags '-s -w -X github.com/docker/compose/v5/internal.Version=$(COMPOSE)' \
		-o ../../bin/tools/cli-plugins/docker-compose github.com/docker/compose/v5/cmd
	cd e2e/tools && go build -trimpath -ldflags '-s -w -X github.com/docker/cli/cli/version.Version=$(DOCKER)' \
		-gcflags 'github.com/docker/cli/cmd/docker=-lang=go1.26' -o ../../bin/tools/docker github.com/docker/cli/cmd/docker
	@mkdir -p bin/tools/engine
	cd e2e/tools/engine && go build -trimpath -tags 'exclude_graphdriver_btrfs no_btrfs no_devmapper no_zfs' \
		-ldflags '-s -w -X github.com/moby/moby/v2/dockerversion.Version=29.0.0' -o ../../../bin/tools/engine/ \
		github.com/moby/moby/v2/cmd/dockerd github.com/containerd/containerd/v2/cmd/containerd \
		github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
	@touch $@

.PHONY: clean
clean: ## Remove bin
	rm -rf bin
