# Tools, at fixed versions. They are run by go run, and installed nowhere.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0

# How long make fuzz runs each fuzz target.
FUZZTIME ?= 30s

# The Go modules. The second holds the official clients, which only tests need.
MODULES := . test/conformance
NPM_PACKAGES := test/conformance/node_modules/.package-lock.json
CONSOLE_PACKAGES := console/node_modules/.package-lock.json

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help run test soak faults check fmt vet staticcheck govulncheck imports deploy fuzz bench \
	console console-check

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: ## Start a server on this machine; its data goes to ./parley-data
	go run ./cmd/parley serve

# The conformance tests build the server that they test. GOFLAGS reaches that build, so
# that the server, too, has the race detector. They start the AWS CLI 200 times, which
# takes half a second of a CPU each time.
# The black-box tests run once more against three nodes. A cluster is broken alone, since
# there are limits to how long it may take to mend, and without the race detector.
test: $(if $(shell command -v npm),$(NPM_PACKAGES) $(CONSOLE_PACKAGES)) ## Run all tests, with the race detector
	go test -race -timeout 30m ./...
	PARLEY_TEST_NODES=3 go test -race -count=1 -timeout 30m ./test
	PARLEY_FAULTS=2m go test -count=1 -timeout 15m ./test/faults
	cd test/conformance && GOFLAGS="$$(go env GOFLAGS) -race" go test -count=1 -timeout 30m ./...

# How long make soak has sessions come and go; clients of the library stay for 5 minutes
# at least. It takes six minutes more.
SOAK ?= 2m

# Without the race detector, which would be what is measured.
soak: ## Have 10,000 sessions join and leave for SOAK (2m), and 1,000 clients stay for 5m
	PARLEY_SOAK=$(SOAK) go test -count=1 -timeout 15m -v -run '^TestSoak$$' ./test
	PARLEY_SOAK=$(SOAK) go test -count=1 -timeout 15m -v -run '^TestSoak$$' ./client

# How long make faults breaks a cluster. As root it also breaks the network.
FAULTS ?= 20m

faults: ## Break a cluster at random for FAULTS (20m), and check that nothing is lost
	PARLEY_FAULTS=$(FAULTS) go test -count=1 -timeout 60m -v -run '^TestFaults$$' ./test/faults

$(NPM_PACKAGES): test/conformance/package-lock.json
	cd test/conformance && npm ci --ignore-scripts
	touch $@

# What is built is committed, so that Go alone builds the server.
CONSOLE_DIST := internal/console/dist

console: $(CONSOLE_PACKAGES) ## Build the web console, for which it takes npm
	cd console && npm run build

# Builds the console into a folder of its own, and fails when that is not what is committed.
console-check: $(CONSOLE_PACKAGES) ## Check that the web console is what its source makes
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	(cd console && npx --no-install tsc && npx --no-install vite build --outDir "$$dir" --logLevel error) && \
	diff -r "$$dir" $(CONSOLE_DIST) && echo "$(CONSOLE_DIST) is what the source makes" && \
	size=$$(for file in "$$dir"/assets/*.js; do gzip -9c "$$file" | wc -c; done | \
		awk '{ n += $$1 } END { print n }') && \
	echo "JavaScript, compressed: $$size bytes of $(CONSOLE_BUDGET)" && test "$$size" -le $(CONSOLE_BUDGET)

# How many bytes of JavaScript the console may have in all, compressed.
CONSOLE_BUDGET := 250000

$(CONSOLE_PACKAGES): console/package-lock.json
	cd console && npm ci --ignore-scripts
	touch $@

check: fmt vet staticcheck govulncheck imports ## Check format, code, vulnerabilities and imports

fmt:
	@files=$$(find . -name node_modules -prune -o -name '*.go' -print | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "not formatted by gofmt:"; echo "$$files"; exit 1; fi

vet:
	@set -e; for module in $(MODULES); do \
		echo "go vet in $$module"; (cd $$module && go vet ./...); \
	done

staticcheck:
	@set -e; for module in $(MODULES); do \
		echo "staticcheck in $$module"; (cd $$module && go run $(STATICCHECK) ./...); \
	done

# A finding fails the check; only a database that is out of reach does not.
govulncheck:
	@set -e; for module in $(MODULES); do \
		echo "govulncheck in $$module"; \
		output=$$(cd $$module && go run $(GOVULNCHECK) -test ./... 2>&1) && continue; \
		echo "$$output"; \
		grep -q '^govulncheck: fetching vulnerabilities: ' <<< "$$output"; \
		echo "govulncheck in $$module: SKIPPED, the vulnerability database is out of reach"; \
	done

imports:
	go test -count=1 -run '^TestImports$$' .

deploy: ## Check what is in deploy/, with tools that are downloaded
	deploy/check.sh

# A target that fails is run again, since the fuzzer can fail by itself when its time
# is up. An input that it found is kept as a seed, and fails the second run at once.
fuzz: ## Run each fuzz target for FUZZTIME (30s)
	@set -eo pipefail; \
	targets=$$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ { names[n++] = $$1 } \
		/^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }'); \
	fuzz() { \
		echo "fuzz $$1 $$2 for $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$2\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$1" \
			< /dev/null; \
	}; \
	while read -r package name; do \
		fuzz "$$package" "$$name" || fuzz "$$package" "$$name"; \
	done <<< "$$targets"

# docs/benchmarks.md says what is measured. BENCH='-only a,b' measures only a part.
BENCH ?=

bench: ## Run all benchmarks, and measure the server beside the physical limit
	go test -run '^$$' -bench . -benchmem ./...
	go run ./test/bench $(BENCH)
