"""Settings: TOML there and back, refusals that name the setting, ladders and schedules."""

import dataclasses
import math
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from stylespace.assets import split_weight
from stylespace.commands.keywords import settings_with
from stylespace.errors import PictureError, UsageError
from stylespace.networks.catalogue import CATALOGUE
from stylespace.networks.network_entry import OWN
from stylespace.settings import (
    COMMANDS,
    CaptureSettings,
    EditSettings,
    ProbeSettings,
    ReportSettings,
    TextureSettings,
    TransferSettings,
    read_toml,
    recipe_of,
    settings_from,
    to_toml,
)
from stylespace.settings.fields import option_name
from stylespace.settings.recipe import SINCE

PLAIN = {
    ProbeSettings: {"entry": ("1,2",)},
    EditSettings: {"source": "a.png", "entry": "1,2"},
    TextureSettings: {"sources": ("a.png",)},
    TransferSettings: {"content": "c.png", "styles": ("a.png",)},
    CaptureSettings: {"sources": ("a.png",)},
}
FULL = {
    ProbeSettings: {
        "entry": ("1,2", "conv5_1:0,511"),
        "layer": "relu2_1",
        "sizes": (100, 200),
        "size": 200,
        "iterations": (7, 9),
        "selectivity": 0.25,
        "parameters": "pixels",
        "optimizer": "lbfgs",
        "network": "vgg19",
        "weights": "random:-3",
        "seed": 2**63 - 1,
    },
    EditSettings: {
        "source": "sample:gogh-auvers",
        "layer": "conv2_1",
        "entry": "7,0",
        "factor": 4.0,
        "init": "noise",
        "hold": 0.5,
        "layers": ("conv1_1", "conv4_1"),
        "sizes": (128, 256),
        "iterations": (5, 4),
    },
    TextureSettings: {
        "sources": ("sample:gogh-auvers=0.3", "a=b/c.png", 'Größe "x" \\ \'.png'),
        "layers": ("conv1_1=2", "conv4_1"),
        "style_scale": 1.5,
        "source_size": (300,),
        "mean_weight": 0.5,
        "tv_weight": 1e-3,
        "pooling": "max",
    },
    TransferSettings: {
        "content": "c.png",
        "styles": ("a.png=1e-3", "b.style.safetensors"),
        "content_layers": ("conv2_2=3", "relu4_2"),
        "content_weight": 2.0,
        "init": "noise",
        "padding": "reflect",
        "precision": "float64",
        "device": "cuda:1",
    },
    CaptureSettings: {"sources": ("a.png", "b.png=2"), "layers": ("all",), "network": "googlenet"},
}
CASES = [(kind, values) for table in (PLAIN, FULL) for kind, values in table.items()]


def refused(kind, **values):
    """The one-line message of settings that are not accepted."""
    with pytest.raises(UsageError) as caught:
        kind(**{**PLAIN[kind], **values})
    message = str(caught.value)
    assert "\n" not in message
    return message


# --- there and back


@pytest.mark.parametrize(("kind", "values"), CASES)
def test_toml_there_and_back(tmp_path, kind, values):
    settings = kind(**values)
    text = to_toml(settings)
    assert settings_from(tomllib.loads(text)) == settings
    (tmp_path / "r.toml").write_text(text, encoding="utf-8")
    assert read_toml(tmp_path / "r.toml") == settings
    assert tomllib.loads(text) == {"version": SINCE, **recipe_of(settings)}
    assert tomllib.loads(text)["command"] == kind.command
    assert to_toml(settings_from(tomllib.loads(text))) == text
    for name, value in values.items():
        assert getattr(settings, name) == value


@pytest.mark.parametrize("kind", PLAIN)
def test_a_recipe_holds_every_setting_that_is_set(kind):
    settings = kind(**PLAIN[kind])
    names = {one.name for one in dataclasses.fields(settings)}
    unset = {name for name in names if getattr(settings, name) is None}
    assert set(recipe_of(settings)) == names - unset | {"command"}
    assert COMMANDS[kind.command] is kind
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.seed = 1


def test_a_short_recipe_takes_the_defaults():
    found = settings_from({"command": "probe", "entry": "1,2", "selectivity": 1})
    assert found == ProbeSettings(entry=("1,2",), selectivity=1.0)
    assert type(found.selectivity) is float


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        ({}, "command"),
        ({"command": "prob"}, "Did you mean 'probe'"),
        ({"command": ["probe"]}, "command"),
        ({"entrys": ["1,2"]}, "Did you mean 'entry'"),
        ({"size": "128"}, "size"),
        ({"size": 128.0}, "size"),
        ({"size": True}, "size"),
        ({"seed": [1]}, "seed"),
        ({"iterations": [10, "20"]}, "iterations"),
        ({"iterations": [True]}, "iterations"),
        ({"selectivity": "much"}, "selectivity"),
        ({"selectivity": False}, "selectivity"),
        ({"network": 16}, "network"),
        ({"entry": [[1, 2]]}, "entry"),
    ],
)
def test_a_wrong_recipe_names_the_key(recipe, text):
    whole = {"command": "probe", "entry": ["1,2"], **recipe} if recipe else {}
    with pytest.raises(UsageError, match=text):
        settings_from(whole)


def test_a_file_that_is_no_recipe(tmp_path):
    path = tmp_path / "r.toml"
    with pytest.raises(PictureError, match="is missing"):
        read_toml(path)
    for content in (b"command = ", b"\xff\xfe", b"\x00", b"command"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match="r.toml' is not TOML"):
            read_toml(path)
    with pytest.raises(PictureError, match="cannot be read"):
        read_toml(tmp_path)


# --- every number by its name


def numbers():
    for kind in PLAIN:
        for one in dataclasses.fields(kind):
            if one.type.startswith(("int", "float")) or one.type == "tuple[int, ...]":
                yield kind, one


@pytest.mark.parametrize(
    ("kind", "one"), list(numbers()), ids=lambda x: getattr(x, "name", getattr(x, "command", ""))
)
def test_every_number_out_of_range_is_refused_by_name(kind, one):
    option, meta = one.name.replace("_", "-"), one.metadata
    bad = [-1, -1e-9, math.nan, math.inf, -math.inf]
    bad += [0] if meta["above"] == 0 or (meta["minimum"] or 0) > 0 else []
    bad += [meta["maximum"] + 1] if meta["maximum"] is not None else []
    assert meta["minimum"] is not None or meta["above"] is not None
    for value in bad:
        given = (value,) if one.type.startswith("tuple") else value
        message = refused(kind, **{one.name: given})
        assert option in message and str(value) in message


HEEDED = {"kernel": {"representation": "local"}}
"""Settings of a transfer that go with others."""


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, one.name)
        for kind in PLAIN
        for one in dataclasses.fields(kind)
        if one.metadata["choices"]
    ],
)
def test_every_choice_is_refused_with_the_known(kind, name):
    choices = next(one for one in dataclasses.fields(kind) if one.name == name).metadata["choices"]
    message = refused(kind, **{name: f"{choices[0]}x"})
    assert name.replace("_", "-") in message and f"Did you mean '{choices[0]}'?" in message
    assert ", ".join(choices) in message
    for choice in (one for one in choices if one != OWN):  # of networks that have it alone
        with_it = HEEDED.get(name, {}) if kind is TransferSettings else {}
        assert getattr(kind(**{**PLAIN[kind], **with_it, name: choice}), name) == choice


@pytest.mark.parametrize("weights", ["random:", "random:x", "random:1.5", "random:1e3"])
def test_bad_seeds_of_filters_are_refused(weights):
    assert weights in refused(ProbeSettings, weights=weights)


def test_an_unknown_network_is_answered_with_the_nearest():
    message = refused(CaptureSettings, network="vgg-19")
    assert "Did you mean 'vgg19'?" in message and ", ".join(CATALOGUE) in message


# --- layers and entries


@pytest.mark.parametrize("network", CATALOGUE)
def test_the_defaults_fit_every_network(network):
    names = [layer.name for layer in CATALOGUE[network].layers]
    style = CaptureSettings(sources=("a",), network=network).style_layers()
    content = TransferSettings(content="c", styles=("a",), network=network)
    assert set(style) <= set(names) and set(style.values()) == {1.0}
    assert list(style) == [name for name in names if name in style]
    layers = list(content.content_layer_weights())
    assert set(layers) <= set(names)
    if network.startswith("vgg"):
        assert list(style) == [f"conv{k}_1" for k in range(1, 6)]
        assert layers == ["conv3_2", "conv4_2"]


def test_layers_with_weights():
    found = CaptureSettings(sources=("a",), layers=("relu2_1=0.5", "conv1_1", "conv5_3=1e3"))
    assert found.style_layers() == {"conv2_1": 0.5, "conv1_1": 1.0, "conv5_3": 1000.0}
    every = CaptureSettings(sources=("a",), layers=("all=2",)).style_layers()
    assert every == {layer.name: 2.0 for layer in CATALOGUE["vgg19-norm"].layers}


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (("conv31",), "Did you mean 'conv3_1'"),
        (("conv1_1", ""), "unknown layer of vgg19-norm ''"),
        (("conv1_1", "relu1_1=2"), "conv1_1 is named twice"),
        (("all", "conv1_1"), "conv1_1 is named twice"),
        (("conv1_1=0",), "'conv1_1=0'"),
        (("conv1_1=-1",), "'conv1_1=-1'"),
        (("conv1_1=nan",), "'conv1_1=nan'"),
        (("conv1_1=inf",), "'conv1_1=inf'"),
        (("conv1_1=x",), "'conv1_1=x'"),
        (("conv1_1=",), "'conv1_1='"),
        (("conv1_1=1=2",), "'conv1_1=1=2'"),
    ],
)
def test_wrong_layers_are_named(layers, text):
    assert text in refused(TextureSettings, layers=layers)
    assert text in refused(TransferSettings, content_layers=layers)


def test_entries():
    settings = ProbeSettings(
        layer="conv2_1", entry=(" 1 , 2 ", "conv5_1:511,0", "relu1_1:3,3", "conv2_1:1,2")
    )
    expected = [("conv2_1", 1, 2), ("conv5_1", 511, 0), ("conv1_1", 3, 3)]
    assert list(settings.chosen()) == expected
    assert settings.first == expected[0] and settings.several
    one = ProbeSettings(layer="conv2_1", entry=("1,2", "relu2_1:1,2"))
    assert one.chosen() == (("conv2_1", 1, 2),) and not one.several


def test_an_entry_is_taken_in_every_layer_unless_it_names_its_own():
    settings = ProbeSettings(
        layer="conv2_1, relu1_1,conv2_1", entry=("1,2", "conv5_1:3,3"), entries=("0-1,5-5",)
    )
    assert settings.layers() == ("conv2_1", "conv1_1")
    assert sorted(settings.chosen()) == [
        *[("conv1_1", 0, 5), ("conv1_1", 1, 2), ("conv1_1", 1, 5)],
        *[("conv2_1", 0, 5), ("conv2_1", 1, 2), ("conv2_1", 1, 5)],
        ("conv5_1", 3, 3),
    ]
    assert settings.several


@pytest.mark.parametrize(
    "entry",
    [
        "12",
        "a,b",
        "",
        ",",
        "1,",
        "1;2",
        "1,2,3",
        "1.0,2",
        "١,٢",
        "1,2\n3",
        "conv3_1:",
        ":1,2",
        "1 2",
    ],
)
def test_malformed_entries_are_named(entry):
    message = refused(ProbeSettings, entry=("1,2", entry))
    assert repr(entry) in message and "12,40" in message


@pytest.mark.parametrize("entry", ["-1,3", "3,-1", "256,0", "0,256", "99999999999999999999,1"])
def test_entries_outside_their_layer_name_its_size(entry):
    message = refused(ProbeSettings, entry=(entry,))
    assert f"entry {entry} is outside conv3_1, which has 256 channels" in message
    assert "from 0 to 255" in message


def test_entries_of_an_unknown_layer_are_answered_with_the_nearest():
    assert "Did you mean 'conv3_1'" in refused(ProbeSettings, entry=("conv31:1,2",))
    assert "Did you mean 'conv3_1'" in refused(ProbeSettings, layer="conv31")
    assert "no entry" in refused(ProbeSettings, entry=())
    assert "Did you mean 'conv3_1'" in refused(ProbeSettings, layer="conv1_1,conv31")
    for nothing in ("", ",", " , "):
        assert "no layer" in refused(ProbeSettings, layer=nothing)
        assert "no layer" in refused(ProbeSettings, layer=nothing, entries=("diagonal",))


# --- sources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.png", ("a.png", 1.0)),
        ("a.png=0.3", ("a.png", 0.3)),
        ("sample:gogh-auvers=2", ("sample:gogh-auvers", 2.0)),
        ("a=b/c.png", ("a=b/c.png", 1.0)),
        ("a=b.png=1e-3", ("a=b.png", 1e-3)),
        ("=3", ("=3", 1.0)),
    ],
)
def test_a_source_with_its_weight(text, expected):
    assert split_weight(text) == expected


@pytest.mark.parametrize("text", ["a.png=0", "a.png=-1", "a.png=nan", "a.png=inf", "a.png=x"])
def test_a_wrong_weight_is_named(text):
    assert repr(text) in refused(TextureSettings, sources=("b.png", text))
    assert repr(text) in refused(TransferSettings, styles=(text,))
    assert repr(text) in refused(CaptureSettings, sources=(text,))


def test_a_name_that_exists_keeps_its_equals_sign(tmp_path):
    (tmp_path / "a=3").touch()
    assert split_weight(str(tmp_path / "a=3")) == (str(tmp_path / "a=3"), 1.0)


def test_sources_are_needed():
    assert "no style" in refused(TextureSettings, sources=())
    assert "no style" in refused(TransferSettings, styles=())
    assert "no content" in refused(TransferSettings, content="")


@pytest.mark.parametrize(
    ("options", "size", "side"),
    [
        ({"size": 400}, 400, 400),
        ({"size": 400}, 100, 100),
        ({"size": 400, "style_scale": 1.5}, 100, 150),
        ({"size": 400, "source_size": (200,)}, 400, 200),
        ({"size": 400, "source_size": (200,), "style_scale": 2}, 200, 200),
        ({"size": 400, "source_size": (1,)}, 100, 1),
    ],
)
def test_the_side_of_the_sources_at_a_scale(options, size, side):
    assert TextureSettings(sources=("a",), **options).source_side(size) == side


# --- ladders and schedules


@pytest.mark.parametrize("kind", [ProbeSettings, TextureSettings, TransferSettings])
@pytest.mark.parametrize("size", [1, 100, 191, 192, 255, 256, 257, 1000, 4096, 32768])
def test_a_ladder_climbs_and_its_schedule_adds_up(kind, size):
    shallow = {"layer": "conv1_1"} if kind is ProbeSettings else {}
    one = kind(**PLAIN[kind], size=size, iterations=(2000,), **shallow)
    pyramid = one.pyramid()
    assert pyramid[-1] == size
    assert all(b // 2 == a for a, b in zip(pyramid, pyramid[1:], strict=False))
    assert len(pyramid) == 1 or pyramid[0] >= kind.COARSEST
    assert pyramid[0] < 2 * kind.COARSEST
    for count in {len(pyramid), len(pyramid) + 1, 7 + len(pyramid), 50, 300, 1000}:
        schedule = dataclasses.replace(one, iterations=(count,)).schedule()
        assert sum(schedule) == count and min(schedule) >= 1 and len(schedule) == len(pyramid)
        if count >= 300:
            assert list(schedule) == sorted(schedule, reverse=True)


def test_ladders_and_schedules_that_are_given():
    one = TextureSettings(sources=("a",), size=300, sizes=(64, 200, 300), iterations=(30, 20, 10))
    assert one.pyramid() == (64, 200, 300) and one.schedule() == (30, 20, 10)
    assert TextureSettings(sources=("a",), size=300, sizes=(300,), iterations=(5,)).schedule() == (
        5,
    )


def test_fewer_evaluations_than_scales_leave_the_coarse_ones_out():
    one = TextureSettings(sources=("a",), size=512, iterations=(2,))
    assert one.pyramid() == (256, 512) and one.schedule() == (1, 1)
    assert TextureSettings(sources=("a",), size=512, iterations=(1,)).pyramid() == (512,)


def test_the_finest_scales_share_all_evaluations():
    one = TextureSettings(sources=("a",), size=512, iterations=(90,))
    assert len(one.schedule(2)) == 2 and sum(one.schedule(2)) == 90
    given = TextureSettings(sources=("a",), size=512, iterations=(50, 30, 10))
    assert given.schedule(2) == (30, 10)


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"sizes": (128, 256)}, ["sizes 128,256", "300"]),
        ({"sizes": (200, 128, 300)}, ["sizes 200,128,300"]),
        ({"sizes": (200, 200, 300)}, ["sizes 200,200,300"]),
        ({"iterations": (1, 2, 3)}, ["iterations 1,2,3", "2 scales 150,300"]),
        ({"sizes": (200, 300), "iterations": (1,)}, ["iterations 1", "2 scales"]),
        ({"sizes": (100, 200, 300), "iterations": (10, 5)}, ["iterations 10,5", "3 scales"]),
    ],
)
def test_wrong_ladders_are_named(options, texts):
    message = refused(TextureSettings, size=300, **options)
    assert all(text in message for text in texts), message


# --- no torch


def test_settings_need_no_torch():
    code = (
        "import sys, stylespace.settings as s;"
        "s.settings_from({'command': 'probe', 'entry': '1,2'});"
        "print(*sorted({'torch', 'numpy', 'torchvision', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "" == done.stderr


# --- what is no number


HUGE = 10**400


@pytest.mark.parametrize(("kind", "one"), list(numbers()), ids=lambda x: getattr(x, "name", ""))
def test_what_is_no_number_of_the_fields_kind_is_one_line(kind, one):
    """Complex numbers, texts, flags, None in a list, and 400 digits, of every number by name."""
    wrong = [1j, "3", True, HUGE, -HUGE, 10**5000]
    wrong += [1.5] if "int" in one.type else []
    for value in wrong:
        several = (value,) if one.type.startswith("tuple") else value
        with pytest.raises(UsageError, match="number") as caught:
            kind(**{one.name: several})
        message = str(caught.value)
        assert len(message) < 100 and option_name(one) in message


def test_numbers_of_numpy_are_numbers():
    settings = ReportSettings(pictures=("a.png",), size=np.int64(64))
    assert settings.size == 64
    with pytest.raises(UsageError, match="at most"):
        ReportSettings(pictures=("a.png",), size=np.int64(10**6))


@pytest.mark.parametrize("sources", [b"a.png", ["a.png", None], [b"a.png"]])
def test_what_names_no_file_is_refused_in_python(sources):
    with pytest.raises(PictureError, match="sources: a picture is a path.* not of type (bytes|N)"):
        settings_with(TextureSettings, None, {"sources": sources})
