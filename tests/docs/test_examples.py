"""The examples of docstrings run as they stand, and every public name has one."""

import doctest
import functools

import pytest
from matplotlib import pyplot

import stylespace as ss

METHODS = ("Style.capture", "Style.blend", "Style.save")
"""What has examples beside the public names; those of other methods stand in their classes."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
EXAMPLES = {
    test.name: test
    for name in ss.__all__
    for test in doctest.DocTestFinder(exclude_empty=True).find(getattr(ss, name), name, globs={})
    if test.examples
}


@pytest.fixture(scope="module")
def networks():
    """Networks by what they are loaded with, each read once."""
    return functools.cache(ss.load_network)


@pytest.fixture
def place(tmp_path, monkeypatch, networks):
    """An empty folder to work in, one network, and no figure left open."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ss, "load_network", networks, raising=False)
    yield tmp_path
    pyplot.close("all")


def test_every_public_name_has_an_example():
    assert {*ss.__all__, *METHODS} - {*EXAMPLES} == set()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, place):
    told = []
    result = doctest.DocTestRunner(optionflags=FLAGS).run(EXAMPLES[name], out=told.append)
    assert result.failed == 0, "".join(told)
    assert result.attempted >= 2  # the import, and what it is for


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short_and_imports_what_it_uses(name):
    lines = [line for example in EXAMPLES[name].examples for line in example.source.splitlines()]
    assert lines[0].startswith("import stylespace as ss")
    assert len(lines) <= 6
