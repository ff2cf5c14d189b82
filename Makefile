# Papertrail: every target makes .venv when it is missing or the lock has changed.
#   make run          features -> train -> evaluate -> promote on real data   (PARAMS=params/cdnow.yaml)
#   make serve        the promoted model on http://127.0.0.1:8000             (PARAMS=..., PORT=...)
#   make ui           every run, model and decision in MLflow
#   make test lint    what a change must pass; make test-system adds what needs system packages
#   make bench        what a run costs, against one process and plain papermill
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PARAMS ?= params/cdnow.yaml
PORT ?= 8000
UI_PORT ?= 5000
BIN := .venv/bin
STATE = $(if $(CHURN_STATE),$(CHURN_STATE),$(CURDIR)/state)

help:
	@sed -n 's/^#   //p' $(firstword $(MAKEFILE_LIST))

run: .venv/core-stamp
	$(BIN)/python run_pipeline.py --params $(PARAMS)

serve: .venv/core-stamp
	CHURN_PARAMS=$(PARAMS) PORT=$(PORT) exec $(BIN)/gunicorn -c serving/gunicorn.conf.py 'serving.app:create_app()'

ui: .venv/core-stamp
	exec $(BIN)/mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(STATE)/mlflow.db}" --port $(UI_PORT)

features-ui: .venv/core-stamp   # Feast's own pages on one experiment's features: make features-ui EXPERIMENT=cdnow
	CHURN_STATE=$(STATE) CHURN_EXPERIMENT=$(or $(EXPERIMENT),cdnow) exec $(BIN)/feast -c feature_repo ui --host 127.0.0.1

# On every core; each worker takes neighbouring tests, which share what a file makes, and then some of another's.
PYTEST = $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

test: .venv/dev-stamp
	$(PYTEST) -m "not system" --durations=10

test-system: .venv/dev-stamp   # needs PostgreSQL, and installs it where it may
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "make test-system needs postgresql; install it first" >&2; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; }
	$(PYTEST) -m system --durations=25

bench: .venv/dev-stamp   # a quarter of an hour on a quiet machine
	$(BIN)/python benchmarks/runner.py

mutants: .venv/dev-stamp   # an hour: the modules that decide what is true, changed one operator at a time
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results

mutants-notebooks: .venv/dev-stamp   # half an hour: the notebooks' cells, likewise
	$(BIN)/python -m tests.mutation.mutate_notebooks

accept: .venv/dev-stamp   # the notebooks' results have changed on purpose: keep the new ones, then read the diff
	$(BIN)/python -m tests.notebooks.accept_notebooks

lint: .venv/dev-stamp
	$(BIN)/lint-imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify --keep-count notebooks/*.ipynb

lock:   # resolve the dependencies of pyproject.toml again: the only way that a version moves
	test -x $(BIN)/uv || $(MAKE) .venv/dev-stamp
	$(LOCK) -o requirements.txt
	$(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) --extra cluster -c requirements.txt -o requirements-cluster.txt
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

.venv/core-stamp: requirements.txt pyproject.toml
	$(call environment,requirements.txt)

.venv/dev-stamp: requirements-dev.txt pyproject.toml
	$(call environment,requirements-dev.txt)
	touch .venv/core-stamp   # the development lock holds all of the core

# A new environment each time the lock changes, so that nothing that left the lock stays behind.
define environment
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 13) else \
	"Papertrail needs Python 3.11 or 3.12; $(PYTHON) is %d.%d. Give another: make PYTHON=python3.11 ..." % v)'
	@echo "making .venv from $(1), which takes a minute on first use"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r $(1)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
endef

.PHONY: help run serve ui features-ui test test-system bench mutants mutants-notebooks accept lint lock
