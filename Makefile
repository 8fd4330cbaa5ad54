# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-slow bench lint wheel clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed  ## install, make one probe, print its path and figures
	mkdir -p demo
	cd demo && ../$(BIN)/stylespace probe --layer conv3_1 --entry 12,40

test: $(VENV)/.tested  ## the default checks: lint, then tests in under ten minutes
	$(BIN)/ruff check stylespace tests data
	$(BIN)/ruff format --check stylespace tests data
	$(BIN)/python -m pytest

test-slow: $(VENV)/.tested  ## the checks that take minutes: quality of the defaults, times
	$(BIN)/python -m pytest -m slow

bench: $(VENV)/.installed  ## speed and memory, as ratios measured in one run
	$(BIN)/python -m stylespace.bench

wheel: $(VENV)/.tested  ## dist/*.whl, with weights and paintings inside
	$(BIN)/python -m build --wheel

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.tested: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache
