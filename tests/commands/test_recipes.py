"""Recipes: every committed one is read, and runs at a size that a test can afford."""

import dataclasses
import math
from pathlib import Path

import pytest

from stylespace.cli.outputs import planned
from stylespace.cli.table import COMMANDS
from stylespace.commands.recipes import input_hashes, plain_figures, read_origin
from stylespace.errors import UnreachedError
from stylespace.settings import AtlasSettings, ProbeSettings, ReportSettings, read_toml

REPOSITORY = Path(__file__).parents[2]
RECIPES = sorted((REPOSITORY / "probes").glob("*.toml"))


def test_there_are_recipes():
    assert len(RECIPES) >= 8


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_committed_recipe_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "probes").symlink_to(REPOSITORY / "probes")  # masks, named as in the root
    settings = read_toml(path)
    small = {"size": 32, "sizes": (), "iterations": (3,), "weights": "random:0"}
    if isinstance(settings, ProbeSettings):
        small["entry"] = settings.entry[:2]
    if isinstance(settings, AtlasSettings):
        small = {"size": 24, "iterations": 3, "weights": "random:0", "block": "0-1,0-2", "check": 0}
    if isinstance(settings, ReportSettings):
        small = {"size": 32, "weights": "random:0", "layers": ("conv1_1", "conv2_1")}
    settings = dataclasses.replace(settings, **small)
    command = COMMANDS[settings.command]
    output = planned(command, settings, quiet=True)
    try:
        result = command.run(settings, output)
    except UnreachedError as error:  # so few evaluations need not reach an entry
        assert "was not reached" in str(error) and not output.path.exists()
    else:
        assert result.code in (0, 1)
        assert all(one.exists() for one in result.outputs)


@pytest.mark.parametrize("path", sorted((REPOSITORY / "reports" / "gallery").glob("*.jpg")))
def test_a_gallery_picture_carries_the_recipe_of_its_name(path):
    assert read_origin(path)[0] == read_toml(REPOSITORY / "probes" / f"{path.stem}.toml")


def test_figures_that_json_cannot_hold_become_null():
    assert plain_figures({"a": 1.5, "b": math.inf, "c": math.nan}) == {
        "a": 1.5,
        "b": None,
        "c": None,
    }


def test_input_hashes_name_every_input_once(tmp_path):
    settings = read_toml(REPOSITORY / "probes" / "transfer-wave.toml")
    assert sorted(input_hashes(settings)) == ["sample:astronaut", "sample:hokusai-great-wave"]
