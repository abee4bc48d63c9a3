# `make demo` shows the product, `make test` tests it, `make check` is what CI runs.

CARGO ?= cargo
BUILT = $${CARGO_TARGET_DIR:-target}/release
PORT ?= 8000
HUB_PORT ?= 8080

.PHONY: help build build-tests demo demo-fleet run test test-agent test-page test-peers images test-packages packages supply audit chaos fuzz memcheck check counts format lint tools bench soak clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

build: ## Build the release binary and the simulated driver
	$(CARGO) build --release --workspace

demo: build ## Serve a simulated host with eight GPUs on http://localhost:$(PORT)
	@PORT=$(PORT) scripts/demo

demo-fleet: build ## Serve twelve simulated hosts, and a hub in front of them on http://localhost:$(HUB_PORT)
	@PORT=$(HUB_PORT) scripts/demo-fleet

run: ## Serve this host's GPUs
	$(CARGO) run --release --bin nvidia-smi-web-agent

tools: ## Install what the tests need besides Rust (into target/, and cargo-nextest)
	@scripts/tools

# Packages that check and test the page. Building it needs fewer, which Cargo installs itself.
web/node_modules/.bin/biome: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Tests wait more than they compute: those of the page run beside the others.
test: tools build web/node_modules/.bin/biome ## Install what the tests need; test the release binary on a simulated driver, and the page
	@$(MAKE) --jobs=2 --output-sync=target --no-print-directory test-agent test-page
	@scripts/run-tests alone

test-agent:
	@scripts/run-tests simulated

test-page:
	npm --prefix web test
	@scripts/browser

test-peers: tools build ## Test with programs of others: nvitop, Alertmanager, Slurm, Nagios, Podman and more (CONTRIBUTING.md)
	@scripts/run-tests peers

images: build ## Make the pictures of docs/images (a quarter of an hour)
	@scripts/images

packages: ## Build the release files: binary, .deb, .rpm, .tar.gz, bill of materials (target/packages/dist)
	@scripts/package

test-packages: ## Test the release files: packages on a booted Debian, image, chart, proxies (root, Debian)
	@scripts/test-packages

supply: ## Check licences, sources and, if reachable, advisories of third-party code
	@scripts/supply

audit: ## Check the same, and fail if advisories cannot be reached
	@scripts/supply --audit

chaos: ## Play random faults of an agent and of a fleet, half an hour each (CHAOS_SECONDS, CHAOS_SEED, CHAOS_MINUTES); `make test` has a short run
	$(CARGO) build --release --workspace
	BUILD=release CHAOS_SECONDS=$${CHAOS_SECONDS:-1800} $(CARGO) test --workspace --test chaos -- --nocapture
	USAGE_KILLS=$${USAGE_KILLS:-200} $(CARGO) test -p agent --bins writer_killed
	@scripts/clients prometheus || true
	@$(BUILT)/bench chaos --minutes $${CHAOS_MINUTES:-30} $${CHAOS_SEED:+--seed $$CHAOS_SEED} --keep

fuzz: ## Test every parser with random input, a million cases each (PROPTEST_CASES; ten minutes)
	@scripts/fuzz

memcheck: build ## Run the collector's driver calls under valgrind
	@scripts/memcheck

format: web/node_modules/.bin/biome ## Format the code
	npm --prefix web run format
	$(CARGO) fmt --all

lint: web/node_modules/.bin/biome ## Check format, types, lints and prose
	@scripts/prose
	npm --prefix web run check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --workspace --no-default-features --all-targets -- -D warnings

counts: build ## Compare instructions per tick and request with bench/counts.toml
	@command -v valgrind >/dev/null || scripts/apt valgrind
	@$(BUILT)/bench counts

build-tests:
	$(CARGO) test --workspace --no-run

# Lints and tests are built with the dev profile, while the release build runs: Cargo locks each profile by itself.
check: web/node_modules/.bin/biome ## Run everything a change must pass: format, lints, licences, tests, instruction counts
	@$(MAKE) --jobs=2 --output-sync=target --no-print-directory lint supply build tools build-tests
	@$(MAKE) --no-print-directory test
	@$(MAKE) --jobs=2 --output-sync=target --no-print-directory test-peers counts

bench: build ## Measure beside nginx, a bare server and other programs (bench/README.md; half an hour)
	@bench/peers
	@$(BUILT)/bench views --keep
	@$(BUILT)/bench growth --keep
	USAGE_DAYS=366 $(CARGO) test --release -p agent --bins busy_host -- --nocapture

soak: build ## Check that nothing grows in an hour
	@$(BUILT)/bench soak --keep

clean: ## Remove build output
	$(CARGO) clean
