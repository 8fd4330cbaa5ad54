"""Help in groups, in the width and the colour of the terminal; tables in its width."""

import os
import re
import subprocess
import sys
from itertools import chain

import click
import pytest

from stylespace.cli.help import EVERYDAY, GROUPS
from stylespace.cli.main import commands
from stylespace.cli.printing import print_result, tabulated
from stylespace.commands.command import Result

LEAVES = {
    **{(name,): one for name, one in commands.commands.items() if name != "estimate"},
    **{("estimate", name): one for name, one in commands.commands["estimate"].commands.items()},
}


@pytest.fixture
def sections(call):
    """{heading: options under it, in order} of the help of a command, as a reader sees it."""

    def read(*names):
        found, heading = {}, None
        for line in call(*names, "--help").out.splitlines():
            if match := re.fullmatch(r"([A-Z][\w ]+):", line):
                heading = match[1]
            elif match := re.match(r"  (?:-\w, )?(--[a-z-]+)", line):
                found.setdefault(heading, []).append(match[1])
        return found

    return read


@pytest.mark.parametrize("names", LEAVES, ids=" ".join)
def test_every_option_is_in_one_group(sections, names):
    found = sections(*names)
    shown = [option for options in found.values() for option in options]
    own = [one.opts[0] for one in LEAVES[names].params if isinstance(one, click.Option)]
    assert sorted(shown) == sorted([*own, "--help"])
    assert list(found) == [group for group in GROUPS if group in found]


@pytest.mark.parametrize("names", LEAVES, ids=" ".join)
def test_the_everyday_options_come_first_and_are_few(sections, names):
    first, *_ = found = sections(*names)
    assert len(found.get(EVERYDAY, ())) <= 8
    assert first == EVERYDAY or names[-1] in ("networks", "samples")


def test_groups_share_no_option_and_name_none_that_is_gone():
    named = list(chain(*GROUPS.values()))
    assert len(set(named)) == len(named)
    own = {one.name for command in LEAVES.values() for one in command.params}
    assert set(named) - own == {"version", "help"}


def test_everyday_options_of_the_largest_commands(sections):
    assert sections("probe")[EVERYDAY] == [
        *("--layer", "--entry", "--entries", "--from", "--size", "--out")
    ]
    assert {"--keep", "--content-weight", "--size", "--out"} <= set(sections("transfer")[EVERYDAY])
    assert sections("transfer")["Colour"] == ["--colour", "--grey", "--alpha"]


@pytest.mark.parametrize("columns", [60, 80, 140])
@pytest.mark.parametrize("names", [(), ("transfer",), ("probe",), ("bench",)], ids=" ".join)
def test_help_fits_the_terminal_and_breaks_no_word(call, monkeypatch, columns, names):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = call(*names, "--help").out.split("Example")[0].splitlines()
    assert max(map(len, lines)) <= columns
    assert not any(re.search(r"\w-$", line) for line in lines)


@pytest.mark.parametrize("plain", ["", "1"])
def test_options_are_in_colour_on_a_terminal_that_has_it(plain):
    """On a pseudoterminal, through the program itself."""
    ours, its = os.openpty()
    environment = {**os.environ, "NO_COLOR": plain, "COLUMNS": "80"}
    line = [sys.executable, "-m", "stylespace", "networks", "--help"]
    subprocess.run(line, stdout=its, stderr=its, env=environment, timeout=60, check=True)
    os.close(its)
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert ("\x1b[36m--json\x1b[0m" in said) == (not plain)
    assert "--json" in said and ("\x1b" in said) == (not plain)


FIGURES = {
    f"{kind}.conv{block}_{k}": block + k / 7
    for kind in ("gram", "w1", "near_zero_diagonal_target")
    for block in range(1, 6)
    for k in range(1, 4)
}


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_figures_of_many_layers_fit_the_terminal(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    print_result(Result((), {"style_distance": 0.25, **FIGURES}, {}))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert out.count("gram ") == (1 if columns == 200 else out.count("w1 ")) and "conv5_3" in out
    numbers = re.findall(r"\d\.\d{3}\b", out)
    assert len(numbers) == len(FIGURES)


def test_neighbours_fit_the_terminal_and_lose_no_letter(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    name = "pictures/of-a-long-folder/with_a_name_without_end/" + "x" * 50 + ".jpg"
    layers = {f"conv{k}_1": 0.1 * k for k in range(1, 6)}
    table = tabulated([{"picture": name, "distance": 0.5, **layers}])
    assert max(map(len, table.splitlines())) <= 60
    first = "".join(line[:30].strip() for line in table.split("\n\n")[0].splitlines()[2:])
    assert first == name


def test_listings_fit_the_terminal(call, monkeypatch):
    for columns in (76, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert max(map(len, call("samples").out.splitlines())) <= columns
