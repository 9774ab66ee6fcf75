# Every target works from a fresh clone; `make` alone lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 3
SEED ?=
PYTEST = $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadscope --no-loadscope-reorder --durations=30

.PHONY: help setup demo demo-all test soak check bench format lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

# What hubctl itself needs comes first and soon; what works on it needs (browsers, type checkers) is much more.
$(VENV)/.runs: requirements.lock pyproject.toml
	$(PYTHON) scripts/make_venv.py $(VENV) requirements.lock
	touch $@

# The demo of all services asks as a browser does.
$(VENV)/.asks: $(VENV)/.runs requirements-demo.lock
	$(PYTHON) scripts/make_venv.py $(VENV) requirements-demo.lock
	touch $@

$(VENV)/.ready: requirements-dev.lock requirements-demo.lock requirements.lock pyproject.toml
	$(PYTHON) scripts/make_venv.py $(VENV) requirements-dev.lock
	touch $(VENV)/.runs $(VENV)/.asks $@

setup: $(VENV)/.ready ## virtual environment with hash-pinned dependencies

demo: $(VENV)/.runs ## local cloud, a node, a deploy and an HTTPS answer
	$(BIN)/python scripts/demo.py

demo-all: $(VENV)/.asks ## every service on local nodes, and what each answers
	$(BIN)/python scripts/demo.py --all

test: setup ## all tests, on real local nodes too
	$(BIN)/python scripts/host_packages.py --tests
	$(PYTEST) $(addprefix --seed=,$(SEED)) $(TESTS)

soak: setup ## what tests repeat, many times; prints what it measured
	$(BIN)/python scripts/host_packages.py --tests
	$(PYTEST) --soak --seed=$(or $(SEED),$(shell date +%s)) --timeout=3600 $(TESTS)

check: setup ## lint, format check, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy runtime/hub_runtime scripts

bench: setup ## how fast: the solver beside python-sat, notebook_api beside Kernel Gateway, deploys beside pyinfra, Ansible and a shell script
	$(BIN)/python -m bench.bench_solver
	$(BIN)/python -m bench.bench_notebook_api
	$(BIN)/python scripts/host_packages.py
	$(BIN)/python -m bench.bench_deploy

format: setup ## rewrite the sources in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## resolve the dependencies again
	$(BIN)/python scripts/lock.py $(SERVICES)

clean: ## remove what the targets above made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache build dist
