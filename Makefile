# `make demo` maps a small phase diagram; `make test` runs the tests. Both set
# everything up first, inside this folder: .venv (packages) and .lps_flows (data).

# python3 where it is one of 3.11 to 3.14, else the newest of these that is here.
FITS = 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c $(FITS) 2>/dev/null && echo $$python && break; done)
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

.PHONY: demo test notebooks docs setup dist lint lock newest audit clean

setup: $(READY) $(SERVER)

$(BIN)/python:
	@$(PYTHON) -c $(FITS) || { echo "Python 3.11 to 3.14 with venv is needed: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Every file by its hash, all of them named, so that nothing is looked for beside. First
# what builds packages, and a CPU build of torch where pip is told of a folder with one
# (PIP_FIND_LINKS); PyPI's own build of torch needs the second file, too. Last chgnet,
# which has no wheel above Python 3.12 and is built there, by a C compiler where one is.
LOCKED = awk '/^[a-z]/ {keep = $(1)==/} keep' requirements.lock > $(VENV)/part.lock
PART := $(INSTALL) --require-hashes --no-build-isolation -r $(VENV)/part.lock
$(READY): $(BIN)/python requirements.lock requirements-cuda.lock pyproject.toml
	@$(call LOCKED,/^(setuptools|wheel))
	$(PART)
	@$(call LOCKED,/^torch)
	-@$(PART) --no-index 2>/dev/null
	@$(call LOCKED,!/^chgnet)
	$(PART)
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(INSTALL) --require-hashes -r requirements-cuda.lock
	@$(call LOCKED,/^chgnet)
	$(PART) || echo "chgnet could not be built (is there a C compiler?): what needs it is skipped"
	$(INSTALL) --no-build-isolation -e .
	@touch $@

# Where no build of the server exists, lps-flows says so and falls back on files.
$(SERVER): $(READY)
	-$(BIN)/lps-flows db install
	@touch $@

# Where chgnet could not be installed, SevenNet takes its place, and three times as long.
demo: setup
	file=workflows/demo.yaml; $(BIN)/python -m pip show --quiet chgnet || { \
	    file=$(VENV)/demo-sevennet.yaml; echo "no chgnet here: the demo runs on SevenNet"; \
	    sed 's/name: chgnet/name: sevennet/; s/^name: demo/&-sevennet/' workflows/demo.yaml > $$file; }; \
	$(BIN)/lps-flows run $$file --workers $(WORKERS) --out results/demo

test: setup
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

notebooks: setup
	$(BIN)/python docs/notebooks.py

docs: setup
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/results.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# The source distribution, and the wheel that is made of it.
dist: setup
	@rm -rf dist && mkdir dist
	@$(BIN)/python -c 'from setuptools import build_meta; build_meta.build_sdist("dist")' >/dev/null
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(TOOLS)/.installed:
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check uv pip-audit
	@touch $@

# After a change of a constraints file: the hashes of the files of each version.
lock: $(TOOLS)/.installed
	$(TOOLS)/bin/python tools/lock.py

# The newest versions for Python 3.12 and later, then the same.
newest: $(TOOLS)/.installed
	$(TOOLS)/bin/python tools/lock.py --newest

# Known vulnerabilities of what is locked.
audit: $(TOOLS)/.installed
	$(TOOLS)/bin/python -m pip_audit --require-hashes --disable-pip -r requirements.lock

clean:
	-$(BIN)/lps-flows db stop
	rm -rf $(VENV) $(TOOLS) results build dist *.egg-info
