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

# Branches as well as lines, by the tests of these floors alone. The floors were measured; a line
# or branch that no test of its own floor takes is one that a change may break unseen.
MEASURED := tests/model tests/services tests/storage
coverage: $(READY) ## Hold pricing, settlement, the services and the writer to their branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n auto -m "not slow" $(MEASURED)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include='payment_cli/model/shop/pric*,payment_cli/model/shop/freight.py,payment_cli/model/shop/coupon.py,payment_cli/model/shop/product_price.py,payment_cli/model/money.py' --fail-under=99
	$(BIN)/coverage report --include='payment_cli/services/payments/settlement.py,payment_cli/services/payments/answers.py,payment_cli/services/consequences.py' --fail-under=99
	$(BIN)/coverage report --include='payment_cli/services/*' --fail-under=95
	$(BIN)/coverage report --include='payment_cli/storage/tree/writer.py,payment_cli/storage/tree/transaction.py,payment_cli/storage/tree/publish.py,payment_cli/storage/tree/recovery.py' --fail-under=95

bench: $(READY) ## Print speed and memory, each against a named baseline of the same run
	$(BIN)/python -m tests.bench

changelog: $(READY) ## Collect the fragments of changelog.d into CHANGELOG.md, for a release
	$(BIN)/scriv collect

clean: ## Remove what was built
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

.PHONY: help setup demo test check proofs mutants coverage bench changelog clean
