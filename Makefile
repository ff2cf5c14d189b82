# Papertrail: a command makes the environment that it needs, and any may run beside any other.
#   make run          features -> train -> evaluate -> promote on real data   (PARAMS=params/cdnow.yaml)
#   make serve        the promoted model on http://127.0.0.1:8000             (PARAMS=..., PORT=...)
#   make ui           every run, model and decision in MLflow                 (UI_PORT=...)
#   make features-ui  one experiment's features in Feast's own pages          (EXPERIMENT=cdnow)
#
# for developers
#   make docs         these pages as a site, with the reference of the code and executed reports
#   make lint         what a change must keep to: imports, style, notebooks without outputs
#   make test         what a change must pass                                 (TESTS=tests/registry)
#   make test-system  what needs PostgreSQL, Redis, Java, Chromium (installed where it may), or minutes   (TESTS=...)
#   make test-all     both at once, which takes less than one after the other   (WHICH="not long", as CI)
#   make bench        what a run costs, and each part as the log grows; a quarter of an hour   (SCALE="--sizes 1,10,100")
#   make mutants      would a test notice a changed operator in the modules that decide what is true? an hour
#   make mutants-notebooks   would one notice it in the notebooks' cells? half an hour
#   make accept       the notebooks' results have changed on purpose: keep the new ones, then read the diff
#   make screenshots  the pictures of the README and of docs/ anew, from real runs in a real browser
#   make lock         resolve the dependencies of pyproject.toml again: the only way that a version moves
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
PARAMS ?= params/cdnow.yaml
PORT ?= 8000
UI_PORT ?= 5000
STATE = $(if $(CHURN_STATE),$(CHURN_STATE),$(CURDIR)/state)

# Before the name of a program: run it in the environment of requirements.txt, of requirements-cluster.txt where the
# params file says `engine: spark`, or of requirements-dev.txt.
CORE := $(PYTHON) environment.py $(if $(shell grep -Es '^engine: *spark' '$(PARAMS)'),cluster,core)
DEV := $(PYTHON) environment.py dev

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

run:
	$(CORE) python run_pipeline.py --params '$(PARAMS)'

serve:
	CHURN_PARAMS='$(PARAMS)' PORT=$(PORT) exec $(CORE) gunicorn -c serving/gunicorn.conf.py 'serving.app:create_app()'

ui:
	exec $(CORE) mlflow ui --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(STATE)/mlflow.db}" --port $(UI_PORT)

features-ui:
	CHURN_STATE=$(STATE) CHURN_EXPERIMENT=$(or $(EXPERIMENT),cdnow) exec $(CORE) feast -c feature_repo ui --host 127.0.0.1

lint:
	$(DEV) lint-imports
	$(DEV) ruff check .
	$(DEV) ruff format --check .
	$(DEV) nbstripout --verify --keep-count notebooks/*.ipynb

# On every core; a file's tests share what it makes and stay together, and the longest file begins first (conftest.py).
PYTEST = $(DEV) python -m pytest --numprocesses logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder

test:
	$(PYTEST) -m "not system" --durations=10 $(TESTS)

test-system: .packages
	$(PYTEST) -m system --durations=25 $(TESTS)

test-all: .packages
	$(PYTEST) $(if $(WHICH),-m '$(WHICH)') --durations=25 $(TESTS)

.packages:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="postgresql"; \
	command -v redis-server >/dev/null || missing="$${missing:-} redis-server"; \
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$${missing:-} chromium"; \
	[ -x "$${JAVA_HOME:-/nowhere}/bin/java" ] || command -v java >/dev/null || missing="$${missing:-} default-jre-headless"; \
	[ -z "$${missing:-}" ] || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "the system tests need $$missing; install it first" >&2; exit 1; }; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; }

# The gallery's two runs have a state folder of their own, and are made again once what makes reports has changed.
GALLERY := build/gallery
docs: $(GALLERY)/made
	NO_MKDOCS_2_WARNING=1 CHURN_GALLERY=$(GALLERY) $(DEV) mkdocs build --strict --quiet
	@echo "site/index.html; its search needs a server: python3 -m http.server --directory site"

$(GALLERY)/made: $(shell find churn notebooks -name '*.py' -o -name '*.ipynb' -o -path '*/report/*.*') params/cdnow.yaml
	rm -rf $(GALLERY)
	CHURN_STATE=$(GALLERY) $(DEV) python run_pipeline.py --params params/cdnow.yaml
	CHURN_STATE=$(GALLERY) $(DEV) python run_pipeline.py --params params/cdnow.yaml --set train.model=hist_gradient_boosting
	touch $@

SCALE ?= --sizes 1,10 --rounds 1 --again
bench:
	$(DEV) python benchmarks/runner.py
	$(DEV) python benchmarks/scale.py $(SCALE)

mutants:
	rm -rf mutants
	$(DEV) mutmut run
	$(DEV) mutmut results

mutants-notebooks:
	$(DEV) python -m tests.mutation.mutate_notebooks

accept:
	$(DEV) python -m tests.notebooks.accept_notebooks

screenshots:
	$(DEV) python docs/screenshots.py

lock:   # any uv will do, and an environment of the old lock is not made just for it
	test -x .venv/bin/uv || $(CORE) uv --version
	$(LOCK) -o requirements.txt
	$(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt
	$(LOCK) --extra cluster -c requirements.txt -o requirements-cluster.txt
LOCK = .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

.PHONY: help run serve ui features-ui test test-system test-all docs bench mutants mutants-notebooks accept lint lock screenshots
.PHONY: .packages   # none that a user types
