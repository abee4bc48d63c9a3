# What there is to do. `make demo` shows the product, `make test` tests it, `make check` is what CI runs.

CARGO ?= cargo
BUILT = $${CARGO_TARGET_DIR:-target}/release
PORT ?= 8000

.PHONY: help build demo run test images test-packages packages supply audit chaos fuzz memcheck check counts format lint tools bench soak clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

build: ## Build the release binary and the simulated driver
	$(CARGO) build --release --workspace

demo: build ## Serve a simulated host with eight GPUs on http://localhost:$(PORT)
	@PORT=$(PORT) scripts/demo

run: ## Serve this host's GPUs
	$(CARGO) run --release --bin nvidia-smi-web-agent

tools: ## Install what the tests need beside Rust (into target/, and cargo-nextest)
	@scripts/tools

# What checks and tests the page; building it takes less, and Cargo sees to that by itself.
web/node_modules/.bin/biome: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: tools web/node_modules/.bin/biome ## Install what the tests need, and run them all
	npm --prefix web test
	$(CARGO) build --release --workspace
	$(CARGO) nextest run --release --workspace
	@scripts/browser

images: build ## Make the pictures of docs/images anew; takes a quarter of an hour, which is what they show
	@scripts/images

packages: ## Make what is released: binary, .deb, .rpm, .tar.gz, bill of materials (target/packages/dist)
	@scripts/package

test-packages: ## Install and run what is released: packages on a booted Debian, image, chart, proxies (root, Debian)
	@scripts/test-packages

supply: ## Check licences and sources of all that is linked, and advisories where they can be had
	@scripts/supply

audit: ## The same, where advisories must be had
	@scripts/supply --audit

chaos: ## Faults at random for half an hour (CHAOS_SECONDS, CHAOS_SEED); a short form is in `make test`
	$(CARGO) build --release --workspace
	CHAOS_SECONDS=$${CHAOS_SECONDS:-1800} $(CARGO) test --release --workspace --test chaos -- --nocapture

fuzz: ## Every parser against random input, a million cases each (PROPTEST_CASES); takes some ten minutes
	@scripts/fuzz

memcheck: build ## The driver's side of the collector under valgrind
	@scripts/memcheck

format: web/node_modules/.bin/biome ## Format the code
	npm --prefix web run format
	$(CARGO) fmt --all

lint: web/node_modules/.bin/biome ## Check format, types and lints
	npm --prefix web run check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy -p server --no-default-features --all-targets -- -D warnings

counts: build ## Hold the instructions of a tick and of each kind of request against bench/counts.toml
	@command -v valgrind >/dev/null || scripts/apt valgrind
	@$(BUILT)/bench counts

check: lint supply test counts ## All that a change must pass: format, lints, licences, tests, instruction counts

bench: build ## Measure beside nginx, the limit and other programs: see bench/README.md; takes half an hour
	@bench/peers
	@$(BUILT)/bench views --keep
	@$(BUILT)/bench growth --keep

soak: build ## Whether anything grows in an hour
	@$(BUILT)/bench soak --keep

clean: ## Remove what was built
	$(CARGO) clean
