"""Pages and notebooks of the documentation: read, and run away from the tree."""

import ast
import os
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient

import stylespace

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def notebook_of(path):
    """A notebook, from its file or from a page of Markdown with cells of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return nbformat.reads(text, as_version=4)
    return read_myst_markdown_notebook(text, config=MdParserConfig(), add_source_map=False)


def cells(path, kind="code"):
    """The sources of the cells of a kind."""
    return [cell.source for cell in notebook_of(path).cells if cell.cell_type == kind]


def names_used(source):
    """Names of stylespace that code reads or imports, as dotted paths."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "ss":
            yield f"stylespace.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module.startswith("stylespace"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def run(path, folder):
    """The outputs of a page that ran in an empty folder, where nothing may be left."""
    notebook = notebook_of(path)
    source = str(Path(stylespace.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": paths})
    assert list(folder.iterdir()) == []
    return [one for cell in notebook.cells for one in cell.get("outputs", ())]
