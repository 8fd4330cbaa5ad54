"""Notebooks and pages of the gallery: committed bare, with public names, and they run."""

import importlib
import re

import pytest
from pages import DOCS, cells, names_used, notebook_of, run

NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
INDEX = DOCS / "gallery" / "index.md"
PAGES = sorted({*(DOCS / "gallery").glob("*.md")} - {INDEX})
ALL = [*NOTEBOOKS, *PAGES]
QUICK = "researcher"
"""The notebook that runs with the default tests."""


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def marked(path):
    """The path, slow unless it is the quick one."""
    marks = () if path.stem == QUICK else (pytest.mark.slow,)
    return pytest.param(path, marks=marks, id=path.stem)


def test_there_is_a_notebook_for_each_kind_of_user_and_a_gallery():
    assert [path.stem for path in NOTEBOOKS] == ["artist", "researcher", "vision-scientist"]
    assert 8 <= len(PAGES) <= 14


@named(NOTEBOOKS)
def test_a_notebook_is_committed_bare(path):
    for cell in notebook_of(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None


@named(ALL)
def test_the_code_uses_public_names_that_exist(path):
    names = [name for source in cells(path) for name in names_used(source)]
    assert names
    for module, name in (one.rsplit(".", 1) for one in names):
        assert not name.startswith("_")
        assert hasattr(importlib.import_module(module), name), name


@named(ALL)
def test_pictures_are_samples_and_files_stand_in_temporary_folders(path):
    code = "\n".join(cells(path))
    assert re.search(r"sample:[a-z{]", code) or "ss.probe(" in code
    if re.search(r"write_image|\bout=", code):
        assert "TemporaryDirectory" in code
    assert "/work" not in path.read_text(encoding="utf-8")


@named(PAGES)
def test_a_page_asks_shows_and_says_what_is_seen(path):
    text = path.read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    assert "file_format: mystnb" in head and "name: python3" in head
    first, *_, last = re.split(r"```\{code-cell\}\n.*?^```\n", body, flags=re.M | re.S)
    assert re.match(r"\n# \S.+\n\n\S", first) and len(last.strip()) > 40
    assert f"]({path.name})" in INDEX.read_text(encoding="utf-8")
    assert re.search(rf"^{path.stem}$", INDEX.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("path", [marked(path) for path in ALL])
def test_it_runs_and_shows_pictures(path, tmp_path):
    outputs = run(path, tmp_path)
    kinds = {kind for one in outputs for kind in one.get("data", ())}
    assert kinds & {"image/png", "image/jpeg"}
    assert [
        one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"
    ] == []
