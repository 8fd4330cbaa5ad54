"""Scenes: season and light between photographs, scored against what should have come out."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from stylespace import scenes
from stylespace.alterations import ALTERATIONS
from stylespace.progress import Watching

BASE = {"size": 32, "iterations": (2,), "weights": "random:0", "content_weight": 1.0}
WAYS = {"global": {}, "local 1": {"representation": "local", "window": ("1",)}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes") / "season"
    with Watching(quiet=True) as watching:
        table = scenes.run(folder, watching, scenes=["rocket"], base=BASE, ways=WAYS)
    return folder, table


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

    def never(**options):
        raise AssertionError("made again")

    monkeypatch.setattr(scenes, "transfer", never)
    with Watching(quiet=True) as watching:
        again = scenes.run(folder, watching, scenes=["rocket"], base=BASE, ways=WAYS)
    assert again.equals(table)


def test_scores_are_those_of_another_library():
    torch.manual_seed(0)
    image, truth = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 20, 24)
    labs = [rgb2lab(one[0].permute(1, 2, 0).double().numpy()) for one in (image, truth)]
    expected = np.linalg.norm(labs[0] - labs[1], axis=2).mean()
    assert scenes.scores(image, truth)["colour_error"] == pytest.approx(expected, rel=1e-3)
    same = scenes.scores(truth, truth)
    assert same["colour_error"] == 0 and same["similarity"] == pytest.approx(1)


def test_the_sentences_name_the_smallest_mean(made):
    _, table = made
    said = scenes.sentences(table)
    assert len(said) == len(ALTERATIONS)
    for sentence, name in zip(said, ALTERATIONS, strict=True):
        rows = [row for row in table.itertuples() if row.alteration == name]
        best = min(rows, key=lambda row: row.colour_error)
        assert sentence.startswith(f"{name}, which") and f"{best.way} comes nearest" in sentence
        assert math.isfinite(best.colour_error)
