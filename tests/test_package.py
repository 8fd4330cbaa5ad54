"""The names of the package: every one in its home, none of them a module, none costing torch."""

import subprocess
import sys

import pytest

import stylespace


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_name_is_what_its_home_defines():
    for name in stylespace.__all__:
        for _ in range(2):  # once before its module is imported, once after
            found = getattr(stylespace, name)
            assert callable(found), name
    assert dir(stylespace) == stylespace.__all__


@pytest.mark.parametrize("before", ["pass", "import stylespace.gram, stylespace.transfer"])
def test_functions_stand_before_their_modules_of_the_same_name(before):
    code = f"import stylespace as ss; {before}; first = ss.gram, ss.transfer;"
    code += "second = ss.gram, ss.transfer; from stylespace import gram, transfer;"
    code += "from stylespace.gram import gram as g; from stylespace.transfer import transfer as t;"
    code += "print(first == second == (gram, transfer) == (g, t), *map(callable, first))"
    assert run(code) == ["True"] * 3


def test_the_package_alone_costs_no_torch():
    code = "import sys, stylespace; stylespace.StylespaceError; print('torch' in sys.modules)"
    assert run(code) == ["False"]


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stylespace.nothing
