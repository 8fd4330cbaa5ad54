"""Recipes: every committed one is read, and runs at a size that a test can afford."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from stylespace.cli.outputs import planned
from stylespace.cli.table import COMMANDS
from stylespace.commands.recipes import input_hashes, plain_figures, read_origin
from stylespace.errors import UnreachedError
from stylespace.images import read_image, read_recipe, write_image
from stylespace.settings import (
    AtlasSettings,
    ProbeSettings,
    ReportSettings,
    read_toml,
    to_toml,
    toml_of,
)
from stylespace.settings.recipe import settings_from

REPOSITORY = Path(__file__).parents[2]
RECIPES = sorted((REPOSITORY / "probes").glob("*.toml"))


def test_there_are_recipes():
    assert len(RECIPES) >= 8


SAYS = ("command", "match", "representation", "autocorrelation")
"""Settings by which recipes differ in kind: one of each kind runs by default."""
LONG = ("report-paintings", "partial-auvers", "compare-fourier")
"""Recipes that take long even in small, of commands that other tests run."""


def each_kind_first(paths):
    """The paths as parameters, those after the first of their kind marked as slow."""
    seen = set()
    for path in paths:
        values = toml_of(path)
        kind = tuple(str(values.get(name)) for name in SAYS)
        slow = kind in seen or path.stem in LONG
        yield pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if slow else [])
        seen |= set() if slow else {kind}


@pytest.mark.parametrize("path", list(each_kind_first(RECIPES)))
@pytest.mark.usefixtures("cheap")
def test_a_committed_recipe_runs(path, tmp_path, monkeypatch):
    monkeypatch.setattr("stylespace.commands.texture.novelty.paintings", lambda: ("durer-lion",))
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


# --- recipes of version 0.1.0

EARLIER = sorted((REPOSITORY / "tests" / "golden" / "0.1.0").glob("*.png"))
"""Made by version 0.1.0 with one thread on a processor whose best instructions are AVX2."""


@pytest.mark.parametrize("silent", [False, True], ids=["as it is", "without a network"])
@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
@pytest.mark.usefixtures("one_thread")
def test_a_picture_of_version_0_1_0_is_made_again(path, silent, tmp_path):
    """To the same pixels; elsewhere, where sums are rounded otherwise, to nearly the same.

    With AVX-512 the probe, of 128 steps of Adam, was off by .17 of 255 on average, in .4 % of its
    values by more than 3, and by 10 at most; the other two by 1 at most.
    """
    copy, record = tmp_path / path.name, read_recipe(path)
    assert record["versions"]["stylespace"] == "0.1.0"
    if silent:
        del record["recipe"]["network"]
    write_image(copy, read_image(path), recipe=record)
    settings, origin = read_origin(copy)
    assert settings.network == "vgg16-hed"
    command = COMMANDS[settings.command]
    options = {"origin": origin, "figure": False, "quiet": True}
    command.run(settings, planned(command, settings, out=tmp_path / "again.png", **options))
    then, now = ((read_image(one) * 255).round() for one in (path, tmp_path / "again.png"))
    apart = (now - then).abs()
    if torch.backends.cpu.get_cpu_capability() == "AVX2":
        assert float(apart.max()) == 0
    assert float(apart.mean()) <= 0.5 and float((apart > 3).float().mean()) <= 0.01


@pytest.mark.parametrize("kind", ["probe", "texture", "transfer", "report"])
def test_a_recipe_file_of_version_0_1_0_has_its_defaults(kind, tmp_path):
    names = {"probe": "entry", "texture": "sources", "transfer": "styles", "report": "pictures"}
    text = f'command = "{kind}"\n{names[kind]} = ["1,2"]\n'
    text += 'content = "a"\n' if kind == "transfer" else ""
    found = []
    for version in ("", 'version = "0.1.0"\n', 'version = "0.2.0"\n'):
        (tmp_path / "r.toml").write_text(version + text)
        found.append(read_toml(tmp_path / "r.toml"))
    today, then, now = found
    assert today == now and (now.network, then.network) == ("vgg19-norm", "vgg16-hed")
    assert to_toml(now).startswith('version = "0.2.0"\n')
    if kind == "transfer":
        assert (now.parameters, then.parameters) == ("fourier-pixels", "pixels")
        assert now.detail > then.detail == 0
        assert list(now.content_layer_weights()) == ["conv3_2", "conv4_2"]
        assert then.content_layer_weights() == {"conv4_2": 1.0}
    if kind == "texture":
        assert (now.padding, then.padding) == ("auto", "zeros")
        assert (now.start, then.start) == ("spectrum", "colour")
        assert (then.smoothness(), then.schedule(2)) == (0.1, (200, 100))
    if kind == "probe":
        assert (now.parameters, then.parameters) == ("natural", "fourier")


def test_what_a_recipe_of_version_0_1_0_leaves_empty_is_at_its_default():
    recipe = {"command": "texture", "sources": ["a"], "match": "distribution", "iterations": [12]}
    then = settings_from({**recipe, "version": "0.1.0"})
    assert (then.start, then.smoothness(), then.iterations) == ("grey", 0.01, (12,))
    moved = {"command": "transfer", "content": "a", "styles": ["b"], "content_layers": []}
    assert settings_from(moved, "0.1.0").content_layers == ("conv4_2",)
    assert settings_from({**moved, "network": "alexnet"}, "0.1.0").content_layers == ("conv4",)
    assert settings_from(moved).content_layers == ()


def test_figures_that_json_cannot_hold_become_null():
    assert plain_figures({"a": 1.5, "b": math.inf, "c": math.nan}) == {
        "a": 1.5,
        "b": None,
        "c": None,
    }


def test_input_hashes_name_every_input_once(tmp_path):
    settings = read_toml(REPOSITORY / "probes" / "transfer-wave.toml")
    assert sorted(input_hashes(settings)) == ["sample:astronaut", "sample:hokusai-great-wave"]
