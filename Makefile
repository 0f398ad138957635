# What there is to do here: `make help`. Windows without make: see README.md.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
# One file a process: what a file sets up is set up once. In the order that conftest.py gives: the longest first.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help book test notebooks bench clean

help:
	@echo "make book       build every municipality's book into _build/html"
	@echo "make test       run every check: ruff, pytest, nbval"
	@echo "make notebooks  execute the chapters anew and save them, for you to commit"
	@echo "make bench      measure how fast books are built, for docs/performance.md (takes an hour)"
	@echo "make clean      remove what was built (_build and caches; not .venv)"
	@echo "PYTHON=python3.12 make book   uses another Python (3.11 or later)"

book: $(READY)
	@echo "==> Building the books"
	@$(RUN) -m analysis build

test: $(READY)
	@echo "==> The browser that the pages are tested in"
	@$(RUN) tests/browsers.py
	@echo "==> 1/3 Style and common mistakes (ruff)"
	@$(RUN) -m ruff check analysis tests
	@echo "==> 2/3 Tests of the code, the data and the pages (pytest)"
	@$(RUN) -m pytest $(PARALLEL) tests
	@echo "==> 3/3 Every cell of every chapter gives what is committed (nbval)"
	@$(RUN) -m pytest $(PARALLEL) --nbval chapters
	@echo "==> All checks passed"

notebooks: $(READY)
	@echo "==> Executing the chapters anew"
	@$(RUN) -m analysis notebooks

bench: $(READY)
	@echo "==> Measuring how fast books of municipalities that do not exist are built"
	@$(RUN) tests/bench/build_speed.py

clean:
	@echo "==> Removing _build and caches"
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@find analysis tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Remade when a dependency or the package's own description changes.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; $(PYTHON) is missing or older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "==> Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "The virtual environment could not be made. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "==> Installing the pinned dependencies, each checked against its hash (takes a few minutes the first time)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@echo "==> Installing this package"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
