# `make demo` maps a small phase diagram; `make test` runs the tests. Both set
# everything up first, inside this folder: .venv (packages) and .lps_flows (data).

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SERVER := $(VENV)/.server
export LPS_FLOWS_HOME ?= $(CURDIR)/.lps_flows
# Two jobs of one thread each share two cores better than one job of two threads.
export OMP_NUM_THREADS ?= 1
WORKERS ?= 2
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
TOOLS := $(VENV)-tools

.PHONY: demo test docs setup lint lock audit clean

setup: $(READY) $(SERVER)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)

# Every file by its hash, all of them named, so that nothing is looked for beside. First
# what builds packages, and a CPU build of torch where pip is told of a folder with one
# (PIP_FIND_LINKS); PyPI's own build of torch needs the second file, too.
LOCKED = awk '/^[a-z]/ {keep = /^($(1))==/} keep' requirements.lock > $(VENV)/first.lock
$(READY): $(BIN)/python requirements.lock requirements-cuda.lock pyproject.toml
	@$(call LOCKED,setuptools|wheel)
	$(INSTALL) --require-hashes -r $(VENV)/first.lock
	@$(call LOCKED,torch)
	-@$(INSTALL) --require-hashes --no-index -r $(VENV)/first.lock 2>/dev/null
	$(INSTALL) --require-hashes --no-build-isolation -r requirements.lock
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(INSTALL) --require-hashes -r requirements-cuda.lock
	$(INSTALL) --no-build-isolation -e .
	@touch $@

# Where no build of the server exists, lps-flows says so and falls back on files.
$(SERVER): $(READY)
	-$(BIN)/lps-flows db install
	@touch $@

demo: setup
	$(BIN)/lps-flows run workflows/demo.yaml --workers $(WORKERS) --out results/demo

test: setup
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

docs: setup
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/results.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(TOOLS)/.installed:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv pip-audit
	@touch $@

# After a change of constraints.txt: the hashes of the files of each version.
lock: $(TOOLS)/.installed
	$(TOOLS)/bin/python tools/lock.py

# Known vulnerabilities of what is locked.
audit: $(TOOLS)/.installed
	$(TOOLS)/bin/python -m pip_audit --require-hashes --disable-pip -r requirements.lock

clean:
	-$(BIN)/lps-flows db stop
	rm -rf $(VENV) $(TOOLS) results build *.egg-info
