SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# address, feed and build profile of `make run`; another address than a loopback one needs OPTIONS
LISTEN ?= 127.0.0.1:3000
FEED ?= simulated
# further options of the server in `make run`, such as --tokens FILE or --allow-anonymous
OPTIONS ?=
PROFILE ?= release
# options of `make bench`, such as --rounds 9 --only resend --strict
BENCH ?=

# number of ticks of `make scale`, and its options, such as --rounds 9 --strict
TICKS ?= 10000000
SCALE ?=

# duration of `make soak` (60), `make fuzz` (10) and `make fuzz-candles` (20), and their seed; an empty seed is
# chosen at random
MINUTES ?= 60
SEED ?=

# every feature but bundled-libpq, which is for machines without libpq
FEATURES := tickbook/mock,tickbook/conformance,tickbook/files,tickbook/serde

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: LISTEN=$(LISTEN) FEED=$(FEED) (none, simulated, kraken:BTC/USD) PROFILE=$(PROFILE) (release, dev) MINUTES=$(MINUTES) SEED=$(SEED)"

.PHONY: run
run: ## start both databases, migrate, build, start the server with a feed
	@options=$$(dev/dependencies); \
	urls=$$(dev/databases up); eval "$$urls"; \
	cargo build --profile $(PROFILE) $$options -p tickbook-cli -p orderbook-server; \
	folder=target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE)); \
	$$folder/tickbook migrate; \
	exec $$folder/orderbook-server --listen $(LISTEN) --feed $(FEED) $(OPTIONS)

# runs cargo's tests and ends with one line of totals
SUITE := cargo run -q -p tickbook-suite -- --allowed tests/allowed-skips.txt -- cargo test --no-fail-fast
ALL := --workspace --exclude tickbook-bench --features $(FEATURES)
# tests that need other programs, and the words that select them by name
WITH_PROGRAMS := -p tickbook -p orderbook-server -p tickbook-cli -p tickbook-feeds --features $(FEATURES) \
	--test database --test faults --test server --test cli --test feeds
OF_PROGRAMS := audit_of_python:: fault_24_ transport_security:: rabbitmq:: openapi_tools:: damaged:: reframed:: quickfix:: chromium::

.PHONY: test
test: ## run all tests except those of test-programs, against temporary databases
	@options=$$(dev/dependencies); \
	cargo test $(ALL) $$options --no-run; \
	for example in examples/*.rs; do \
	  cargo run -q -p tickbook --features $(FEATURES) $$options --example $$(basename $$example .rs); \
	done; \
	dev/databases throwaway -- $(SUITE) $(ALL) $$options

.PHONY: test-programs
test-programs: ## install RabbitMQ, PgBouncer, OpenSSL, Python, QuickFIX and Chromium and run the tests that need them
	@options=$$(dev/dependencies); \
	programs=$$(dev/programs); export TICKBOOK_PROGRAMS=$$programs; \
	cargo test $(WITH_PROGRAMS) $$options --no-run; \
	dev/databases throwaway -- $(SUITE) $(WITH_PROGRAMS) $$options -- $(OF_PROGRAMS)

.PHONY: faults
faults: ## run all fault tests of network, servers and disk, including slow ones; print a table
	@options=$$(dev/dependencies); \
	dev/faults -p tickbook -p orderbook-server -p tickbook-cli -p tickbook-fault-proxy --features $(FEATURES) $$options

.PHONY: soak
soak: ## inject faults in random order under load for MINUTES=60, with SEED=random
	@options=$$(dev/dependencies); \
	cargo test -p tickbook --features $(FEATURES) $$options --test faults --no-run; \
	export TICKBOOK_SOAK_MINUTES=$(MINUTES) TICKBOOK_SOAK_SEED=$(SEED); \
	dev/databases throwaway -- cargo test -p tickbook --features $(FEATURES) $$options --test faults soak:: -- --nocapture

# the targets share the time and run one after the other; a failing one does not prevent the others
.PHONY: fuzz
fuzz: MINUTES = 10
fuzz: ## decode mutations of valid blocks, cursors, numbers, URLs and CSV for MINUTES=10, with SEED=random
	@options=$$(dev/dependencies); \
	targets=$$(cargo test $(ALL) $$options --lib fuzz:: -- --list | grep -c ': test$$'); \
	export TICKBOOK_FUZZ_SECONDS=$$(($(MINUTES) * 60 / targets)) TICKBOOK_FUZZ_SEED=$(SEED); \
	cargo test -q --no-fail-fast $(ALL) $$options --lib fuzz:: -- --nocapture --test-threads=1

# runs at least 50,000 listings, even if these take longer
.PHONY: fuzz-candles
fuzz-candles: MINUTES = 20
fuzz-candles: ## compare candles with a model during writes, refreshes and drops for MINUTES=20, with SEED=random
	@options=$$(dev/dependencies); \
	cargo test -p tickbook --features $(FEATURES) $$options --test candles --no-run; \
	export TICKBOOK_FUZZ_SECONDS=$$(($(MINUTES) * 60)) TICKBOOK_FUZZ_SEED=$(SEED) TICKBOOK_FUZZ_LISTINGS=50000; \
	dev/databases throwaway -- cargo test -p tickbook --features $(FEATURES) $$options --test candles fuzz:: -- --nocapture

.PHONY: lint
lint: ## check format, spelling, dependencies, clippy, documentation and each feature
	cargo fmt --all --check
	@if tools=$$(dev/tools); then \
	  PATH=$$tools:$$PATH; set -x; \
	  typos; \
	  cargo fetch --locked; \
	  cargo deny --offline check licenses bans sources; \
	elif [ -n "$${CI:-}" ]; then \
	  exit 1; \
	else \
	  echo 'lint: SKIPPED the checks of spelling and dependencies, which need the tools above' >&2; \
	fi
	@options=$$(dev/dependencies); set -x; \
	cargo clippy --workspace --exclude tickbook-bench --all-targets --all-features -- -D warnings; \
	cargo clippy --workspace --exclude tickbook-bench --all-targets $$options -- -D warnings; \
	cargo clippy -p tickbook-bench --all-targets $$options -- -D warnings; \
	cargo check -p tickbook --no-default-features; \
	cargo check -p tickbook --no-default-features --features mock; \
	cargo check -p tickbook --no-default-features --features ingest; \
	cargo check -p tickbook --no-default-features --features postgres $$options; \
	cargo check -p tickbook --no-default-features --features conformance; \
	cargo check -p tickbook --no-default-features --features files; \
	cargo check -p tickbook --no-default-features --features serde; \
	cargo check -p tickbook-feeds --no-default-features; \
	for feature in binance coinbase ctrader fix kraken okx ingest replay transport; do \
	  cargo check -p tickbook-feeds --no-default-features --features $$feature; \
	done; \
	cargo check -p tickbook-ledger; \
	for feature in conformance mock relay serde statement vault; do \
	  cargo check -p tickbook-ledger --no-default-features --features $$feature; \
	done; \
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude tickbook-bench --no-deps --features $(FEATURES) $$options

.PHONY: ci
ci: lint test test-programs ## run every check that a change must pass

.PHONY: bench
bench: ## compare writes and reads with bare COPY and other libraries, see docs/performance.md
	@options=$$(dev/dependencies); \
	cargo build --release $$options -p tickbook-bench -p orderbook-server; \
	THROWAWAY_DURABLE=yes dev/databases throwaway -- target/release/tickbook-bench $(BENCH)

# the program that runs the peers, which is no part of the workspace; a peer that does not compile is left out
PEERS := cargo build --release --manifest-path bench/peers/Cargo.toml --target-dir target/peers --no-default-features

.PHONY: bench-peers
bench-peers: ## compare reading of recorded messages with cryptofeed and barter-data
	@$(PEERS) --features barter || $(PEERS); \
	TICKBOOK_PEERS_PYTHON=$$(dev/peers) target/peers/release/tickbook-bench-peers $(BENCH)

.PHONY: scale
scale: ## compare the cost of requests in a large and a small database, TICKS=10000000 in the large one
	@options=$$(dev/dependencies); \
	cargo build --release $$options -p tickbook-bench -p tickbook-cli; \
	dev/databases throwaway -- target/release/tickbook-bench scale --ticks $(TICKS) $(SCALE)

.PHONY: databases-up
databases-up: ## start both databases and print their URLs
	@dev/databases up

.PHONY: databases-down
databases-down: ## stop both databases; the data stays
	@dev/databases down

.PHONY: databases-status
databases-status: ## show which databases run, and where
	@dev/databases status
