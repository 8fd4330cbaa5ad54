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


def test_no_module_stands_in_the_place_of_a_name():
    code = "import stylespace as ss, stylespace.styles.gram, stylespace.commands.transfer.transfer;"
    code += "from stylespace import gram, transfer; print(callable(gram), callable(transfer))"
    assert run(code) == ["True"] * 2


def test_the_package_alone_costs_no_torch():
    code = "import sys, stylespace; stylespace.StylespaceError; print('torch' in sys.modules)"
    assert run(code) == ["False"]


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = stylespace.nothing
