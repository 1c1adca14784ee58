# make run    set up and run the whole chain on one experiment; CONFIG= picks another
# make test   set up and run all checks
# make paper  set up and repeat the tables of docs/few_images.md, over five seeds, beside controls
# make bench  set up and measure speed and memory, docs/benchmarks.md; QUESTIONS= picks some
# make claims set up and check the figures of the documents, those that cost BUDGET (600) seconds
# make docs   build the documentation as a site, site/, with the reference of the Python API
# make fuzz   feed every parser INPUTS (20,000) inputs that coverage guides; Linux only
# All need Python 3.11 or newer, and the pages node 20 or newer; a second call starts at once.
# make test BROWSER=0 leaves out the tests that open the pages in a browser.

CONFIG ?= grounding/configs/7_contrastive_autoencoder_fast.yaml
PYTHON ?= $(firstword $(foreach v,python3.11 python3.12 python3.13 python3,$(shell command -v $(v) 2>/dev/null)))
VENV ?= venv
BIN := $(VENV)/bin
# Tests run on two processes of one thread each: that is faster than one of two threads.
TEST_PROCESSES ?= 2
INPUTS ?= 20000
QUESTIONS ?=
BUDGET ?= 600

.DEFAULT_GOAL := help
.PHONY: help run test pytest test-full paper bench claims docs fuzz browser lint clean

help:
	@sed -n '1,9s/^# //p' Makefile

run: $(VENV)/.installed
	@$(BIN)/grounding run --config $(CONFIG)

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist worksteal

# The types are checked beside the tests, for that keeps one core busy where there are two.
test: $(VENV)/.installed-dev browser
	@$(MAKE) --no-print-directory -j2 lint pytest

pytest: $(VENV)/.installed-dev
	$(PYTEST) -m "not full"

test-full: lint browser
	$(PYTEST)

paper: $(VENV)/.installed
	@$(BIN)/grounding compare 6 7 --seeds 0-4 --output docs/few_images_seeds
	@$(BIN)/grounding compare 2 10 4 --seeds 0-4 --no-controls --output docs/equal_steps

bench: $(VENV)/.installed-dev
	@$(BIN)/python benchmarks/suite.py $(if $(QUESTIONS),--only $(QUESTIONS))

claims: $(VENV)/.installed
	@$(BIN)/python tools/claims.py --seconds $(BUDGET) --missing

docs: $(VENV)/.installed-dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html, or look at it while you write: $(BIN)/python -m mkdocs serve"

fuzz: $(VENV)/.installed-dev
	$(PIP) -c constraints.txt atheris
	$(BIN)/python tests/trust/fuzz.py --inputs $(INPUTS)

browser:
	@[ "$(BROWSER)" != 0 ] || echo "BROWSER=0: the pages are not tested in a browser"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The pages are built while Python installs, so newer sources of theirs mean installing again.
PAGES := $(shell find grounding/web/src -type f) $(wildcard grounding/*.html) $(addprefix grounding/web/,build.mjs package-lock.json)

# Every package is checked by its hash, those that build this one too. PyTorch alone is taken as pip
# finds it: asked for a hash, pip takes the build with CUDA even where it is told of one without. The
# last call finds all there but NVIDIA's libraries, where PyTorch wants them: it names the versions.
# Python compiles a module when it is first imported: all of all packages at once take half a minute.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
PINS := pyproject.toml constraints.txt requirements.lock

$(VENV)/.installed: $(VENV)/bin/python $(PINS) hatch_build.py $(PAGES)
	$(PIP) --no-deps -c constraints.txt torch
	$(PIP) --require-hashes --no-deps -r requirements.lock
	$(PIP) --no-build-isolation -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python $(PINS) requirements-dev.lock hatch_build.py $(PAGES)
	$(PIP) --no-deps -c constraints.txt torch
	$(PIP) --require-hashes --no-deps -r requirements-dev.lock
	$(PIP) --no-build-isolation -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
