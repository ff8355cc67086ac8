# Everything a fresh machine needs is Python (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# A plain path file leads to this folder: setuptools' own finder would cost every command 30 ms.
$(READY): pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat \
		--editable '.[dev]'
	touch $(READY)

setup: $(READY) ## Install the tool and its tests into .venv

demo: $(READY) ## Take a real payment end to end against the local sandbox
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(READY) ## Run the tests
	$(BIN)/pytest -n auto -m "not slow"

check: $(READY) ## Formatting, lint, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

proofs: $(READY) ## The slow proofs: kill -9 everywhere, long random walks
	$(BIN)/pytest -n auto -m slow

mutants: $(READY) ## Plant each fault of the kept list in a copy, and see that a test catches it
	$(BIN)/python -m tests.mutants

# By the tests of these floors alone: what none of them takes, a change may break unseen.
coverage: $(READY) ## Print which lines and branches of model, services and storage no test takes
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n auto -m "not slow" tests/model tests/services tests/storage
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(READY) ## Print speed and memory, each against a named baseline of the same run
	$(BIN)/python -m tests.bench

changelog: $(READY) ## Collect the fragments of changelog.d into CHANGELOG.md, for a release
	$(BIN)/scriv collect

clean: ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

.PHONY: help setup demo test check proofs mutants coverage bench changelog clean
