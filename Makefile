# Backout's commands. Everything happens in .venv; nothing needs root, Docker, an account or a cluster.
#
#   make demo             a local Slack and a simulated estate, in the browser
#   make test ARGS="-k gates -x"
#   make PYTHON=python3.12 test     another interpreter for a new .venv

VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := bot flows adapters config sandbox
ARGS ?=
KILLS ?= 1000
SEED ?=

# Both are made by .ci/venv; a change of the pins or of pyproject.toml makes them again.
SANDBOX := $(VENV)/.sandbox
DEV := $(VENV)/.dev
PINNED := pyproject.toml .ci/venv constraints/build.txt constraints/runtime.txt constraints/sandbox.txt

export VENV

.DEFAULT_GOAL := help
.PHONY: help demo assets test test-long fuzz check lint types contracts fmt survive bench docs rights pins clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(SANDBOX)  ## try it: a local Slack and a simulated estate, in your browser
	@$(BIN)/backout demo $(ARGS)

assets:  ## build the real Kubernetes and Helm that tests/real needs (once; minutes)
	@.ci/assets

test: $(DEV)  ## run the tests (ARGS="-k gates" picks some)
	@$(BIN)/python -m pytest $(ARGS)

test-long: $(DEV)  ## play at length what shorter tests show as well (about half an hour)
	@$(BIN)/python -m pytest -m long $(ARGS)

fuzz: $(DEV)  ## search long for input that breaks anything (FUZZ_EXAMPLES=2000; prints how to see it again)
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-2000} $(BIN)/python -m pytest tests/fuzz --timeout 0 $(ARGS)

check: lint types contracts  ## lint, types and import contracts

lint: $(DEV)  ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV)  ## mypy, strict
	@$(BIN)/mypy

contracts: $(DEV)  ## import-linter: who may import what
	@$(BIN)/lint-imports --no-cache

fmt: $(DEV)  ## format, and mend what ruff can mend safely
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

survive: $(DEV)  ## kill bots at random over both engines (KILLS=1000 SEED=7); minutes
	@$(BIN)/python -m tests.conformance.survive --kills $(KILLS) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(DEV)  ## measure (docs/performance.md has the figures)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

docs: $(DEV)  ## write the generated parts of docs/ again
	@$(BIN)/backout diagram --write docs/architecture.md
	@$(BIN)/backout actions --markdown >docs/reference/actions.md.new && mv docs/reference/actions.md.new docs/reference/actions.md
	@mkdir -p docs/systems
	@for file in config/systems/*/requirements.yaml; do system=$$(basename $$(dirname $$file)); \
		$(BIN)/backout coverage $$system --markdown >docs/systems/$$system.md.new && \
		mv docs/systems/$$system.md.new docs/systems/$$system.md || exit 1; done

rights: $(DEV)  ## write what the bot's account may do in clusters, from the procedures
	@for file in config/systems/*/system.yaml; do system=$$(basename $$(dirname $$file)); \
		$(BIN)/backout permissions $$system >deploy/kubernetes/rights/$$system.yaml.new && \
		mv deploy/kubernetes/rights/$$system.yaml.new deploy/kubernetes/rights/$$system.yaml || exit 1; done

pins: $(DEV)  ## resolve all dependencies again, with hashes
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@$(BIN)/python .ci/pins.py

clean:  ## remove .venv and what tools left behind
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests .ci -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(SANDBOX): $(PINNED)
	@.ci/venv sandbox
	@touch $@

$(DEV): $(PINNED) constraints/dev.txt
	@.ci/venv dev
	@touch $(SANDBOX) $@
