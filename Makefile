SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# what `make run` starts, and how it is built
LISTEN ?= 127.0.0.1:3000
FEED ?= simulated
PROFILE ?= release

# every feature but bundled-libpq, which is for machines without libpq
FEATURES := tickbook/mock,tickbook/conformance,tickbook/files

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: LISTEN=$(LISTEN) FEED=$(FEED) (none, simulated) PROFILE=$(PROFILE) (release, dev)"

.PHONY: run
run: ## start both databases, migrate, build, start the server with a feed
	@options=$$(dev/dependencies); \
	urls=$$(dev/databases up); eval "$$urls"; \
	cargo build --profile $(PROFILE) $$options -p tickbook-cli -p orderbook-server; \
	folder=target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE)); \
	$$folder/tickbook migrate; \
	exec $$folder/orderbook-server --listen $(LISTEN) --feed $(FEED)

.PHONY: test
test: ## run every test against throw-away databases
	@options=$$(dev/dependencies); \
	cargo test --workspace --features $(FEATURES) $$options --no-run; \
	dev/databases throwaway -- cargo test --workspace --features $(FEATURES) $$options

.PHONY: lint
lint: ## format check, clippy, documentation, features one by one
	cargo fmt --all --check
	@options=$$(dev/dependencies); set -x; \
	cargo clippy --workspace --all-targets --all-features -- -D warnings; \
	cargo clippy --workspace --all-targets $$options -- -D warnings; \
	cargo check -p tickbook --no-default-features; \
	cargo check -p tickbook --no-default-features --features mock; \
	cargo check -p tickbook --no-default-features --features conformance; \
	cargo check -p tickbook --no-default-features --features files; \
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --features $(FEATURES) $$options

.PHONY: ci
ci: lint test ## what has to pass before a change lands

.PHONY: bench
bench: ## nothing to measure yet
	@echo "bench: there is no benchmark yet"

.PHONY: databases-up
databases-up: ## start both databases and print their URLs
	@dev/databases up

.PHONY: databases-down
databases-down: ## stop both databases; the data stays
	@dev/databases down

.PHONY: databases-status
databases-status: ## say what runs where
	@dev/databases status
