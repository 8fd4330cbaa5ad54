"""The sizes of the house: functions, modules and the whole stay small, every name is documented.

A code line holds code: docstrings, comments and blank lines are not counted. Of a function, head
and body count, without the functions inside it. Of a module all lines count.
"""

import ast
import io
import tokenize
from pathlib import Path
from statistics import median, quantiles

import pytest

import stylespace

PACKAGE = Path(stylespace.__file__).parent
MEDIAN, NINTH_DECILE, LONGEST, MODULE, WHOLE = 8, 25, 50, 300, 25_600
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
TEXTS = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}


def code_lines(text):
    """The numbers of the lines that hold code; every line of a statement over several counts."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return lines


def definitions(node, above=""):
    """(qualified name, node) of every function and class, those inside others too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS | ast.ClassDef):
            yield f"{above}{child.name}", child
            yield from definitions(child, f"{above}{child.name}.")
        else:
            yield from definitions(child, above)


def span(node):
    return set(range(node.lineno, node.end_lineno + 1))


def function_lengths(text):
    """{qualified name: code lines} of every function; an inner one counts by itself."""
    lines, lengths = code_lines(text), {}
    for name, node in definitions(ast.parse(text)):
        if isinstance(node, FUNCTIONS):
            inner = [span(child) for _, child in definitions(node)]
            lengths[name] = len((lines & span(node)).difference(*inner))
    return lengths


def undocumented(text):
    """Public functions, methods and classes without a docstring, and the module if it has none."""
    tree = ast.parse(text)
    named = [("module", tree), *definitions(tree)]
    inside = {
        f"{name}.{inner}"
        for name, node in named[1:]
        if isinstance(node, FUNCTIONS)
        for inner, _ in definitions(node)
    }
    return [
        name
        for name, node in named
        if not any(part.startswith("_") for part in name.split("."))
        and name not in inside
        and ast.get_docstring(node) is None
    ]


LENGTHS = {
    f"{path}:{name}": length
    for path, text in TEXTS.items()
    for name, length in function_lengths(text).items()
}


def test_functions_are_short():
    lengths = list(LENGTHS.values())
    assert median(lengths) <= MEDIAN
    assert quantiles(lengths, n=10)[-1] <= NINTH_DECILE
    assert {name: length for name, length in LENGTHS.items() if length > LONGEST} == {}


@pytest.mark.parametrize("path", TEXTS)
def test_modules_are_short(path):
    assert TEXTS[path].count("\n") <= MODULE


def test_the_whole_is_small():
    assert sum(len(code_lines(text)) for text in TEXTS.values()) <= WHOLE


@pytest.mark.parametrize("path", TEXTS)
def test_every_public_name_is_documented(path):
    assert undocumented(TEXTS[path]) == []


def test_code_lines_are_counted_as_they_are_meant():
    text = (
        '"""Module."""\n\n# comment\nimport os  # 1\n\n\ndef outer(  # 2\n    a,\n):\n'
        '    """Docstring\n    of two lines."""\n\n    def inner():\n        return """text\n'
        'of two lines"""\n\n    # comment\n    return inner\n\n\nclass Thing:\n'
        "    def method(self):\n        pass\n"
    )
    assert len(code_lines(text)) == 11
    assert function_lengths(text) == {"outer": 4, "outer.inner": 3, "Thing.method": 2}
    assert undocumented(text) == ["Thing", "Thing.method"]
