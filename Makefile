# Each target does its own set-up: Python 3.11 and make are enough to begin with.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: demo lab test check format docs bench faults clean

demo: .venv/.notebook  ## the quick start against the sample registry, from catalog to audit
	$(BIN)/python -m notebooks.demo

lab: .venv/.notebook  ## JupyterLab on the notebooks
	$(BIN)/python -m jupyterlab notebooks

# As many processes as processors, at most four; ARGS=-n0 is one, for a debugger.
test: .venv/.test  ## every test that this machine can run
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal $(ARGS)

check: .venv/.lint  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.docs
	$(BIN)/python -m sphinx -W -b html docs build/docs

bench: .venv/.bench  ## speed and memory, as ratios to peers measured in the same run
	$(BIN)/python -m tests.bench $(ARGS)

faults: .venv/.test  ## thousands of transfers through a proxy that breaks them
	$(BIN)/python -m tests.faults $(ARGS)

clean:
	rm -rf .venv build

# pip older than 25.1 knows no --group, and a new environment brings an older one.
.venv/.pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	touch $@

.venv/.notebook: .venv/.pip pyproject.toml constraints.txt
	$(INSTALL) --editable '.[notebook]'
	touch $@

.venv/.test .venv/.docs .venv/.bench: .venv/.%: .venv/.notebook
	$(INSTALL) --group $*
	touch $@

.venv/.lint: .venv/.test
	$(INSTALL) --group lint
	touch $@
