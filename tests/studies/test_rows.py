"""Rows of a study: keys that tell contents apart, judged by the pair's own style."""

from dataclasses import replace

import pytest
import torch
from tiny import seeded_picture

from stylespace.settings import TransferSettings
from stylespace.studies.plans import Pair, Run
from stylespace.studies.rows import _filters, key_of, scores

PAIR = Pair("sample:rocket", "sample:durer-lion", ({"circles": [[50, 50, 9]]},) * 2)
SETTINGS = TransferSettings(content=PAIR.content, styles=(PAIR.style,), size=48, sizes=(48,))
RUN = Run("part", "way", "pair", 0.1, 0, PAIR, SETTINGS)


def key(run=RUN, weights="w", **changes):
    return key_of(run, replace(SETTINGS, **changes), weights)


def test_a_key_is_of_the_content_and_not_of_the_name():
    assert key() == key(replace(RUN, part="other", way="b", pair="c"))
    others = [
        key(seed=1),
        key(iterations=(7,)),
        key(weights="v"),
        key(replace(RUN, crops=True)),
        key(replace(RUN, instead="colours")),
        key(replace(RUN, prepared="warped")),
        key(replace(RUN, pictures=replace(PAIR, masks=None))),
        key(styles=("sample:gogh-auvers",)),
    ]
    assert len({key(), *others}) == 1 + len(others)


def test_another_version_is_another_content(monkeypatch):
    before = key()
    monkeypatch.setattr("stylespace.studies.rows.version", lambda name: "9.9")
    assert key() != before


def test_a_file_that_was_made_is_known_by_what_it_holds(tmp_path):
    run = replace(RUN, prepared="cut:50")
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path in paths:
        path.write_bytes(b"the same")
    assert len({key(run, styles=(str(path),)) for path in paths}) == 1
    paths[1].write_bytes(b"another")
    assert len({key(run, styles=(str(path),)) for path in paths}) == 2


def test_filters_do_not_judge_themselves():
    assert _filters(SETTINGS) == "vgg19-norm"
    assert _filters(replace(SETTINGS, weights="random:0")) == ""
    assert _filters(replace(SETTINGS, network="alexnet", weights="x.safetensors")) == "alexnet-st"


def test_the_truth_is_no_distance_away():
    truth = seeded_picture(20, 30, dtype=torch.float32)
    assert scores(truth, truth) == {
        "truth_colours": pytest.approx(0, abs=1e-5),
        "truth_similarity": pytest.approx(1),
    }
    darker = scores(0.8 * truth, truth)
    assert darker["truth_colours"] > 2.3 and darker["truth_similarity"] < 1
