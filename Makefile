# `make run` shows the forwarder at work, `make test` proves it. Both need only Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
# Of the tests: many of them wait more than they compute, so one more than two cores.
WORKERS ?= 3
SECONDS ?= 600
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help run up test bench storm lint format lock clean

help: ## What there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run ## The main job on sample events, on an embedded Redis and a stand-in for Rokt; ends by itself
	$(BIN)/forwarder demo

up: $(VENV)/.run ## The whole stack in the foreground, until Ctrl-C
	$(BIN)/forwarder up

test: $(VENV)/.test ## All tests, on a real Redis, a real worker and the sandbox over HTTP
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

bench: $(VENV)/.test $(VENV)-peers/.done ## Beside what one would pick instead: 20 minutes; BENCH="--quick" three
	$(BIN)/python -m tests.benchmarks.compare $(BENCH)

storm: $(VENV)/.test ## Ten minutes of kills and faults, in which nothing may be lost (SECONDS=600 SEED=1)
	$(BIN)/python -m tests.chaos.storm --seconds $(SECONDS) --seed $(SEED)

lint: $(VENV)/.test ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test ## Bring the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Lock the versions anew (needs uv): names, versions and hashes, no address
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	  --no-emit-index-url --no-annotate --no-header --extra worker --extra dev --extra build -o requirements-dev.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
	  --no-emit-index-url --no-annotate --no-header --extra worker --extra build -c requirements-dev.lock -o requirements.lock
	uv pip compile tests/benchmarks/peers/requirements.in --universal --python-version 3.11 --generate-hashes --quiet \
	  --no-emit-index-url --no-annotate --no-header -o tests/benchmarks/peers/requirements.lock

clean: ## Remove what was built and installed here
	rm -rf $(VENV) $(VENV)-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements-dev.lock pyproject.toml | $(BIN)/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)-peers/.done: tests/benchmarks/peers/requirements.lock | $(BIN)/python
	$(BIN)/python -m venv $(VENV)-peers
	$(VENV)-peers/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; say: make PYTHON=python3.13 run")'
	$(PYTHON) -m venv $(VENV)
