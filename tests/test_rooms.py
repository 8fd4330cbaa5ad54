"""The rows of the package: a module imports from rows above, or from its own without a cycle.

Imports inside functions count: they are for speed, not for going around the order.
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import stylespace

ROWS = (
    {"errors", "files", "assets", "executors"},
    {"images", "networks"},
    {"settings", "styles", "synthesis"},
    {"losses", "figures"},
    {"commands"},
    {"reports", "studies"},
    {"cli", "__main__"},
)
ROW = {name: number for number, names in enumerate(ROWS) for name in names}
PACKAGE = Path(stylespace.__file__).parent


def concept(path):
    """The name in the table of a file: a module, or the folder that it grew into."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if concept(path) != "__init__"]


def imported(text):
    """Every concept of the package that a module's text imports, wherever it does."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "stylespace":
            names = [f"stylespace.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            names = [node.module]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("stylespace."))


def graph():
    """{concept: concepts that it imports}, itself left out."""
    found = {}
    for path in FILES:
        found.setdefault(concept(path), set()).update(imported(path.read_text(encoding="utf-8")))
    return {name: others - {name} for name, others in found.items()}


def test_every_module_has_a_row():
    assert sum(map(len, ROWS)) == len(ROW)
    assert {concept(path) for path in FILES} <= set(ROW)


@pytest.mark.parametrize("name", sorted({concept(path) for path in FILES}))
def test_a_module_imports_from_rows_above_or_from_its_own(name):
    below = {other for other in graph()[name] if ROW[other] > ROW[name]}
    assert not below, f"{name} (row {ROW[name]}) imports {', '.join(sorted(below))}"


def test_no_concept_imports_itself_through_others():
    order = list(TopologicalSorter(graph()).static_order())
    assert set(order) == {concept(path) for path in FILES}


def test_no_file_imports_itself_through_others():
    """Inside folders as well, where the files of one concept import each other."""
    modules = {}
    for path in FILES:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        modules[".".join(("stylespace", *parts)).removesuffix(".__init__")] = path
    edges = {}
    for name, path in modules.items():
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        targets = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        edges[name] = {target for target in targets if target in modules} - {name}
    assert sum(map(len, edges.values())) > len(modules)
    assert set(TopologicalSorter(edges).static_order()) == set(modules)


def test_imports_are_found_wherever_they_stand():
    text = (
        "import os, stylespace.a\nfrom stylespace import b, c as d\n"
        "def f():\n    from stylespace.e.g import h\n"
    )
    assert list(imported(text)) == ["a", "b", "c", "e"]
