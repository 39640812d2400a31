# Everything a developer types. `make` alone lists it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN_DIR ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
JOBS ?= auto
PYTEST_ARGS ?=
SEEDS ?= 100000
FIRST ?= 0
REPEAT ?= 3

MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full lint native bench bench-pure benchmark pictures soak lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 16

setup: $(VENV)/.package-stamp  ## create .venv with everything in it, once

demo: setup  ## run the first scenario and write a report
	@$(BIN)/lwm2m-fleet run scenarios/first.toml --out $(RUN_DIR)

# Tests marked `alone` would disturb what runs beside them, or be disturbed by it; only files that have the mark are read
# for them. Exit code 5: there are none. The long tests stand together, so that a worker without work takes some of the
# others'.
test: setup  ## run all tests: side by side what can, then what must run alone
	@$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not alone" $(PYTEST_ARGS)
	@files=$$(grep -rl --include="test_*.py" "mark\.alone" tests); test -z "$$files" || \
		$(BIN)/pytest -q -m alone $(PYTEST_ARGS) $$files || test $$? -eq 5

test-full: setup  ## the same with the full sizes of the slow tests: more seeds, more forged records
	@LWM2M_FLEET_FULL=1 $(MAKE) test

lint: setup  ## check style, types and the direction of imports
	@mkdir -p build
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check || { echo "ruff format would change files: run $(BIN)/ruff format"; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >build/lint-imports.log 2>&1 || { cat build/lint-imports.log; exit 1; }

# A copy with the CoAP engine and DTLS compiled by mypyc; the checkout stays pure, so what is edited is what runs.
build/native/.stamp: $(VENV)/.package-stamp setup.py $(shell find simulator reports -type f -not -name "*.pyc")
	@command -v cc >/dev/null || { echo "A C compiler is needed: apt-get install gcc libc6-dev"; exit 1; }
	@echo "Compiling the CoAP engine ..."
	@rm -rf build/native build/lib* && mkdir -p build/native
	@LWM2M_FLEET_NATIVE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --target build/native . >build/native.log 2>&1 || { tail -20 build/native.log; exit 1; }
	@touch $@

native: build/native/.stamp  ## compile the engine; run it with PYTHONPATH=build/native .venv/bin/lwm2m-fleet ...

bench: build/native/.stamp  ## measure the compiled engine against C and aiocoap on this machine
	@ln -sfn ../../tests build/native/tests
	@PYTHONPATH=build/native $(BIN)/python -P -m tests.bench

bench-pure: setup  ## the same, without compiling
	@$(BIN)/python -m tests.bench --out build/bench-pure

pictures: setup  ## take the pictures of docs/locust.md and docs/report.md, in Chromium
	@$(BIN)/python -m tests.load.browser_pictures
	@$(BIN)/python -m tests.reports.page_pictures

# About 70 minutes, most of it for the largest package over the slowest network.
benchmark: setup  ## run scenarios/benchmark against two servers and write docs/benchmark
	@$(BIN)/lwm2m-fleet benchmark scenarios/benchmark --server embedded --server leshan --repeat $(REPEAT) \
		--runs build/benchmark --out docs/benchmark

soak: setup  ## live SEEDS random histories, by default 100,000, on all cores (docs/histories.md)
	@$(BIN)/python -m tests.histories --seeds $(SEEDS) --first $(FIRST)

# The environment. The stamps are files inside it, so that removing .venv starts again.

$(VENV)/.created-stamp:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is not Python 3.11 or later; name one that is: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; \
		else echo "The venv module is missing: sudo apt-get install python3-venv"; exit 1; fi; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@touch $@

$(VENV)/.requirements-stamp: $(VENV)/.created-stamp requirements.lock
	@echo "Installing the versions of requirements.lock ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

# Without build isolation nothing more is downloaded: the build's setuptools is in the lock file.
$(VENV)/.package-stamp: $(VENV)/.requirements-stamp pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock: $(VENV)/.created-stamp  ## take the newest versions that pyproject.toml allows
	@mkdir -p build
	@rm -rf build/lock-venv
	@$(PYTHON) -m venv build/lock-venv
	@build/lock-venv/bin/pip install --quiet --disable-pip-version-check --upgrade "setuptools>=77" ".[dev]"
	@{ sed -n '/^#/p' requirements.lock; \
		build/lock-venv/bin/pip freeze --all --disable-pip-version-check --exclude pip --exclude lwm2m-fleet; \
		} >build/requirements.lock
	@mv build/requirements.lock requirements.lock
	@rm -rf build/lock-venv
	@echo "requirements.lock is renewed; run make test"

clean:  ## remove what was built, and the environment
	@rm -rf build dist *.egg-info $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
