"""Scenes: season and light between photographs, scored against what should have come out."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.color import rgb2lab

from stylespace.assets import sample_path
from stylespace.errors import OutputError, StylespaceError
from stylespace.images import read_image, resize
from stylespace.studies import ground_truth
from stylespace.studies.alterations import ALTERATIONS
from stylespace.studies.ground_truth import COLOURS
from stylespace.studies.studies import study
from stylespace.synthesis.progress import Watching

BASE = {"size": 32, "iterations": [2], "weights": "random:0", "content_weight": 1.0}
WAYS = {"global": {}, "local 1": {"representation": "local", "window": ["1"]}}
TRIED = ground_truth.GroundTruth(["rocket"], WAYS, BASE)


def studied(file, folder=None):
    with Watching(quiet=True) as watching:
        return study(file, folder or file.parent / "out", watching=watching)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "season"
    with Watching(quiet=True) as watching:
        result = ground_truth.run_ground_truth(TRIED, folder, watching)
    return folder, result.table


def test_every_alteration_is_tried_in_every_way(made):
    folder, table = made
    assert len(table) == len(ALTERATIONS) * (2 + len(WAYS))
    for name in ALTERATIONS:
        assert {path.name for path in (folder / f"rocket-{name}").iterdir()} == {
            "style.png",
            "global.png",
            "local-1.png",
            "strip.jpg",
        }


def test_a_second_run_makes_nothing_anew(made, monkeypatch):
    folder, table = made

    def never(*_, **options):
        raise AssertionError("made again")

    monkeypatch.setattr("stylespace.commands.transfer.many.transferred", never)
    with Watching(quiet=True) as watching:
        again = ground_truth.run_ground_truth(TRIED, folder, watching)
    assert again.table.equals(table)


def test_the_style_is_the_truth_mirrored_whatever_it_depends_on(made):
    """What a way must find is in the style picture, each part in its mirrored place."""
    folder, _ = made
    content = resize(read_image(sample_path("rocket")), 32)
    for name, alter in ALTERATIONS.items():
        style = read_image(folder / f"rocket-{name}" / "style.png")
        assert (style.flip(3) - alter(content)).abs().max() < 1 / 255


def test_scenes_leave_folders_and_pictures_of_others_alone(made, tmp_path):
    (tmp_path / "README.md").write_text("my notes")
    with Watching(quiet=True) as watching:
        with pytest.raises(OutputError, match="--force"):
            ground_truth.run_ground_truth(TRIED, tmp_path, watching)
        copy = tmp_path / "copy"
        shutil.copytree(made[0], copy)
        larger = replace(TRIED, base={**BASE, "size": 48})
        with pytest.raises(OutputError, match="style.png"):
            ground_truth.run_ground_truth(larger, copy, watching)
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["README.md"]


@pytest.mark.parametrize("text", ["", "scenes = 3", "scene = ['rocket']", "scenes = ['rocket']"])
def test_files_that_hold_no_scenes(tmp_path, text):
    (tmp_path / "s.toml").write_text(text)
    for read in (ground_truth.ground_truth_of, studied):
        with pytest.raises(StylespaceError) as caught:
            read(tmp_path / "s.toml")
        assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_scores_are_those_of_another_library():
    torch.manual_seed(0)
    image, truth = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 20, 24)
    labs = [rgb2lab(one[0].permute(1, 2, 0).double().numpy()) for one in (image, truth)]
    expected = np.linalg.norm(labs[0] - labs[1], axis=2).mean()
    assert ground_truth.scores(image, truth)["colour_error"] == pytest.approx(expected, rel=1e-3)
    same = ground_truth.scores(truth, truth)
    assert same["colour_error"] == 0 and same["similarity"] == pytest.approx(1)


def test_the_sentences_name_the_smallest_mean(made):
    _, table = made
    said = ground_truth.nearest_ways(table)
    assert len(said) == len(ALTERATIONS)
    for sentence, name in zip(said, ALTERATIONS, strict=True):
        rows = [row for row in table.itertuples() if row.alteration == name]
        best = min(rows, key=lambda row: row.colour_error)
        assert (
            sentence.startswith(f"{name}, which") and f"{best.way} has the lowest mean" in sentence
        )
        assert math.isfinite(best.colour_error)


def errors(scenes, **errors_of):
    """A table of one alteration: colour errors of the ways, a list each, in the order of scenes."""
    ways = {"unchanged": [50.0] * scenes, **errors_of}
    return pd.DataFrame(
        {"scene": str(k), "alteration": "fog", "way": way, "colour_error": value}
        for way, values in ways.items()
        for k, value in enumerate(values)
    )


@pytest.mark.parametrize(
    ("scenes", "word", "p"),
    [(3, "is undecided", 0.25), (6, "is undecided", 2**-5), (7, "holds", 2**-6)],
)
def test_the_lowest_mean_is_shown_only_by_enough_scenes(scenes, word, p):
    """Two comparisons with colours alone, of one sign in every scene: p = 2 * 2^-n, times 2."""
    (said,) = ground_truth.nearest_ways(
        errors(scenes, **{COLOURS: [3.0] * scenes, "global": [2.0] * scenes})
    )
    start = "That global is nearer than colours alone"
    counts = f"it is in {scenes} of {scenes} scenes"
    assert f"{start} {word}: {counts} (p = {p:.3g}, {2 * p:.3g} for 2 comparisons)" in said
    assert "median gain 1 (" in said


def test_colours_alone_are_compared_with_the_best_of_the_others():
    """Its gain is theirs turned round: nearer in two of three scenes, by 1, 2 and -1."""
    (said,) = ground_truth.nearest_ways(
        errors(3, **{COLOURS: [2.0, 2.0, 2.0], "a": [3.0, 4.0, 1.0], "b": [9.0, 9.0, 9.0]})
    )
    assert "That colours alone is nearer than a is undecided: it is in 2 of 3" in said
    assert "median gain 1 (75 % interval -1 to 2)" in said


def test_the_committed_scenes_hold_settings_that_can_be():
    tried = ground_truth.ground_truth_of(
        Path(__file__).parents[2] / "probes" / "scenes" / "season.toml"
    )
    for scene in tried.scenes:
        assert sample_path(scene).is_file()
        for way in tried.ways:
            assert tried.settings(scene, way, Path("style.png")).content_weight == 1


def test_scenes_as_a_study(made, tmp_path, monkeypatch):
    folder, table = made
    file = tmp_path / "scenes.toml"
    file.write_text(
        'scenes = ["rocket"]\n[base]\nsize = 32\niterations = [2]\nweights = "random:0"\n'
        'content_weight = 1.0\n[ways.global]\n[ways."local 1"]\nrepresentation = "local"\n'
        'window = ["1"]\n'
    )
    page = (folder / "README.md").read_bytes()
    result = studied(file, folder)
    assert (folder / "README.md").read_bytes() == page
    assert result.table.equals(table) and not result.interrupted
    assert result.figures == {"results": len(table), "done": len(table)}
    assert result.recipe["scenes"] == ["rocket"] and "local 1" in result.recipe["ways"]
    assert result.outputs[0] == folder and all(path.exists() for path in result.outputs)
    for error in (StylespaceError("no such thing."), KeyboardInterrupt()):

        def fails(*_, error=error, **options):
            raise error

        monkeypatch.setattr("stylespace.studies.studies.run_ground_truth", fails)
        with pytest.raises(type(error)):
            studied(file, folder)


def test_interrupted_scenes_show_what_is_done_and_go_on(made, tmp_path, monkeypatch):
    begun = []

    def named(self, name):
        begun.append(name)

        def watch(step):
            if len(begun) == 4:
                raise KeyboardInterrupt

        return watch

    with monkeypatch.context() as patch, Watching(quiet=True) as watching:
        patch.setattr(Watching, "named", named)
        first = ground_truth.run_ground_truth(TRIED, tmp_path / "out", watching)
    assert first.interrupted and len(first.table) == first.figures["done"] == 4 + 3
    assert f"## rocket-{list(ALTERATIONS)[1]}" in (tmp_path / "out" / "README.md").read_text()
    with Watching(quiet=True) as watching:
        again = ground_truth.run_ground_truth(TRIED, tmp_path / "out", watching)
    assert not again.interrupted and again.table.equals(made[1])
