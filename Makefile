# Everything that a contributor or CI runs. `make test` and `make demo` need Go,
# a C compiler (for runc) and root, and get the rest themselves: tools are built,
# or unpacked from Debian packages, into a cache folder; nothing is installed.

GO      ?= go
# The integration tests and their programs are a module of their own, in tests/.
TESTS    = $(GO) -C tests
SHELL   := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
TOOLS    = $(shell sh tests/tools/build.sh -n)

export GOFLAGS := $(GOFLAGS) -buildvcs=false

.PHONY: help
help: ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the frontend binary into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/...

.PHONY: tools
tools: ## build the pinned tools into the cache (the first time about 10 minutes)
	@sh tests/tools/build.sh >/dev/null
	@sh tests/tools/field/build.sh

.PHONY: root
root:
	@[ "$$(id -u)" = 0 ] || { echo "the integration tests and the demo start daemons and need root: sudo make $(MAKECMDGOALS)" >&2; exit 1; }

# For all users as root, or with prefix=/usr or DESTDIR=/tmp/x (for packagers); else for
# you alone. Docker's CLI searches these folders.
PLUGINS = $(DESTDIR)$(if $(or $(prefix),$(DESTDIR),$(filter 0,$(shell id -u))),$(or $(prefix),/usr/local)/lib/docker/cli-plugins,$(or $(DOCKER_CONFIG),$(HOME)/.docker)/cli-plugins)
LDFLAGS = -s -w -X github.com/org/pullsafe/version.Revision=$(shell git rev-parse HEAD 2>/dev/null)
.PHONY: install
install: ## install the Docker CLI plugin of this checkout; prefix, DESTDIR
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/docker-pullsafe ./cmd/docker-pullsafe
	install -d '$(PLUGINS)'
	install -m 0755 bin/docker-pullsafe '$(PLUGINS)/docker-pullsafe'

.PHONY: uninstall
uninstall: ## remove what make install has installed
	rm -f '$(PLUGINS)/docker-pullsafe'

# A release packs what `docker buildx bake plugin-cross` has built (docs/releases.md).
PLATFORMS = $(shell $(GO) env GOOS)/$(shell $(GO) env GOARCH)
.PHONY: packages
packages: ## deb, rpm, apk and archive of the plugin, into bin/packages; PLATFORMS="linux/arm64 darwin/arm64"
	@rm -rf bin/programs; for platform in $(PLATFORMS); do \
	  IFS=/ read -r os arch variant <<<"$$platform"; echo "building for $$platform"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch GOARM=$${variant#v} $(GO) build -trimpath -ldflags '$(LDFLAGS)' \
	    -o "bin/programs/$${platform//\//_}/" ./cmd/docker-pullsafe; \
	done
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --pretty=%ct)} $(GO) -C .ci/packages run . -partial -source ../.. \
	  -version "$$(sed -n 's/^[[:space:]]*Version[[:space:]]*= "\(.*\)"$$/\1/p' version/version.go)" \
	  -binaries ../../bin/programs -output ../../bin/packages
	@ls bin/packages

.PHONY: test
test: root tools unit integration lint workflows bake ## everything: unit and integration tests, lint, workflows, bake files

.PHONY: unit
unit: ## unit tests and a short run of each fuzz target
	$(GO) vet ./...
	$(TESTS) vet ./...
	$(GO) test -short -race ./...
	$(GO) -C .ci/packages vet . && $(GO) -C .ci/packages test -short .
	$(GO) test -short ./frontend # what BuildKit's builder, which races with itself, has to be left out of above
	$(MAKE) --no-print-directory fuzz FUZZTIME=100x

FUZZTIME ?= 60s

# A number of runs (100x) ends exactly; after a time, Go's fuzzer may call a slow
# last input a failure ("context deadline exceeded"), which has no failing input.
.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; log=$$dir/log; \
	for pkg in $$(grep -rl '^func Fuzz' --include='*_test.go' frontend llb plugin | xargs -n 1 dirname | sort -u); do \
	  $(GO) test -c -fuzz . -o "$$dir/fuzz.test" "./$$pkg"; \
	  for f in $$(cd "$$pkg" && "$$dir/fuzz.test" -test.list '^Fuzz'); do \
	    echo "fuzzing $$pkg $$f for $(FUZZTIME)"; \
	    (cd "$$pkg" && "$$dir/fuzz.test" -test.run '^$$' -test.fuzz "^$$f\$$" -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 5x \
	      -test.fuzzcachedir "$$($(GO) env GOCACHE)/fuzz/$$pkg") >"$$log" 2>&1 || \
	      { grep -q 'context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log"; } || { cat "$$log"; exit 1; }; \
	  done; \
	done

.PHONY: integration
integration: root tools ## tests against real daemons and registries
	$(TESTS) test -count=1 -p 3 -timeout 20m ./...
	$(GO) -C .ci/packages test -count=1 . # installs them into a root of its own

.PHONY: compat
compat: root ## every daemon, client and feature; writes the tables of tests/README.md
	@sh tests/tools/build.sh compat >/dev/null
	$(TESTS) test -count=1 -timeout 40m ./compat ./clients ./install ./dropin . -args -full

.PHONY: field
field: root tools ## real proxies, registries and credential helpers; writes tables of tests/README.md
	@sh tests/tools/field/build.sh field
	$(TESTS) test -count=1 -timeout 30m -parallel 4 ./field -args -full

.PHONY: lint
# A cache of its own: one that another checkout shares knows files by its paths.
lint: tools ## golangci-lint
	GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint-cache $(TOOLS)/golangci-lint run ./...
	cd tests && GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint-cache $(TOOLS)/golangci-lint run ./...
	cd .ci/packages && GOLANGCI_LINT_CACHE=$(CURDIR)/bin/lint-cache $(TOOLS)/golangci-lint run .

# Shellcheck is used where the machine has it.
ACTIONLINT = $(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
.PHONY: workflows
workflows: ## actionlint
	$(ACTIONLINT) .github/workflows/*.yml examples/bake-ci/.github/workflows/*.yml

.PHONY: faults
# Many at once: most of them wait.
faults: root tools ## faults and load; writes the tables of tests/README.md
	$(TESTS) test -count=1 -timeout 40m -parallel 12 ./faults ./security -args -full

.PHONY: attack
attack: root tools ## hostile input of every kind, the benchmarks of large input, and the fuzz targets
	{ $(TESTS) test -count=1 -timeout 40m -json ./attack ./security ./dropin -args -full; \
	  $(GO) test -count=1 -json ./plugin/... ./frontend/... ./cmd/docker-pullsafe; } | $(TESTS) run ./attack/count
	$(GO) test -run '^$$' -bench 'Hostile|Collect|OnBuild' -benchtime 1x ./plugin/buildlog ./frontend/references
	$(MAKE) --no-print-directory fuzz FUZZTIME=20s

.PHONY: bake
bake: tools ## print every group and target of the bake file
	@for g in $$(sed -n 's/^\(group\|target\) "\([a-z][a-z-]*\)".*/\2/p' docker-bake.hcl); do \
	  $(TOOLS)/buildx bake --print $$g >/dev/null 2>&1 || { $(TOOLS)/buildx bake --print $$g; exit 1; }; echo "bake --print $$g: ok"; \
	done

.PHONY: release-check
release-check: root tools ## all that a release builds, for every platform; lint, tests, examples in containers
	$(TESTS) test -count=1 -timeout 90m -v ./selfbuild -args -full

.PHONY: conformance
conformance: root tools ## BuildKit's own Dockerfile tests, with upstream's image and with pullsafe
	$(TESTS) build -o ../bin/ ./conformance
	@bin/conformance

.PHONY: demo
demo: root ## build examples/uv with upstream's frontend and with pullsafe, side by side
	@sh tests/tools/build.sh demo >/dev/null
	@echo "==> building the demo" >&2
	@$(TESTS) run ./demo

.PHONY: picture
picture: root ## build examples/uv in a terminal; writes the README's pictures, docs/images
	@sh tests/tools/build.sh demo >/dev/null
	@$(TESTS) run ./picture

.PHONY: upstream
# The programs, not `go run`: the first puts every file back when it is interrupted,
# and neither is built with what has changed.
upstream: ## follow a release of BuildKit: VERSION=v0.35.0, or the newest
	@$(TESTS) build -o ../bin/ ./upstream ./licenses
	@bin/upstream -version "$${VERSION-}" -since "$${SINCE-HEAD}"
	@bin/licenses || echo "The licences are not up to date: make licenses" >&2

.PHONY: licenses
licenses: ## write cmd/*/LICENSES.txt: the licences of all that is linked
	@$(TESTS) run ./licenses

.PHONY: pin
pin: ## write the digests that the images of Dockerfile and workflows have now
	@.ci/pin-images Dockerfile .github/workflows/*.yml

# Needs the Go vulnerability database on the network, so it is no part of make test.
VULNCHECK = $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
.PHONY: vuln
vuln: ## known vulnerabilities in what the programs call
	$(VULNCHECK) ./...

.PHONY: bench
bench: root tools ## measure against upstream's frontend; writes tests/README.md and bin/bench.json
	$(GO) test -run '^$$' -bench . -benchmem ./llb/... ./frontend/...
	@mkdir -p bin
	$(TESTS) run ./bench -write -json ../bin/bench.json

.PHONY: docs
docs: ## write the command reference in docs/reference anew
	$(GO) test -count=1 ./cmd/docker-pullsafe -run TestReference -update

.PHONY: clean
clean: ## remove what make build made
	rm -rf bin
