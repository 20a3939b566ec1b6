# The two commands: `make levels` (a bare machine to certified levels) and `make install` (for development).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
N ?= 12
OUT ?= out
GAMES ?= dungeon platformer
LEVELS_VENV ?= .venv-levels
PIP_FLAGS := --quiet --disable-pip-version-check
DEB_FLAGS := -qq -y --no-install-recommends

.PHONY: help levels install test test-consumers test-godot lint types check demo web-kit clean tiled node-modules python

help:
	@echo "make levels    $(N) certified levels of each game into $(OUT)/, as Tiled, JSON and PNG, with a contact sheet"
	@echo "make install   everything for development into .venv"
	@echo "make test      set up, then lint, strict types and the tests"
	@echo "make test-consumers   the tests that drive other programs: Tiled, Chromium, Phaser, ONNX Runtime Web"
	@echo "make test-godot       loads our scenes in Godot 4, from a Debian sid chroot that it makes (root; 1 GB)"
	@echo "make web-kit   a web page for each game that makes levels in the browser, into $(OUT)/web/"
	@echo "make demo      play generated levels in a window"

levels: $(LEVELS_VENV)/.ready
	@for game in $(GAMES); do \
	  sheet=$$($(LEVELS_VENV)/bin/levelforge generate $$game -n $(N) --format tiled,json,png --out $(OUT)/$$game); \
	  echo "contact sheet: $$sheet"; \
	done

install: .venv/.ready

test: install tiled node-modules
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest -n 2 --dist worksteal

test-consumers: install tiled node-modules
	.venv/bin/pytest tests/consumers

# Stable Debian has no Godot 4; this is not part of CI, and says so where it cannot be done.
GODOT_ROOT ?= /var/tmp/levelforge-godot
test-godot: install
	@if tests/consumers/godot_chroot.sh "$(GODOT_ROOT)"; then \
	  GODOT_ROOT="$(GODOT_ROOT)" .venv/bin/pytest tests/consumers/test_godot.py; \
	elif [ $$? = 3 ]; then \
	  echo "test-godot: skipped, for the reason above; nothing was loaded in Godot"; \
	else exit 1; fi

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: install
	.venv/bin/mypy

demo: install
	.venv/bin/python -m levelforge.demo_game

web-kit: install
	@for game in $(GAMES); do .venv/bin/levelforge export-kit web $$game --out $(OUT)/web/$$game; done

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- environments -----------------------------------------------------------------------------------------

# Debian ships python3 without venv; asking for ensurepip is the test that tells before a half-made folder.
python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "error: $(PYTHON) is missing or older than 3.11; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install $(DEB_FLAGS) python3-venv; \
	  else \
	    echo "error: Python's venv is missing; install it first: sudo apt-get install python3-venv" >&2; exit 2; \
	  fi; }

$(LEVELS_VENV)/.ready: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv $(LEVELS_VENV)
	$(LEVELS_VENV)/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt -e .
	@touch $@

.venv/.ready: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

# Debian's Tiled renders our maps in the tests; elsewhere the tests that need it are skipped.
tiled:
	@command -v tmxrasterizer >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install $(DEB_FLAGS) tiled; \
	  else \
	    echo "note: the tests that render with Tiled need it; install it: sudo apt-get install tiled"; \
	  fi; }

# Node.js, npm and Chromium, and what npm brings for the tests that run in them; elsewhere those are skipped.
CONSUMERS := tests/consumers
NODE_DEBS = $(if $(shell command -v node),,nodejs) $(if $(shell command -v npm),,npm) $(if $(shell command -v chromium),,chromium)
node-modules:
	@debs="$(strip $(NODE_DEBS))"; [ -z "$$debs" ] || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install $(DEB_FLAGS) $$debs; \
	  else \
	    echo "note: the tests in a browser need more; install it: sudo apt-get install $$debs"; \
	  fi; }
	@! command -v npm >/dev/null || $(MAKE) --no-print-directory $(CONSUMERS)/node_modules/.ready

$(CONSUMERS)/node_modules/.ready: $(CONSUMERS)/package.json $(CONSUMERS)/package-lock.json
	cd $(CONSUMERS) && npm ci --silent --no-progress
	@touch $@
