"""Rows of a study: keys that tell contents apart, judged by the pair's own style."""

from dataclasses import replace

from stylespace.settings import TransferSettings
from stylespace.studies.plans import Pair, Run
from stylespace.studies.rows import _filters, key_of

PAIR = Pair("sample:rocket", "sample:durer-lion", ({"circles": [[50, 50, 9]]},) * 2)
SETTINGS = TransferSettings(content=PAIR.content, styles=(PAIR.style,), size=48, sizes=(48,))
RUN = Run("part", "way", "pair", 0.1, 0, PAIR, SETTINGS)


def key(run=RUN, weights="w", **changes):
    return key_of(replace(run, settings=replace(SETTINGS, **changes)), weights)


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


def test_what_was_prepared_is_known_by_what_it_was_made_from(tmp_path):
    run, picture = replace(RUN, prepared="cut:50"), tmp_path / "style.png"
    picture.write_bytes(b"one")
    before = key(run, styles=(str(picture),))
    assert before == key(run, styles=(str(picture),)) != key(styles=(str(picture),))
    assert before != key(replace(run, prepared="cut:90"), styles=(str(picture),))
    picture.write_bytes(b"another")
    assert before != key(run, styles=(str(picture),))


def test_filters_do_not_judge_themselves():
    assert _filters(SETTINGS) == "vgg19-norm"
    assert _filters(replace(SETTINGS, weights="random:0")) == ""
    assert _filters(replace(SETTINGS, network="alexnet", weights="x.safetensors")) == "alexnet-st"
