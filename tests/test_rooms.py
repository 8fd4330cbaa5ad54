"""The rooms of the package: a module imports from rooms below, or from its own without a circle.

Imports inside functions count: they are for speed, not for going around the order.
"""

import ast
import re
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
"""From the ground up."""
ROW = {name: number for number, names in enumerate(ROWS) for name in names}
PACKAGE = Path(stylespace.__file__).parent
MOST_ENTRIES, MOST_FLOORS = 18, 9


def room(path):
    """The room of a file: the folder or the module at the top of the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module(path):
    """The dotted name of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if room(path) != "__init__"]
MODULES = {module(path): path for path in FILES}
ROOMS = sorted({room(path) for path in FILES})
FOLDERS = sorted({path.parent for path in FILES} - {PACKAGE})


def imported(text):
    """Every module or name of the package that a module's text imports, wherever it does.

    `from a.b import c` gives a.b and a.b.c, as c may be a module.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.startswith("stylespace."))


def module_graph():
    """{module: modules of the package that it imports}."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    return {name: {*imported(text)} & {*MODULES} - {name} for name, text in texts.items()}


def room_graph():
    """{room: rooms that it imports}, itself left out."""
    graph = {name: set() for name in ROOMS}
    for name, path in MODULES.items():
        graph[room(path)] |= {room(MODULES[other]) for other in MODULE_GRAPH[name]}
    return {name: others - {name} for name, others in graph.items()}


MODULE_GRAPH = module_graph()
ROOM_GRAPH = room_graph()


def floors(graph):
    """{name: floor}: one above the highest of those that it imports."""
    found = {}
    for name in TopologicalSorter(graph).static_order():
        found[name] = 1 + max((found[other] for other in graph[name]), default=0)
    return found


def test_every_module_has_a_room():
    assert sum(map(len, ROWS)) == len(ROW)
    assert set(ROOMS) <= set(ROW)
    entries = [path for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "data")]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_from_rooms_below_or_from_its_own(name):
    above = {other for other in ROOM_GRAPH[name] if ROW[other] > ROW[name]}
    assert not above, f"{name} (row {ROW[name]}) imports {', '.join(sorted(above))}"


def test_only_the_command_line_imports_the_experiments():
    assert {name for name, others in ROOM_GRAPH.items() if "studies" in others} <= {"cli"}


def test_no_room_imports_itself_through_others_and_the_house_is_low():
    assert max(floors(ROOM_GRAPH).values()) <= MOST_FLOORS


def test_no_file_imports_itself_through_others():
    """Inside folders as well, where the files of one room import each other."""
    assert sum(map(len, MODULE_GRAPH.values())) > len(MODULES)
    assert set(floors(MODULE_GRAPH)) == set(MODULES)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_says_in_one_line_what_it_is_for(folder):
    text = (folder / "__init__.py").read_text(encoding="utf-8")
    first, *rest = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    assert re.fullmatch(r"\S.{15,}[.]", first) and (not rest or not rest[0])


def test_imports_are_found_wherever_they_stand():
    text = (
        "import os, stylespace.a\nfrom stylespace import b, c as d\n"
        "def f():\n    from stylespace.e.g import h\n"
    )
    found = ["stylespace.a", "stylespace.b", "stylespace.c", "stylespace.e.g", "stylespace.e.g.h"]
    assert list(imported(text)) == found
    with pytest.raises(AssertionError, match="in full"):
        list(imported("from .a import b"))
    assert floors({"a": {"b"}, "b": set(), "c": {"a", "b"}}) == {"b": 1, "a": 2, "c": 3}
