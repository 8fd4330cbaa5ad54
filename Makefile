# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin

# The pictures of the README, each made from the recipe of the same name.
GALLERY := $(patsubst probes/%.toml,reports/gallery/%.jpg,$(wildcard probes/probe-conv*.toml \
	probes/texture-*.toml probes/transfer-*.toml))

.PHONY: demo test test-slow bench gallery wheel clean

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
	$(BIN)/python -m stylespace.bench --all

wheel: $(VENV)/.tested  ## dist/*.whl, with weights and paintings inside
	$(BIN)/python -m build --wheel

gallery: $(GALLERY)  ## the pictures of the README: about ten minutes on two cores

reports/gallery/%.jpg: probes/%.toml | $(VENV)/.installed
	mkdir -p $(@D)
	$(BIN)/stylespace run $< --out $@ --force

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
