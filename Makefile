# Everything a person or a CI runs. Works with GNU make 3.81 and newer; PYTHON picks another interpreter (3.11 or newer).
#   make run                the demo: real servers, real daemon, half a minute
#   make run ARGS=--keep    the same, and the daemon goes on until Ctrl-C
#   make test               from nothing: environment, installation, every test. Those that drive a browser want Debian's
#                           (apt-get install chromium chromium-driver): without it they fail where CI=true, and are
#                           skipped elsewhere
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# setuptools warns whoever installs a package in place that the folder shadows it; it is meant to
PIP := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet

.PHONY: help run test lint picture clean

help:
	@echo "make run     install into $(VENV) and play the demo (ARGS=--keep goes on until Ctrl-C)"
	@echo "make test    install into $(VENV) with everything the tests need and run them (ARGS=-x ...);"
	@echo "             tests in a browser want chromium and chromium-driver, and are skipped without"
	@echo "make lint    ruff, ruff format, mypy, import rules, the Dockerfile's linter"
	@echo "make picture play the demo and make docs/demo.svg of it"
	@echo "make clean   remove $(VENV), caches and build output"
	@echo "PYTHON=...   the interpreter to make $(VENV) with (3.11 or newer; now: $(PYTHON))"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "watcher needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# pip learned dependency groups in 25.1
$(VENV)/.pip: $(BIN)/python
	$(PIP) --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.pip
	$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.pip
	$(PIP) --editable '.[articles,pictures,postgres,demo]' --group test
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.pip
	$(PIP) --editable '.[articles,pictures,postgres,demo]' --group lint
	@touch $@

run: $(VENV)/.run
	$(BIN)/watcher demo $(ARGS)

# Three at a time, whatever the machine: the longest tests mostly wait.
test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

# the README's picture, of a real run
picture: $(VENV)/.run
	$(BIN)/watcher demo --picture docs/demo.svg

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
