"""The Python functions as a user calls them: positions, keywords, kinds of values."""

import base64
import dataclasses
import functools
import inspect
import io
import json
import pydoc
import re

import numpy as np
import pytest
import torch
from PIL import Image

import stylespace as ss
from stylespace.assets import sample_path
from stylespace.cli.main import main
from stylespace.commands.keywords import settings_with
from stylespace.commands.recipes import read_origin, write_outcome
from stylespace.errors import (
    PictureError,
    StyleError,
    StylespaceError,
    UnreachedError,
    UsageError,
    in_python,
)
from stylespace.images import resize, write_image
from stylespace.networks.devices import known_precision
from stylespace.networks.loading import load_network
from stylespace.settings import COMMANDS, ProbeSettings, TextureSettings
from stylespace.synthesis.parameters import Free

AUTO = known_precision("auto", torch.device("cpu"))

SMALL = {"size": 32, "iterations": 3, "weights": "random:0", "layers": "conv1_1"}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    write_image(path, torch.rand(1, 3, 20, 32, generator=torch.Generator().manual_seed(1)))
    return path


@pytest.mark.parametrize("entry", [(3, 5), "3,5", [(3, 5), (7, 7)], ["3,5"]])
def test_an_entry_is_a_pair_or_a_text(entry):
    settings = settings_with(ProbeSettings, None, {"layer": "conv1_1", "entry": entry})
    several = len(entry) == 2 and isinstance(entry, list)
    expected = [("conv1_1", 3, 5), ("conv1_1", 7, 7)] if several else [("conv1_1", 3, 5)]
    assert list(settings.chosen()) == expected
    assert settings.first == ("conv1_1", 3, 5)
    assert settings.several == several


@pytest.mark.parametrize("entries", ["diagonal", ("diagonal",), ["diagonal", "0-1,0-1"]])
def test_a_choice_of_entries_is_a_text_or_several(entries):
    settings = settings_with(ProbeSettings, None, {"layer": "conv1_1", "entries": entries})
    expected = [("conv1_1", i, i) for i in range(64)]
    expected += [("conv1_1", 0, 1)] if isinstance(entries, list) else []
    assert list(settings.chosen()) == expected
    assert settings.several


def test_a_probe_takes_layer_and_entry_by_position():
    options = {"size": 32, "iterations": 20, "weights": "random:0", "parameters": "pixels"}
    try:
        outcome = ss.probe("conv1_1", (3, 3), **options)
    except UnreachedError as error:
        assert "value" in error.figures
    else:
        assert outcome.image.shape == (1, 3, 32, 32)


def test_texture_and_transfer_take_paths_by_position(photo):
    assert ss.texture(photo, **SMALL).image.shape == (1, 3, 20, 32)
    outcome = ss.transfer(photo, [photo, f"{photo}=0.5"], content_layers="conv1_2", **SMALL)
    assert outcome.image.shape == (1, 3, 20, 32)
    assert outcome.device == "cpu" and outcome.dtype == AUTO


def test_long_pictures_leave_out_the_scales_that_are_too_small(tmp_path):
    path = tmp_path / "long.png"
    write_image(path, torch.rand(1, 3, 20, 300))
    outcome = ss.texture(
        path, layers="conv4_1", size=300, source_size=300, iterations=3, weights="random:0"
    )
    assert {step.size for step in outcome.synthesis.steps} == {(10, 150), (20, 300)}
    with pytest.raises(UsageError, match="too small"):
        ss.texture(path, layers="conv4_1", size=300, sizes=(64, 300), weights="random:0")


def test_the_weights_of_terms_do_not_multiply_each_other(photo):
    def first(**weights):
        outcome = ss.transfer(
            photo, photo, init="noise", content_layers="conv1_2", **weights, **SMALL
        )
        return outcome.synthesis.steps[0].terms

    one, heavy = first(tv_weight=0.5), first(tv_weight=0.5, style_weight=10)
    assert heavy["total_variation"] == pytest.approx(one["total_variation"])
    assert heavy["gram.conv1_1"] == pytest.approx(10 * one["gram.conv1_1"])


def test_figures_are_never_measured_in_half_precision(photo):
    """A network that was loaded already judges itself, whatever the settings would have loaded."""
    half, full = (
        load_network(weights="random:3", precision=precision)
        for precision in ("bfloat16", "float32")
    )
    outcome = ss.texture(photo, network=half, tv_weight=0, padding="zeros", **SMALL)
    assert outcome.dtype == "bfloat16"
    g, a = (
        ss.gram(full(picture, "conv1_1")["conv1_1"])[0].double()
        for picture in (outcome.image, resize(ss.read_image(photo), 32))
    )
    distance = float((g - a).square().sum() / a.square().sum())
    assert outcome.figures["style_distance"] == pytest.approx(distance, rel=1e-5)
    assert outcome.figures["loss"] == pytest.approx(distance, rel=1e-4)


def test_the_loss_of_a_transfer_is_never_measured_in_half_precision(photo, tmp_path):
    half, full = (
        load_network(weights="random:3", precision=name) for name in ("bfloat16", "float32")
    )
    style = tmp_path / "style.png"
    write_image(style, torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(2)) ** 2)
    options = {"content_layers": "conv1_2", "content_weight": 0.5, "tv_weight": 0, **SMALL}
    outcome = ss.transfer(photo, style, network=half, **options)
    image, content, painting = (
        full(picture, ["conv1_1", "conv1_2"])
        for picture in (outcome.image, ss.read_image(photo), ss.read_image(style))
    )
    g, a = (ss.gram(seen["conv1_1"]) for seen in (image, painting))
    away, there = image["conv1_2"] - content["conv1_2"], content["conv1_2"]
    loss = (g - a).square().sum() / a.square().sum() + 0.5 * away.norm() ** 2 / there.norm() ** 2
    assert outcome.figures["loss"] == pytest.approx(float(loss), rel=5e-6)
    assert abs(outcome.synthesis.loss / float(loss) - 1) > 2e-5, "half precision is not seen here"


def test_a_network_takes_one_layer_by_name_and_weights_by_path(tmp_path):
    network = load_network("alexnet", weights="random:1", device="auto")
    assert network.device.type in ("cpu", "cuda", "mps")
    assert list(network(torch.rand(1, 3, 40, 50), "conv2")) == ["conv2"]
    with pytest.raises(ValueError, match="uint8"):
        network(torch.zeros(1, 3, 40, 50, dtype=torch.uint8), ["conv1"])
    with pytest.raises(StylespaceError, match="missing"):
        load_network("alexnet", weights=tmp_path / "none.pth")


def test_styles_compare_by_identity(photo):
    network = load_network(weights="random:0")
    style = ss.Style.capture(network, ss.read_image(photo), ["conv1_1"])
    assert style == style and style != ss.Style.blend([(style, 1)])


def test_synthesize_works_where_gradients_are_off_and_refuses_constants():
    start = torch.full((1, 3, 4, 5), 0.5)
    with torch.no_grad():
        result = ss.synthesize(lambda x: {"q": x.square().sum()}, start, steps=30)
    assert float(result.image.max()) < 1e-6
    with pytest.raises(UsageError, match="no terms"):
        ss.synthesize(lambda x: {}, start)
    with pytest.raises(UsageError, match="does not depend"):
        ss.synthesize(lambda x: {"q": torch.zeros(())}, start)
    with pytest.raises(StylespaceError, match="not finite at the start"):
        ss.synthesize(lambda x: {"q": (x - 0.5).square().sum().sqrt()}, start, parameters=Free())


# --- wrong arguments


PICTURE = np.random.default_rng(5).random((20, 32, 3), dtype="float32")
WRONG_OPTIONS = [
    ({"size": "64"}, "size='64': a whole number is needed, such as size=64."),
    ({"size": 64.5}, "size=64.5: a whole number is needed, such as size=64."),
    ({"size": True}, "size=True: a whole number is needed"),
    ({"size": 0}, "size=0 must be at least 1."),
    ({"seed": "x"}, "seed='x': a whole number is needed, such as seed=64."),
    ({"iterations": 2.5}, "iterations=2.5: a whole number"),
    ({"iterations": [3, "4"]}, "iterations='4': a whole number"),
    ({"tv_weight": "0.1"}, "tv_weight='0.1': a number is needed."),
    ({"seamless": 1}, "seamless=1: True or False is needed."),
    ({"sampler": 3}, "sampler=3: a text or a path is needed."),
    ({"layers": object()}, "layers is of type object: a text or a path is needed."),
    ({"sise": 64}, "unknown keyword 'sise'. Did you mean 'size'?"),
    ({"match": "sparsity", "sampler": "sorted"}, "sampler gives Gram matrices"),
    ({"sizes": (64, 16), "size": 32}, "sizes=(64, 16) must climb and end at size, which is 32."),
    ({"network": 5}, "network=5: a network (load_network makes one) or a text is needed."),
    ({"settings": {}}, "settings is of type dict: TextureSettings is needed."),
    ({"sources": np.zeros((4, 5, 3), "uint8")}, "sources: the picture holds uint8: divide it"),
    ({"sources": [(PICTURE, "1")]}, "sources: a picture is a path, an array, a tensor"),
    ({"sources": 5}, "sources: a picture is a path, an array, a tensor"),
    ({"weights": "random:x"}, "weights='random:x': the seed must be a whole number"),
]


@pytest.mark.parametrize(("options", "words"), WRONG_OPTIONS, ids=range(len(WRONG_OPTIONS)))
def test_a_wrong_option_is_one_line_in_the_words_of_python(options, words):
    with pytest.raises(StylespaceError, match=re.escape(words)) as caught:
        ss.texture(**{"sources": PICTURE, **SMALL, **options})
    assert "\n" not in str(caught.value) and "--" not in str(caught.value)


@pytest.mark.parametrize("entry", [5, (12,), (12, 40.5), (1, 2, 3), [(1, 2), 3], "5", None, {}])
def test_a_wrong_entry_says_how_one_is_written(entry):
    for door in (ss.probe, functools.partial(ss.edit, PICTURE)):
        with pytest.raises(UsageError, match=r"entry=?.*(\(12, 40\)|12,40)") as caught:
            door(layer="conv1_1", entry=entry)
        assert "--" not in str(caught.value)


@pytest.mark.parametrize("entry", [(3, 5), [3, 5], np.array([3, 5]), "3,5", [[3, 5]], ["3,5"]])
def test_a_pair_is_a_pair_whatever_holds_it(entry):
    settings = settings_with(ProbeSettings, None, {"layer": "conv1_1", "entry": entry})
    assert settings.chosen() == (("conv1_1", 3, 5),)


def test_numbers_of_numpy_are_numbers_of_a_recipe():
    changes = {"size": np.int64(64), "tv_weight": np.float32(0.5), "sizes": np.array([32, 64])}
    settings = settings_with(TextureSettings, None, {"sources": "a.png", **changes})
    assert json.dumps([settings.size, settings.tv_weight, settings.sizes]) == "[64, 0.5, [32, 64]]"
    assert settings_with(TextureSettings, settings, {"style_scale": 2}).style_scale == 2.0


FEATURES = torch.rand(1, 3, 4, 5)
WRONG_TYPES = [
    (lambda: ss.gram(FEATURES.numpy()), "features is of type ndarray: a torch tensor (torch.as_t"),
    (lambda: ss.mean(Image.new("RGB", (4, 4))), "features is of type Image: a torch tensor"),
    (lambda: ss.shifted_gram(FEATURES, "1"), "shift='1': a number is needed."),
    (lambda: ss.local_gram_distance(FEATURES, FEATURES, 1.5), "half_width=1.5: a whole number"),
    (lambda: ss.covariance_distance(*[FEATURES] * 3, 4), "Q=4: a torch tensor"),
    (
        lambda: ss.statistics("a.style.safetensors"),
        "a style (Style.capture or Style.load make one)",
    ),
    (lambda: ss.gram_distances("a", "b"), "style='a': a style"),
    (lambda: ss.Style.capture("vgg19", "a.png", ["conv1_1"]), "network='vgg19': a network (load_n"),
    (lambda: ss.Style.load(5), "path=5: a text or a path is needed."),
    (lambda: ss.read_image(5), "path=5: a text or a path is needed."),
    (lambda: ss.write_image("a.png", FEATURES[:, :3], force="no"), "force='no': True or False"),
    (lambda: ss.load_network(5), "name=5: a text is needed."),
    (lambda: ss.similar("a.png"), "name it with folder=FOLDER."),
]


@pytest.mark.parametrize(("call", "words"), WRONG_TYPES, ids=range(len(WRONG_TYPES)))
def test_an_argument_of_another_type_is_refused_by_name(call, words):
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_function_and_a_command_each_name_their_own_remedy(tmp_path, capsys):
    path, style = tmp_path / "a.png", tmp_path / "a.style.safetensors"
    ss.write_image(path, PICTURE)
    with pytest.raises(
        StylespaceError, match="add force=True to replace it, or choose another pat"
    ):
        ss.write_image(path, PICTURE)
    arguments = ["capture", str(path), "--out", str(style), "--weights", "random:0", "--size", "16"]
    assert main([*arguments, "--layers", "conv1_1", "--quiet"]) == 0
    with pytest.raises(StylespaceError, match="add force=True"):
        ss.Style.load(style).save(style)
    capsys.readouterr()
    assert main(["texture", str(path), "--out", str(path)]) == 1
    assert "--force to replace it, or choose another --out" in capsys.readouterr().err
    assert main(["capture", str(path), "--size", "1", "--weights", "random:0"]) == 2
    assert "larger --size" in capsys.readouterr().err
    with pytest.raises(UsageError, match="take a larger size or shallower layers"):
        ss.Style.capture(load_network(weights="random:0"), PICTURE[:1], "conv5_1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--force, or another --out.", "force=True, or another path."),
        ("--sizes 64,32 must end at --size.", "sizes=(64, 32) must end at size."),
        ("leave --keep out, or take --goal mixture.", "leave keep out, or take goal='mixture'."),
        ("--entries top:8 --from PAINTING", "entries='top:8' painting=PAINTING"),
        ("--block '0-3' is none: 0-15,0-15", "block='0-3' is none: 0-15,0-15"),
        ("--tv-weight 1e-05 or --goal energy: no", "tv_weight=1e-05 or goal='energy': no"),
        ("--init style needs a picture", "init style needs a picture"),
        ("a style-content -- dash", "a style-content -- dash"),
    ],
)  # fmt: skip
def test_options_are_said_as_keywords(text, said):
    assert in_python(text) == said


# --- pictures in memory


def test_a_picture_is_the_same_from_a_file_and_from_memory(tmp_path):
    levels = np.round(PICTURE * 255) / np.float32(255)
    write_image(tmp_path / "a.png", levels)
    pillow = Image.open(tmp_path / "a.png")
    first = torch.from_numpy(levels).permute(2, 0, 1)
    made = {
        str(type(one)): ss.transfer(one, [(one, 0.5)], content_layers="conv1_2", **SMALL).image
        for one in (str(tmp_path / "a.png"), levels, first, pillow)
    }
    made["4D"] = ss.texture(first[None], **SMALL).image
    assert torch.equal(made.pop("4D"), ss.texture(tmp_path / "a.png", **SMALL).image)
    expected, *others = made.values()
    assert len(others) == 3 and all(torch.equal(one, expected) for one in others)


def test_a_style_in_memory_is_a_style_file(tmp_path):
    network = load_network(weights="random:0")
    style = ss.Style.capture(network, PICTURE, ["conv1_1"])
    style.save(tmp_path / "a.style.safetensors")
    options = {**SMALL, "content_layers": "conv1_2"}
    one = ss.transfer(PICTURE, style, **options)
    other = ss.transfer(PICTURE, tmp_path / "a.style.safetensors", **options)
    assert torch.equal(one.image, other.image) and one.figures == other.figures
    with pytest.raises(StyleError, match="a style holds no picture"):
        ss.transfer(style, PICTURE, **options)
    with pytest.raises(UsageError, match="no style file"):
        ss.texture(style, sampler="sorted", **SMALL)
    assert ss.edit(PICTURE, "conv1_1", (3, 3), **SMALL).image.shape == (1, 3, 20, 32)
    started = ss.transfer(PICTURE, style, init=PICTURE[::-1], **options)
    assert started.settings.init.startswith("memory:")
    with pytest.raises(UsageError, match="mask is of type ndarray: a text or a path is needed"):
        ss.transfer(PICTURE, style, mask=PICTURE, **options)


def test_a_recipe_of_a_picture_in_memory_names_it_and_is_not_run_again(tmp_path, capsys):
    outcome = ss.texture([PICTURE, PICTURE[::-1]], **SMALL)
    names = outcome.settings.sources
    assert all(re.fullmatch("memory:[0-9a-f]{16}", name) for name in names) and len({*names}) == 2
    assert ss.texture(PICTURE, **SMALL).settings.sources == names[:1]
    path = tmp_path / "made.png"
    record = write_outcome(path, outcome)
    assert record["inputs"] == {} and record["recipe"]["sources"] == list(names)
    told = "was given in memory and is no file: save it, and name the file instead"
    with pytest.raises(PictureError, match=told):
        read_origin(path)
    with pytest.raises(PictureError, match=told):
        ss.texture(settings=outcome.settings)  # its picture is not kept alive
    assert main(["run", str(path), "--out", str(tmp_path / "b.png")]) == 1
    assert told in capsys.readouterr().err


def test_samples_are_read_by_name():
    assert torch.equal(
        ss.read_image("sample:gogh-auvers"), ss.read_image(sample_path("gogh-auvers"))
    )
    with pytest.raises(UsageError, match="unknown sample 'gogh'"):
        ss.read_image("sample:gogh")


def test_the_largest_entries_of_a_picture_in_memory():
    options = {"entries": "top:1", "size": 32, "iterations": 3, "weights": "random:0"}
    network = load_network(weights="random:0")
    style = ss.Style.capture(network, np.kron(PICTURE, np.ones((8, 8, 1))), "conv1_1")
    i, j = divmod(int(style.grams["conv1_1"].triu(1).argmax()), 64)
    try:
        found = ss.probe("conv1_1", painting=np.kron(PICTURE, np.ones((8, 8, 1))), **options)
        assert found.settings.entry == (f"{i},{j}",)
    except UnreachedError as error:
        assert f"conv1_1 {i},{j} was not reached" in str(error)
        assert "more iterations or another seed" in str(error) and error.figures["value"] > 0


def test_a_network_may_be_named():
    outcome = ss.texture(PICTURE, **{**SMALL, "layers": "conv1"}, network="alexnet")
    assert outcome.settings.network == "alexnet"


# --- what a notebook and help show


def test_an_outcome_is_a_line_a_picture_and_a_table():
    outcome = ss.texture(PICTURE, **SMALL)
    outcome = dataclasses.replace(outcome, figures={"a<b": 0.12345, "c": 2}, remarks=("x & y",))
    assert repr(outcome) == "<Outcome of texture: 32x20, a<b 0.1235, c 2>"
    picture = Image.open(io.BytesIO(outcome._repr_png_()))
    shown = torch.from_numpy(np.asarray(picture) / np.float32(255)).permute(2, 0, 1)
    assert torch.equal(shown[None], outcome.image)
    page = outcome._repr_html_()
    assert base64.b64encode(outcome._repr_png_()).decode() in page
    assert "<td>a&lt;b</td><td>0.1235</td>" in page and "x &amp; y" in page


@pytest.mark.parametrize(
    "name", ["probe", "edit", "texture", "transfer", "report", "similar", "score"]
)
def test_every_option_is_a_keyword_that_help_shows(name):
    door, kind = getattr(ss, name), COMMANDS[name]
    parameters = inspect.signature(door).parameters
    text = pydoc.plain(pydoc.render_doc(door))
    assert not any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for one in dataclasses.fields(kind):
        assert one.name in parameters and f"{one.name}: " in text
        if parameters[one.name].kind is inspect.Parameter.KEYWORD_ONLY and one.name != "network":
            assert parameters[one.name].default == one.default
    assert "--" not in text
