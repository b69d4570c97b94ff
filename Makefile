# Two commands do everything; the rest are parts of them.

.DEFAULT_GOAL := help
.PHONY: help run test build wasm web fmt lint bench fuzz setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## sets up, builds, starts https://localhost:8443 and prints the link of a first room
	@scripts/run

test: ## sets up and runs every test, browsers included (STAGES="lint rust": only those)
	@scripts/test $(STAGES)

build: web ## the release binary with the browser client in it, and its bill of materials
	cargo build --locked --release --bin conclave
	@scripts/sbom

web: ## the browser client, bundled into web/dist
	@scripts/web

wasm: ## the browser's half of the encryption, into web/src/e2ee/pkg
	@scripts/wasm

fmt: ## formats the Rust code
	cargo fmt --all

lint: ## formatting, scripts, licences, clippy and types
	@scripts/test setup format scripts deny wasm types bundle lint

bench: ## the forwarding path without a network: time, instructions and allocations a packet
	cargo bench --locked --package conclave-bench

fuzz: ## hostile input for every parser and machine, a minute each (SECONDS=600 TARGETS="rtp sdp": longer, only those)
	@scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

setup: ## installs what building and testing need and this machine lacks
	@scripts/setup test

clean: ## removes everything that was built (not ./data)
	cargo clean
	rm -rf web/dist web/dist.sha256 web/src/e2ee/pkg web/node_modules tests/browser/node_modules
