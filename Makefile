# Every target makes its own set-up in .venv; a second call finds it done. `make help` lists the targets.
#   make test PYTHON=/path/to/python3        another interpreter (3.11 or newer)
#   make test PIP_FLAGS="--index-url URL"    another index, e.g. one that holds torch built for your machine
#   make test ARGS="-k emoji"                arguments for pytest
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; print("$(p)" * (sys.version_info >= (3, 11)))' 2>/dev/null)))
PIP_FLAGS ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done
PIP_INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

# Small nets are many times slower on two busy threads than on one.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs browser clean
.SECONDARY:

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 8

setup: $(DONE)/test $(DONE)/check $(DONE)/docs  ## install the library and all tools into .venv

demo: $(DONE)/library  ## fit a toy world, score it and write its report
	$(BIN)/identikit demo

test: $(DONE)/test browser  ## run every test and every documented example
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: $(DONE)/check  ## format, lint, types, and the order of the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest tests/test_rooms.py

bench: $(DONE)/bench  ## run every benchmark in order
	@set -e; for file in bench/*.py; do echo "$$file"; $(BIN)/python $$file; done

docs: $(DONE)/docs  ## build the documentation into docs/_build
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build
	@echo "open docs/_build/index.html"

clean:  ## remove .venv, the built documentation and all caches
	rm -rf $(VENV) docs/_build dist .pytest_cache .ruff_cache .hypothesis

# The report is tested in a real browser. Where none can be installed, that test says so.
browser:
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		mkdir -p $(DONE); echo "installing chromium for the test of the report"; \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
			</dev/null >$(DONE)/chromium.log 2>&1 || { tail -n 5 $(DONE)/chromium.log; echo "chromium was not installed"; }; \
	else \
		echo "no chromium on PATH: install it to have the report tested in a browser"; \
	fi

$(DONE)/library: pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@echo "installing the library into $(VENV)"
	@$(PIP_INSTALL) $(PIP_FLAGS) pip
	@$(PIP_INSTALL) $(PIP_FLAGS) --build-constraint constraints.txt --editable .
	@mkdir -p $(DONE) && touch $@

# One stamp for each dependency group of pyproject.toml.
$(DONE)/%: $(DONE)/library
	@echo "installing the group '$*'"
	@$(PIP_INSTALL) $(PIP_FLAGS) --group $*
	@touch $@
