# The commands of the project, the same for people and CI. Needs Python >= 3.11 with pip, and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup run test verify check fmt bench bench-scaling chaos eval fuzz screenshots clean

# uv at one version for everybody, whatever else is installed; `--target` works on an externally managed Python too.
UV_VERSION := 0.13.9
TOOLS := .tools/uv-$(UV_VERSION)
UV := $(TOOLS)/bin/uv
VENV := .venv
SYNCED := $(VENV)/.synced

# The first Python that fits; choose another with PYTHON=...
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && command -v $$p && break; done)

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

ARGS ?=
QUICK ?=
BEFORE ?=
SECONDS_EACH ?= 300
MINUTES ?= 10
SEED ?=
STORE ?=
TOPOLOGY ?=
BUSY ?=

# The benchmark's contenders live in an environment of their own; Restate's server comes from npm.
RIVALS := bench/contenders
RIVALS_SYNCED := $(RIVALS)/.venv/.synced
RESTATE := $(RIVALS)/node_modules/.installed

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(SYNCED) ## the Python environment

run: $(SYNCED) ## the whole stack in the foreground; ARGS="..." goes to `travelbuddy up`
	@exec $(VENV)/bin/travelbuddy up $(ARGS)

test: $(SYNCED) ## every claim once; ARGS="..." goes to pytest
	@scripts/install_servers
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@$(VENV)/bin/python -m tests.integration.framework.jaeger
	@$(VENV)/bin/python -m tests.run $(ARGS)

verify: ## everything: each test on each store, fuzzing, the deep models, dialogues, faults on each topology
	@$(MAKE) test ARGS="--every-store --full-size $(ARGS)"
	@$(MAKE) fuzz SECONDS_EACH=60 ARGS=
	@$(VENV)/bin/python -m tests.protocol.test_queue_model
	@$(MAKE) eval ARGS=--or-own
	@$(MAKE) chaos MINUTES=3 ARGS=

bench: $(SYNCED) $(if $(BEFORE),,$(RIVALS_SYNCED) $(if $(QUICK),,$(RESTATE))) ## everybody side by side, 20 minutes; QUICK=1 the nearest four in 3; BEFORE=DIR another checkout of ours
	@$(if $(BEFORE),,scripts/install_servers)
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@$(VENV)/bin/python -m bench$(if $(BEFORE),.compare $(BEFORE)) $(if $(QUICK),--quick) $(ARGS)

fuzz: $(SYNCED) ## the service against its OpenAPI document, 15 minutes; SECONDS_EACH=300
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@FUZZ_SECONDS=$(SECONDS_EACH) $(VENV)/bin/pytest tests/integration/suite/test_fuzz.py tests/property/test_cloud_events.py $(ARGS)

bench-scaling: $(SYNCED) ## what sessions, their length and replicas cost, 8 minutes
	@scripts/install_servers
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@$(VENV)/bin/python -m bench.scaling $(if $(QUICK),--quick) $(ARGS)

chaos: $(SYNCED) ## kill everything under load, then check what is stored; MINUTES=10 on each TOPOLOGY=embedded|embedded-2|redis|postgres (all four), SEED=, BUSY=1
	@scripts/install_servers
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@$(VENV)/bin/python -m chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(BUSY),--busy) \
	  $(foreach name,$(TOPOLOGY),--topology $(name)) $(foreach name,$(STORE),--store $(name)) \
	  $(if $(filter 10,$(MINUTES)),--write) $(ARGS)

eval: $(SYNCED) ## how well people's dialogues are understood, 2 minutes; EVAL_DATA=file, any model by OPENAI_BASE_URL
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@$(VENV)/bin/python -m evals $(ARGS)

screenshots: $(SYNCED) ## docs/images/page-*.webp: the chat page as it looks now
	@scripts/install_servers
	@$(VENV)/bin/python -m travelbuddy.runtime.install
	@scripts/screenshots

check: $(SYNCED) ## format, lint, types, layers, sizes, lock file
	@scripts/check $(VENV)/bin $(UV)

fmt: $(SYNCED) ## format and fix what can be fixed
	@$(VENV)/bin/ruff format
	@$(VENV)/bin/ruff check --fix

clean: ## remove what was built here, not the data of a stack
	@rm -rf $(VENV) .tools dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache

$(UV):
	@if [ -z "$(PYTHON)" ]; then \
	  echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name it with PYTHON=/path/to/python3." >&2; exit 1; fi
	@if ! "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
	  echo "$(PYTHON) has no pip: install it (Debian: apt-get install python3-pip), or name another with PYTHON=." >&2; exit 1; fi
	@echo "Getting uv $(UV_VERSION) …"
	@"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade --target $(TOOLS) uv==$(UV_VERSION)

$(RIVALS_SYNCED): $(RIVALS)/pyproject.toml $(RIVALS)/uv.lock | $(UV)
	@echo "Installing the contenders of the benchmark …"
	@cd $(RIVALS) && UV_PROJECT_ENVIRONMENT=.venv $(CURDIR)/$(UV) sync --frozen --python "$(PYTHON)"
	@touch $@

$(RESTATE): $(RIVALS)/package-lock.json
	@echo "Installing Restate's server …"
	@npm ci --ignore-scripts --no-audit --no-fund --silent --prefix $(RIVALS) && touch $@ || \
	  echo "Restate's server did not install (it needs npm); the benchmark leaves it out." >&2

$(SYNCED): pyproject.toml uv.lock | $(UV)
	@echo "Installing the Python packages of uv.lock …"
	@$(UV) sync --frozen --python "$(PYTHON)"
	@touch $@
