"""Transfers as they are asked for: the settings, and the command in process."""

import importlib
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import RANDOM, SHALLOW, assert_refused, listing, picture_file, pressing
from PIL import Image
from slowly import first_of

from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import UsageError
from stylespace.images import read_image, read_recipe, resize_to
from stylespace.images.colour import colour_distance, in_gamut, lab, match_colours
from stylespace.images.reading import read_layers
from stylespace.losses.objective import evenness, total_variation
from stylespace.settings import TransferSettings

THREE = ("--layers", "conv1_1,conv2_1,conv3_1")
BRIEF = (*RANDOM, "--size", "32", "--iterations", "2", "--quiet")
RUN = ("transfer", "photo.png", "style.png", *BRIEF)


@pytest.fixture
def pictures(cheap):
    """A content of 40x30 and a style of 60x70 pixels in the current folder."""
    smooth("photo.png", 30, 40)
    smooth("style.png", 70, 60, seed=1)


def smooth(path, height, width, seed=0):
    """Write a picture of soft, pale blots: neither of one colour nor of very many."""
    generator = torch.Generator().manual_seed(seed)
    coarse = 0.3 + 0.4 * torch.rand(1, 3, 6, 7, generator=generator)
    values = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    Image.fromarray((255 * values[0]).byte().permute(1, 2, 0).numpy()).save(path)


def mask(path, height, width, rows=slice(None), columns=slice(None)):
    """Write a mask that is white in some rows and columns."""
    values = np.zeros((height, width), np.uint8)
    values[rows, columns] = 255
    Image.fromarray(values).save(path)


def settings(**options):
    return TransferSettings(content="photo.png", styles=("style.png",), **options)


@pytest.fixture
def terms(pictures, call):
    """Run a transfer and return {term: weighted value} of its first evaluation."""

    def run(*options):
        result = call(*RUN, *options, "--trace", "t.jsonl", "--force")
        assert result.code == 0, result.err
        return json.loads(Path("t.jsonl").read_text().splitlines()[0])["terms"]

    return run


def record(call, *options, out="x.png"):
    """Run a transfer; return what its picture carries, and what was said."""
    result = call(*RUN, *options, "--out", out, "--force")
    assert result.code == 0, result.err
    return read_recipe(out), result


@pytest.fixture
def refused(pictures, call):
    """A call that is refused in one line, with nothing written, and before it could be slow."""

    def run(code, words, *options, styles=("style.png",)):
        before = listing()
        result = call("transfer", "photo.png", *styles, *BRIEF, *options)
        assert_refused(result, code, *([words] if isinstance(words, str) else words))
        assert listing() == before

    return run


# ------------------------------------------------------------------------------------ partial


def names(found, kind):
    return {name.partition(".")[2] for name in found if name.startswith(f"{kind}.")}


@pytest.mark.parametrize(
    ("name", "count"), [("colours", 1), ("grain", 2), ("strokes", 3), ("shapes", 4)]
)
def test_names_stand_for_the_lowest_layers(name, count):
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    found = settings(keep=(name,))
    assert tuple(found.kept_layers()) == layers[:count]
    assert tuple(found.style_layers()) == layers[count:]


def test_keep_moves_layers_from_style_to_content(terms):
    none = terms(*THREE)
    assert names(none, "gram") == {"conv1_1", "conv2_1", "conv3_1"}
    assert names(none, "content") == {"conv3_2", "conv4_2"}
    five = terms("--keep", "conv1_1,relu2_1")
    assert names(five, "gram") == {"conv3_1", "conv4_1", "conv5_1"}
    assert names(five, "content") == {"conv1_1", "conv2_1", "conv3_2", "conv4_2"}
    assert five["content.conv1_1"] == 0  # the start is the content


def test_what_is_kept_adds_to_the_content_and_weakens_nothing(terms):
    start = ("--init", "noise", "--content-weight", "0.9")
    one = terms(*start)
    three = terms(*start, "--keep", "conv1_1,conv2_1=4")
    assert three["content.conv4_2"] == pytest.approx(one["content.conv4_2"], rel=1e-4)
    single = {
        name: terms(*start, "--content-layers", name)[f"content.{name}"]
        for name in ("conv1_1", "conv2_1")
    }
    assert three["content.conv1_1"] == pytest.approx(0.4 * single["conv1_1"], rel=1e-4)
    assert three["content.conv2_1"] == pytest.approx(4 * 0.4 * single["conv2_1"], rel=1e-4)
    two = terms(*start, "--content-layers", "conv1_1=3,conv2_1")
    assert two["content.conv1_1"] == pytest.approx(0.75 * single["conv1_1"], rel=1e-4)


def test_content_layers_with_geometric_weights_double_with_depth():
    layers = ("conv1_1", "conv4_2=2", "conv2_1")
    found = settings(content_layers=layers, weighting="geometric").content_layer_weights()
    assert found == pytest.approx({"conv1_1": 1 / 11, "conv2_1": 2 / 11, "conv4_2": 8 / 11})
    kept = settings(keep=("conv1_1", "conv3_1"), weighting="geometric").content_layer_weights()
    content = {"conv3_2": 1 / 3, "conv4_2": 2 / 3}
    assert kept == pytest.approx({"conv1_1": 0.8 / 12, "conv3_1": 1.6 / 12, **content})


def test_all_layers_but_some_can_be_styled(terms):
    found = terms("--layers", "all", "--keep", "conv1_1,conv1_2")
    assert names(found, "content") == {"conv1_1", "conv1_2", "conv3_2", "conv4_2"}
    assert len(names(found, "gram")) == 14 and not names(found, "gram") & {"conv1_1", "conv1_2"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*SHALLOW, "--keep", "relu1_2"), ["conv1_2", "--layers", "--keep"]),
        (("--keep", "conv1_1,conv2_1,conv3_1,conv4_1,conv5_1"), ["no style layer", "keep fewer"]),
        (("--layers", "all", "--keep", "all"), ["no style layer"]),
        (("--keep", "conv11"), ["'conv11'", "'conv1_1'"]),
        (("--keep", "conv1_1", "--content-weight", "0"), ["--keep", "--content-weight 0"]),
        (("--partitions", "--content-weight", "0"), ["--partitions", "--content-weight 0"]),
        (("--keep", "conv1_1", "--partitions"), ["--partitions", "leave --keep out"]),
        (("--partitions", "--source-size", "8,9"), ["--partitions", "one size"]),
    ],
)
def test_partial_transfers_that_cannot_be(refused, options, words):
    refused(2, words, *options)


# ------------------------------------------------------------------------- representations


PREFIXES = {
    "gram": "gram", "local": "local", "covariance": "content_covariance", "mean": "mean",
    "centred": "covariance", "shifted": "shifted", "chained": "chained", "sliced": "sliced",
}  # fmt: skip


@pytest.mark.parametrize("kind", PREFIXES)
def test_every_representation_runs_and_is_made_again_with_the_same_bytes(pictures, call, kind):
    options = ("--representation", kind, *SHALLOW)
    made, _ = record(call, *options, "--trace", "t.jsonl", out="a.png")
    found = json.loads(Path("t.jsonl").read_text().splitlines()[0])["terms"]
    ends = {"conv1_2.conv1_1"} if kind == "chained" else {"conv1_1", "conv1_2"}
    assert names(found, PREFIXES[kind]) == ends
    assert made["recipe"]["representation"] == kind
    assert ("copy_index" in made["figures"]) == (kind == "local")
    assert ("explained_energy" in made["figures"]) == (kind == "covariance")
    assert made["figures"]["colour_distance"] > 0
    again = call("run", "a.png", "--out", "b.png", "--quiet")
    assert again.code == 0, again.err
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize("kind", ["gram", "centred", "mean", "shifted"])
def test_blended_styles_and_style_files_do_for_moments(pictures, call, kind):
    assert call("capture", "style.png", *SHALLOW, *RANDOM, "--size", "32", "--quiet").code == 0
    options = ("--representation", kind, *SHALLOW)
    styles = ("style.png=2", "style.style.safetensors=0.5", "photo.png")
    result = call("transfer", "photo.png", *styles, *BRIEF, *options, "--json")
    assert result.code == 0, result.err
    assert result.json["recipe"]["styles"] == list(styles)
    file = call("transfer", "photo.png", styles[1], *BRIEF, *options, "--out", "f.png")
    picture = call("transfer", "photo.png", "style.png", *BRIEF, *options, "--out", "p.png")
    assert file.code == picture.code == 0
    assert torch.equal(read_image("f.png"), read_image("p.png"))


@pytest.mark.parametrize(
    "options",
    [
        ("--representation", "local"),
        ("--representation", "covariance"),
        ("--representation", "chained"),
        ("--representation", "sliced"),
        ("--auto-guides", "2"),
        ("--guide", "photo.png=style.png"),
        ("--colour", "match-before"),
        ("--colour", "match-style"),
        ("--partitions",),
    ],
)
def test_a_style_file_or_several_styles_where_one_picture_is_needed(refused, call, options):
    assert call("capture", "style.png", *SHALLOW, *RANDOM, "--size", "32", "--quiet").code == 0
    for styles in (("style.style.safetensors=2",), ("style.png", "photo.png=0.5")):
        refused(2, ["one picture", "single style picture"], *SHALLOW, *options, styles=styles)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--representation", "gramm"), ["'gramm'", "'gram'"]),
        (("--representation", "chained", "--layers", "conv1_1"), ["chained", "at least two"]),
        (("--representation", "covariance", "--responses", "pcb:3"), ["'pcb:3'", "pca:32"]),
        (("--representation", "covariance", "--responses", "pca:0"), ["'pca:0'"]),
        (("--representation", "covariance", "--responses", "pca"), ["'pca'"]),
        (("--representation", "covariance", "--responses", "pca:1٣"), ["'pca:1٣'"]),
        (("--window", "3"), ["--window", "local or covariance", "not with gram"]),
        (("--window", "0", "--representation", "mean"), ["--window", "not with mean"]),
        (("--stride", "2", "--representation", "covariance"), ["--stride", "local"]),
        (("--moment", "--representation", "local"), ["--moment", "covariance"]),
        (("--responses", "pca:8"), ["--responses", "covariance"]),
        (("--mask", "style.png"), ["--mask", "local", "not with gram"]),
        (("--kernel", "gaussian"), ["--kernel", "local or covariance", "not with gram"]),
        (("--representation", "local", "--style-scale", "2"), ["--style-scale", "own size"]),
        (("--representation", "local", "--source-size", "64"), ["--source-size", "own size"]),
        (("--weighting", "geometrical"), ["'geometrical'", "'geometric'"]),
    ],
)
def test_representations_that_cannot_be(refused, options, words):
    refused(2, words, *options)


def test_geometric_weights_halve_between_neighbours_and_multiply_those_given():
    every = settings(layers=("all",), weighting="geometric").style_layers()
    weights = [every[layer.name] for layer in settings().architecture]
    assert all(a == 2 * b for a, b in zip(weights, weights[1:], strict=False))
    assert weights[-1] == 1
    some = settings(layers=("conv4_1", "conv1_1=3"), weighting="geometric").style_layers()
    assert some == {"conv1_1": 6, "conv4_1": 1}
    kept = settings(keep=("conv1_1", "conv5_1"), weighting="geometric").style_layers()
    assert kept == {"conv2_1": 4, "conv3_1": 2, "conv4_1": 1}


# --------------------------------------------------------------------------------- windows


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((), (3, 3)),
        (("0",), (0, 0)),
        (("5", "conv1_1=2"), (2, 5)),
        (("relu1_2=1",), (3, 1)),
        (("conv1_1=0", "conv1_2=12"), (0, 12)),
    ],
)
def test_half_widths_for_all_layers_and_for_one(window, expected):
    local = settings(layers=("conv1_1", "conv1_2"), representation="local", window=window)
    assert tuple(local.half_widths().values()) == expected
    if not window:
        covariance = settings(layers=("conv1_1", "conv1_2"), representation="covariance")
        assert tuple(covariance.half_widths().values()) == (0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--window", "x"), ["'x'", "conv3_1=4"]),
        (("--window", "1.5"), ["'1.5'"]),
        (("--window", "-1"), ["'-1'"]),
        (("--window", "3,5"), ["3, 5", "one number"]),
        (("--window", "conv1_1="), ["'conv1_1='"]),
        (("--window", "=3"), ["''"]),
        (("--window", "conv11=3"), ["'conv11'", "'conv1_1'"]),
        (("--window", "conv2_1=3"), ["conv2_1", "no style layer"]),
        (("--window", "٣"), ["'٣'"]),
        (("--stride", "0"), ["--stride 0", "at least 1"]),
        (("--kernel", "gauss"), ["'gauss'", "gaussian"]),
    ],
)
def test_windows_that_cannot_be(refused, options, words):
    refused(2, words, "--representation", "local", "--layers", "conv1_1", *options)


def test_a_style_picture_smaller_than_a_window_is_refused(pictures, refused):
    smooth("tiny.png", 14, 20)
    options = ("--representation", "local", "--layers", "conv1_1,conv2_2", "--window", "5")
    words = ["20x14 pixels", "window of conv2_2, 22 pixels wide", "--window"]
    refused(2, words, *options, styles=("tiny.png",))


def test_a_window_larger_than_its_layer_is_said_and_kept_in_the_record(pictures, call):
    options = ("--representation", "local", *SHALLOW, "--window", "4,conv1_1=12")
    made, result = record(call, *options)
    assert "windows of conv1_1, 25 positions wide" in made["remark"]
    assert "32x24" in made["remark"]
    assert made["remark"] in " ".join(result.err.split())
    small, quiet = record(call, *options[:-1], "4")
    assert small["remark"] == "" and quiet.err == ""


def test_stride_and_kernel_change_the_result(pictures, call):
    options = ("--representation", "local", *SHALLOW, "--window", "2")
    ways = ((), ("--stride", "5"), ("--kernel", "gaussian"), ("--window", "1"))
    found = []
    for way in ways:
        record(call, *options, *way)
        found.append(read_image("x.png"))
    assert all(not torch.equal(found[0], other) for other in found[1:])


def test_a_mask_says_where_windows_count(pictures, call):
    """In the black half the content, which the transfer starts from, has nothing to move it."""
    mask("mask.png", 30, 40, columns=slice(0, 20))
    options = ("--representation", "local", "--layers", "conv1_1", "--window", "1", "--size", "40",
               "--content-layers", "conv1_1", "--tv-weight", "0", "--mask", "mask.png")  # fmt: skip
    made, result = record(call, *options)
    change = (read_image("x.png") - read_image("photo.png")).abs().amax((0, 1, 2))
    assert change[:20].min() > 4 / 255  # left of the border
    assert change[24:].max() < 1 / 255  # a window and a filter farther
    assert set(made["inputs"]) == {"photo.png", "style.png", "mask.png"} and result.err == ""
    mask("mask.png", 15, 20, rows=slice(0, 8))
    made, _ = record(call, *options)
    assert "mask 'mask.png' of 20x15 pixels was resized to 40x30" in made["remark"]


def test_a_copy_under_a_mask_is_told(pictures, call):
    """Most of the picture is the content's, and what lies under the mask is the style's."""
    mask("mask.png", 30, 40, rows=slice(0, 14), columns=slice(0, 18))
    options = ("--representation", "local", *SHALLOW, "--window", "0", "--content-layers",
               "conv3_1", "--tv-weight", "0", "--size", "40", "--iterations", "40",
               "--mask", "mask.png")  # fmt: skip
    made, _ = record(call, *options)
    assert made["figures"]["copy_index"] < 0.35 and "reconstructs" in made["remark"]


def test_a_small_result_is_refused_before_it_is_begun(refused):
    words = ["too small for conv5_1"]
    refused(2, words, "--representation", "local", "--size", "8")


def test_a_long_style_picture_is_cut_to_the_result_with_local_windows(pictures, call):
    smooth("long.png", 12, 90)
    result = call("transfer", "photo.png", "long.png", *BRIEF, "--representation", "local",
                  "--window", "1", "--layers", "conv1_1,conv4_1", "--out", "x.png")  # fmt: skip
    assert result.code == 0, result.err
    assert read_recipe("x.png")["figures"]["gram.conv4_1"] > 0


# --- scales


@pytest.fixture
def scaled(pictures, monkeypatch):
    """Run a transfer over 16 and 32 pixels that optimises nothing: (starts, objectives, scales)."""
    module = importlib.import_module("stylespace.commands.scales")

    def run(**options):
        seen = []

        def stand_in(objective_at, start, scales, *, enlarge, **_):
            seen.extend([start, scales, objective_at, enlarge])
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "coarse_to_fine", stand_in)
        options = {"size": 32, "sizes": (16, 32), "weights": "random:0", **options}
        options |= {"layers": ("conv1_1", "conv1_2"), "content_layers": ("conv2_1",)}
        with pytest.raises(KeyboardInterrupt):
            transfer(settings=settings(**options))
        return seen

    return run


def test_fourier_coordinates_come_before_the_last_scale(scaled):
    kinds = {
        "fourier-pixels": ["fourier", "pixels"],
        "pixels": ["pixels", "pixels"],
        "fourier": ["fourier", "fourier"],
    }
    for name, expected in kinds.items():
        _, scales, _, _ = scaled(parameters=name)
        assert [scale.parameters for scale in scales] == expected
        assert [(scale.height, scale.width) for scale in scales] == [(12, 16), (24, 32)]


def test_a_finer_scale_starts_with_the_contents_detail(scaled):
    """A picture that is the reduced content becomes the content itself; another keeps its own."""
    start, _, _, enlarge = scaled(detail=1.0)
    content = resize_to(read_image("photo.png"), 24, 32)
    torch.testing.assert_close(enlarge(start, 24, 32), content, atol=2e-3, rtol=0)
    grey = enlarge(torch.full((1, 3, 12, 16), 0.5), 24, 32)
    assert 0.001 < (grey - 0.5).abs().mean() < 0.05
    half = scaled(detail=0.5)[3](torch.full((1, 3, 12, 16), 0.5), 24, 32)
    torch.testing.assert_close(half - 0.5, (grey - 0.5) / 2)
    for options in ({"detail": 0.0}, {"init": "noise"}, {"init": "style"}):
        plain = scaled(**options)[3](start, 24, 32)
        torch.testing.assert_close(plain, resize_to(start, 24, 32))


def test_the_content_weighs_more_before_the_last_scale(scaled):
    picture = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    at = {layout: scaled(layout=layout)[2] for layout in (1.0, 2.5)}
    coarse = {layout: at[layout](12, 16)(picture)["content.conv2_1"] for layout in at}
    large = resize_to(picture, 24, 32)
    fine = {layout: at[layout](24, 32)(large)["content.conv2_1"] for layout in at}
    assert float(coarse[2.5] / coarse[1.0]) == pytest.approx(2.5)
    assert float(fine[2.5]) == pytest.approx(float(fine[1.0]))


def test_total_variation_counts_where_the_content_is_even(scaled):
    picture = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    values = {
        where: float(scaled(tv_where=where)[2](24, 32)(picture)["total_variation"])
        for where in ("even", "all")
    }
    assert values["all"] == pytest.approx(1.2 * float(total_variation(picture)))
    even = evenness(resize_to(read_image("photo.png"), 24, 32))
    assert values["even"] == pytest.approx(1.2 * float(total_variation(picture, even)), rel=1e-5)
    assert values["even"] < 0.9 * values["all"]


def test_python_calls_take_numbers_and_paths(pictures):
    mask("mask.png", 30, 40, columns=slice(0, 20))
    brief = {"weights": "random:0", "size": 32, "iterations": 1, "layers": "conv1_1",
             "content_layers": "conv1_1", "device": "cpu"}  # fmt: skip
    one = transfer("photo.png", "style.png", representation="local", window=2,
                   mask=Path("mask.png"), init=Path("style.png"), **brief)  # fmt: skip
    assert (one.settings.window, one.settings.mask, one.settings.init) == (
        ("2",), "mask.png", "style.png"
    )  # fmt: skip


def test_a_style_of_one_colour_and_fewer_responses_than_asked_are_said(pictures, call):
    Image.new("RGB", (50, 40), (90, 120, 200)).save("plain.png")
    result = call("transfer", "photo.png", "plain.png", *BRIEF, *SHALLOW, "--out", "x.png")
    assert result.code == 0 and "'plain.png' is of one colour" in " ".join(result.err.split())
    made, _ = record(call, *SHALLOW, "--representation", "covariance", "--responses", "pca:900")
    assert "content responses, not 900" in made["remark"]


@pytest.fixture
def colourless(pictures):
    """Beside photo.png and style.png, both in grey and both in one colour."""
    for name in ("photo", "style"):
        with Image.open(f"{name}.png") as picture:
            picture.convert("L").save(f"{name}-grey.png")
            Image.new("RGB", picture.size, (90, 120, 200)).save(f"{name}-flat.png")


def colours_in(path):
    image = read_image(path)
    return float((image.amax(1) - image.amin(1)).mean())


@pytest.mark.parametrize("init", ["content", "noise", "style"])
def test_a_grey_style_makes_a_grey_picture(colourless, call, init):
    result = call("transfer", "photo.png", "style-grey.png", *BRIEF, *SHALLOW, "--init", init,
                  "--out", "x.png")  # fmt: skip
    assert result.code == 0 and colours_in("x.png") == 0
    assert (
        read_recipe("x.png")["remark"].count("'style-grey.png' is grey, and so is the result") == 1
    )
    assert call("run", "x.png", "--out", "y.png").code == 0
    assert Path("y.png").read_bytes() == Path("x.png").read_bytes()
    call("transfer", "photo.png", "style-grey.png", *BRIEF, *SHALLOW, "--init", init,
         "--grey", "never", "--out", "z.png")  # fmt: skip
    assert " is grey" not in read_recipe("z.png")["remark"]
    if init != "style":  # two evaluations hardly leave a start without colours
        assert colours_in("z.png") > 0.02


def test_a_grey_content_takes_the_colours_of_a_style(colourless, call):
    result = call("transfer", "photo-grey.png", "style.png", *BRIEF, *SHALLOW, "--out", "x.png")
    assert result.code == 0 and colours_in("x.png") > 0.01
    assert "is grey" not in read_recipe("x.png")["remark"]


@pytest.mark.parametrize(
    ("colour", "content", "style", "said"),
    [
        ("luminance", "photo-grey", "style", "'photo-grey.png' is grey, and so is what takes its"),
        ("luminance", "photo-flat", "style", "'photo-flat.png' is of one colour, and so is what"),
        ("luminance", "photo", "style-grey", None),
        ("match-before", "photo-flat", "style", "'photo-flat.png' is of one colour, and so is"),
        ("match-before", "photo-grey", "style", "'photo-grey.png' is grey, and so is what takes"),
        ("match-before", "photo", "style-grey", "'style-grey.png' is grey: matching moves"),
        ("match-after", "photo-grey", "style", "'photo-grey.png' is grey, and so is what takes"),
        ("match-after", "photo", "style-grey", "'style-grey.png' is grey: matching moves its"),
        ("match-style", "photo", "style-flat", "'style-flat.png' is of one colour, and so is"),
        ("match-style", "photo-flat", "style", "'photo-flat.png' is of one colour: matching"),
        ("match-style", "photo", "style", None),
    ],
)
def test_pictures_without_colours_are_named_where_colours_are_asked_for(
    colourless, call, colour, content, style, said
):
    result = call("transfer", f"{content}.png", f"{style}.png", *BRIEF, *SHALLOW,
                  "--colour", colour, "--out", "x.png")  # fmt: skip
    assert result.code == 0, result.err
    remark = read_recipe("x.png")["remark"]
    assert f"--colour {colour}: {said}" in remark if said else "--colour" not in remark
    if colour == "match-before" and content == "photo-flat":
        assert "'style.png' with the colours of 'photo-flat.png' is of one colour" in remark
        assert "'style.png' is of one colour" not in remark


def test_masks_that_cannot_be_say_so(refused):
    local = ("--representation", "local", "--layers", "conv1_1")
    refused(1, ["'no.png'", "no such file"], *local, "--mask", "no.png")
    mask("black.png", 30, 40, rows=slice(0))
    refused(1, ["'black.png'", "black all over"], *local, "--mask", "black.png")
    mask("dot.png", 30, 40, rows=slice(0, 1), columns=slice(0, 1))
    words = ["mask for conv1_1 weighs no window", "smaller stride"]
    refused(2, words, *local, "--mask", "dot.png", "--stride", "30")


def test_windows_of_one_position_copy_the_style_picture_and_the_command_says_so(pictures, call):
    options = ("--representation", "local", *SHALLOW, "--window", "0", "--content-weight", "0",
               "--tv-weight", "0", "--iterations", "40")  # fmt: skip
    made, result = record(call, *options)
    assert made["figures"]["copy_index"] < 0.35
    assert "reconstructs the style picture" in made["remark"]
    assert "copy index" in result.err and "larger windows" in result.err
    style = torch.nn.functional.interpolate(
        read_image("style.png"), (37, 32), mode="bicubic", antialias=True
    )[..., 6:30, :]  # 60x70 covers 32x24 at 32x37, of which the middle is seen
    result, start = read_image("x.png"), torch.nn.functional.interpolate(
        read_image("photo.png"), (24, 32), mode="bicubic", antialias=True
    )  # fmt: skip
    assert (result - style).norm() < 0.35 * (start - style).norm()
    whole, _ = record(call, "--representation", "gram", *SHALLOW)
    assert "copy_index" not in whole["figures"]


@pytest.mark.parametrize("index", [0.1, 0.5, 0.9])
def test_the_copy_index_is_told_in_words_by_its_size(pictures, call, monkeypatch, index):
    module = importlib.import_module("stylespace.losses.representations.local")
    monkeypatch.setattr(module, "copy_indices", lambda *_, **__: {"together": index})
    made, _ = record(call, "--representation", "local", *SHALLOW, "--window", "1")
    assert made["figures"]["copy_index"] == index
    expected = {0.1: "reconstructs the style", 0.5: "largely follows the style", 0.9: ""}[index]
    assert expected in made["remark"] and bool(made["remark"]) == bool(expected)


def test_a_content_that_is_the_style_has_no_copy_index(pictures, call):
    result = call("transfer", "photo.png", "photo.png", *BRIEF, "--representation", "local",
                  *SHALLOW, "--window", "1", "--json")  # fmt: skip
    assert result.code == 0, result.err
    assert "copy_index" not in result.json["figures"]


@pytest.mark.parametrize("start", ["style", "noise", "style.png"])
def test_local_style_from_other_starts(pictures, call, start):
    made, _ = record(call, "--representation", "local", *SHALLOW, "--window", "1", "--init", start)
    assert made["figures"]["copy_index"] > 0
    assert read_image("x.png").shape == (1, 3, 24, 32)


# ----------------------------------------------------------------------------------- guides


@pytest.fixture
def drawn(pictures):
    """Left and right of the content, upper and lower of the style."""
    mask("left.png", 30, 40, columns=slice(0, 20))
    mask("right.png", 30, 40, columns=slice(20, 40))
    mask("upper.png", 70, 60, rows=slice(0, 30))
    mask("lower.png", 70, 60, rows=slice(30, 70))


PAIRS = ("--guide", "left.png=upper.png", "--guide", "right.png=lower.png")


def test_guides_are_read_hashed_drawn_and_made_again(drawn, call):
    made, _ = record(call, *PAIRS, *SHALLOW, out="a.png")
    assert made["recipe"]["guide"] == ["left.png=upper.png", "right.png=lower.png"]
    files = {"photo.png", "style.png", "left.png", "right.png", "upper.png", "lower.png"}
    assert set(made["inputs"]) == files
    assert made["remark"] == ""
    with Image.open("a-figure.png") as figure:
        assert figure.format == "PNG" and figure.width > 800
    again = call("run", "a.png", "--out", "b.png", "--quiet")
    assert again.paths == ["b.png", "b-figure.png"]
    for end in (".png", "-figure.png"):
        assert Path(f"a{end}").read_bytes() == Path(f"b{end}").read_bytes()
    mask("lower.png", 70, 60, rows=slice(50, 70))
    assert_refused(call("run", "a.png", "--out", "c.png"), 1, "'lower.png' is not the file")


def test_which_mask_guides_which_matters(drawn, call):
    """Exchanged style masks are another picture; the same pairs in another order are the same."""
    ways = {
        "a": PAIRS,
        "b": (*PAIRS[2:], *PAIRS[:2]),
        "c": ("--guide", "left.png=lower.png", "--guide", "right.png=upper.png"),
    }
    for name, way in ways.items():
        record(call, *way, *SHALLOW, out=f"{name}.png")
    a, b, c = (read_image(f"{name}.png") for name in ways)
    assert float((a - b).abs().max()) <= 1.01 / 255
    assert float((a - c).abs().max()) > 3 / 255


def test_masks_of_another_size_and_regions_without_area_are_said(drawn, call):
    mask("small.png", 15, 20, columns=slice(0, 10))
    mask("dot.png", 30, 40, rows=slice(0, 1), columns=slice(0, 1))
    options = ("--guide", "small.png=upper.png", *SHALLOW)
    made, result = record(call, *options)
    assert "'small.png' of 20x15 pixels was resized to 40x30" in made["remark"]
    assert "stretch" not in made["remark"]
    assert "small.png" in result.err
    assert settings(guide=("a.png=b.png",)).inputs()[-2:] == ("a.png", "b.png")


@pytest.mark.parametrize(
    ("code", "guide", "words"),
    [
        (2, "left.png", ["'left.png'", "CONTENT.png=STYLE.png"]),
        (2, "left.png=", ["'left.png='"]),
        (2, "=upper.png", ["'=upper.png'"]),
        (2, "a=b=c", ["'a=b=c'"]),
        (2, "", ["''"]),
        (1, "left.png=uper.png", ["'uper.png'", "no such file", "'upper.png'"]),
        (1, "gone.png=upper.png", ["'gone.png'", "no such file"]),
        (2, "left.png=sample:durer", ["'durer'", "'durer-lion'"]),
        (1, "black.png=upper.png", ["'black.png'", "black all over"]),
        (1, "left.png=black.png", ["'black.png'", "black all over"]),
        (1, "text.png=upper.png", ["'text.png'", "not a picture"]),
    ],
)
def test_guides_that_cannot_be(drawn, refused, code, guide, words):
    mask("black.png", 30, 40, rows=slice(0, 0))
    Path("text.png").write_text("a poem\n")
    refused(code, words, *SHALLOW, "--guide", guide)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((*PAIRS, "--representation", "local"), ["--representation gram", "local"]),
        (("--auto-guides", "2", "--representation", "mean"), ["--representation gram", "mean"]),
        ((*PAIRS, "--auto-guides", "2"), ["--guide and --auto-guides"]),
        (("--auto-guides", "13"), ["--auto-guides 13", "at most 12"]),
        (("--auto-guides", "-1"), ["--auto-guides -1", "at least 0"]),
    ],
)
def test_guides_that_do_not_go_together(drawn, refused, options, words):
    refused(2, words, *options)


def test_more_guides_than_memory_allows_are_refused_with_the_figure(drawn, refused, monkeypatch):
    monkeypatch.setattr("stylespace.losses.guides.terms.available", lambda device: 2**20)
    words = ["4 guides at 32x24 pixels", "GiB", "fewer guides"]
    refused(1, words, *SHALLOW, *PAIRS, *PAIRS)


def test_automatic_guides_are_shown_beside_the_picture_and_partnerless_ones_named(pictures, call):
    # An even grey style holds nothing of the kind that the content's regions are of.
    Image.new("RGB", (60, 70), (128, 128, 128)).save("grey.png")
    options = ("--auto-guides", "3", *SHALLOW)
    result = call("transfer", "photo.png", "grey.png", *BRIEF, *options, "--json")
    assert result.code == 0, result.err
    made = result.json
    assert made["outputs"] == ["transfer-photo-grey.png", "transfer-photo-grey-figure.png"]
    carried = read_recipe("transfer-photo-grey.png")["remark"]
    unmatched = re.findall(r"region (\d) \(\d+% of the content[^)]*\) has no partner", carried)
    assert unmatched and "takes after the whole style" in carried
    with Image.open("transfer-photo-grey-figure.png") as figure:
        assert figure.format == "PNG" and figure.width > 800
    same = call("transfer", "photo.png", "photo.png", *BRIEF, *options, "--json", "--out", "s.png")
    assert same.code == 0 and "no partner" not in read_recipe("s.png")["remark"]
    plain = call("transfer", "photo.png", "grey.png", *BRIEF, *options, "--no-figure")
    assert plain.paths == ["transfer-photo-grey-2.png"]


def test_a_guided_figure_that_is_there_is_never_overwritten(drawn, refused):
    Path("x-figure.png").write_bytes(b"mine")
    refused(1, "'x-figure.png': the file exists already", *PAIRS, *SHALLOW, "--out", "x.png")


# ----------------------------------------------------------------------------------- colour


def test_luminance_keeps_the_contents_colours(pictures, call):
    record(call, *SHALLOW, out="plain.png")
    record(call, *SHALLOW, "--colour", "luminance", out="x.png")
    content = torch.nn.functional.interpolate(
        read_image("photo.png"), (24, 32), mode="bicubic", antialias=True
    ).clamp(0, 1)
    found, plain, wanted = (
        lab(one.double()) for one in (read_image("x.png"), read_image("plain.png"), content)
    )
    mixed = torch.cat([plain[:, :1], wanted[:, 1:]], 1)
    shown = lab(in_gamut(mixed))
    inside = ((shown - mixed).abs() < 1e-3).all(1)
    assert float(inside.double().mean()) > 0.3
    assert float((found - mixed).abs().amax(1)[inside].max()) < 2  # 8 bits a channel
    assert float((found[:, :1] - plain[:, :1]).abs().max()) < 1
    assert float((plain[:, 1:] - wanted[:, 1:]).abs().mean()) > 1


def moments(picture):
    colours = picture[0].double().flatten(1).numpy()
    return colours.mean(1), np.cov(colours, bias=True)


def test_matching_afterwards_gives_the_contents_mean_and_covariance(pictures, call):
    rng = np.random.default_rng(0)
    soft = rng.integers(90, 160, (24, 32, 3), dtype=np.uint8)  # far from both ends: no clipping
    Image.fromarray(soft).save("photo.png")
    record(call, *SHALLOW, "--init", "noise", "--colour", "match-after")
    (mean, spread), (goal, goal_spread) = (
        moments(read_image(name)) for name in ("x.png", "photo.png")
    )
    np.testing.assert_allclose(mean, goal, atol=1e-3)
    np.testing.assert_allclose(spread, goal_spread, atol=3e-4)
    assert np.abs(goal_spread).max() > 3e-3
    record(call, *SHALLOW, "--init", "noise", out="plain.png")
    assert np.abs(moments(read_image("plain.png"))[1] - goal_spread).max() > 1e-3


def test_matching_before_changes_the_target_and_not_the_content(terms):
    plain, before, after = (
        terms(*SHALLOW, "--colour", colour) for colour in ("style", "match-before", "match-after")
    )
    assert after == plain
    assert before["content.conv4_2"] == plain["content.conv4_2"] == 0
    assert before["gram.conv1_1"] < 0.9 * plain["gram.conv1_1"]


@pytest.mark.parametrize(
    "options",
    first_of(
        [
            ("--auto-guides", "2"),
            ("--keep", "conv2_1", "--layers", "conv1_1,conv1_2"),
            ("--representation", "local", "--window", "1"),
            ("--representation", "covariance", "--responses", "kmeans:3"),
            ("--representation", "chained"),
            ("--representation", "mean"),
        ],
        2,
    ),
)
def test_colours_go_with_everything_else(pictures, call, options):
    found = []
    for colour in ("style", "luminance", "match-before", "match-after", "match-style"):
        made, _ = record(call, *SHALLOW, *options, "--colour", colour)
        assert made["recipe"]["colour"] == colour
        found.append(read_image("x.png"))
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(found, 2))


def test_match_style_starts_from_the_content_in_the_styles_colours_and_keeps_it(pictures, call):
    """With no style at all nothing moves: the result is the content, its colours matched."""
    made, _ = record(call, *SHALLOW, "--style-weight", "0", "--tv-weight", "0", "--content-layers",
                     "conv1_1", "--size", "40", "--colour", "match-style")  # fmt: skip
    image, content, style = (read_image(name) for name in ("x.png", "photo.png", "style.png"))
    expected = match_colours(content, style).clamp(0, 1)
    assert (image - expected).abs().max() < 1.5 / 255
    assert made["figures"]["colour_distance"] == pytest.approx(colour_distance(image, content))
    assert made["figures"]["colour_distance"] > 1  # of the content as it was given


# ------------------------------------------------------------------------------- partitions


PARTITIONS = (*RUN, *THREE, "--partitions")
FOLDER = Path("transfer-photo-style-partitions")


@pytest.fixture
def unjudged(monkeypatch):
    """Judges that take no time."""

    class Judges:
        sentence = "Made and judged."

        def __init__(self, network):
            pass

        def figures(self, image, content, style):
            return {"similarity": 0.5}

    monkeypatch.setattr("stylespace.commands.transfer.partitions.Judges", Judges)


def test_partitions_make_a_picture_each_a_strip_and_a_table_and_are_gone_on_with(pictures, call):
    first = call(*PARTITIONS, "--json")
    assert first.code == 0, first.err
    assert first.json["figures"] == {"partitions": 3, "done": 3}
    made = [f"{FOLDER}/0{number}.png" for number in (1, 2, 3)]
    assert first.json["outputs"] == [str(FOLDER), f"{FOLDER}/strip.jpg", *made]
    assert sorted(path.name for path in FOLDER.iterdir()) == [
        "01.png", "02.png", "03.png", "README.md", "recipe.toml", "results.json", "strip.jpg",
        "table.csv",
    ]  # fmt: skip
    recipes = [read_recipe(path)["recipe"] for path in made]
    assert [one["keep"] for one in recipes] == [[], ["conv1_1"], ["conv1_1", "conv2_1"]]
    assert [len(one["layers"]) for one in recipes] == [3, 2, 1]
    assert not any(one["partitions"] for one in recipes)
    before = {path: path.stat().st_mtime_ns for path in map(Path, made)}
    bytes_before = listing()
    again = call(*PARTITIONS, "--json")
    assert again.json["outputs"] == first.json["outputs"]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert listing() == bytes_before
    from_recipe = call("run", FOLDER / "recipe.toml", "--quiet")
    assert from_recipe.code == 0 and listing() == bytes_before


def test_a_picture_of_a_partition_is_made_again_by_itself(pictures, unjudged, call):
    assert call(*PARTITIONS).code == 0
    assert call("run", FOLDER / "02.png", "--out", "again.png", "--quiet").code == 0
    assert Path("again.png").read_bytes() == (FOLDER / "02.png").read_bytes()


def test_a_missing_or_damaged_picture_alone_is_made_again(pictures, unjudged, call):
    assert call(*PARTITIONS).code == 0
    before = listing()
    times = {name: Path(name).stat().st_mtime_ns for name in before}
    (FOLDER / "02.png").unlink()
    assert call(*PARTITIONS).code == 0
    assert listing() == before
    changed = {name for name in before if Path(name).stat().st_mtime_ns != times[name]}
    assert f"{FOLDER}/02.png" in changed and f"{FOLDER}/01.png" not in changed
    (FOLDER / "03.png").write_bytes(before[f"{FOLDER}/03.png"][:-300])  # its recipe is whole
    assert_refused(call(*PARTITIONS), 1, "03.png': the file exists already", "--force")
    assert call(*PARTITIONS, "--out", FOLDER, "--force").code == 0
    assert listing() == before


def test_sizes_of_the_source_make_a_picture_each_and_a_strip(pictures, unjudged, call):
    sizes = ("--source-size", "24,32,48")
    first = call(*RUN, *sizes, "--json", "--quiet")
    assert first.code == 0, first.err
    assert first.json["figures"] == {"source_sizes": 3, "done": 3}
    folder = Path("transfer-photo-style-source-sizes")
    assert (folder / "strip.jpg").exists()
    rows = json.loads((folder / "results.json").read_text())
    assert [row["label"] for row in rows] == [f"source: {n} pixels" for n in (24, 32, 48)]
    made = sorted(folder.glob("[0-9]*.png"))
    assert [read_recipe(path)["recipe"]["source_size"] for path in made] == [[24], [32], [48]]
    assert len({path.read_bytes() for path in made}) == 3
    with pytest.raises(UsageError, match="several pictures"):
        transfer(settings=settings(source_size=(24, 32)))


def test_interrupted_partitions_keep_what_is_done_and_go_on(pictures, unjudged, call, monkeypatch):
    with monkeypatch.context() as patch:
        pressing(patch, 2)
        first = call(*PARTITIONS, "--json")
    assert first.code == 130
    assert first.json["figures"] == {"partitions": 3, "done": 1}
    assert first.err == f"stylespace: interrupted; {FOLDER} holds what was done so far.\n"
    rows = json.loads((FOLDER / "results.json").read_text())
    assert [row["label"] for row in rows] == ["kept: nothing"]
    before = (FOLDER / "01.png").stat().st_mtime_ns
    assert call(*PARTITIONS).code == 0
    assert (FOLDER / "01.png").stat().st_mtime_ns == before
    assert len(json.loads((FOLDER / "results.json").read_text())) == 3


def test_partitions_interrupted_at_once_leave_nothing(pictures, unjudged, call, monkeypatch):
    before = listing()
    pressing(monkeypatch, 1)
    result = call(*PARTITIONS)
    assert (result.code, result.out) == (130, "")
    assert result.err == "stylespace: interrupted; nothing was written.\n"
    assert listing() == before and not FOLDER.exists()


def test_partitions_of_other_settings_never_end_up_in_the_same_folder(pictures, unjudged, call):
    assert call(*PARTITIONS).code == 0
    other = (*PARTITIONS, "--seed", "1", "--init", "noise")
    before = listing()
    assert_refused(call(*other, "--out", FOLDER), 1, "another call", "--force")
    assert listing() == before
    assert call(*other).paths[0] == f"{FOLDER}-2"
    picture_file(FOLDER / "02.png")
    mine = (FOLDER / "02.png").read_bytes()
    assert_refused(call(*PARTITIONS), 1, "02.png': the file exists already", "--force")
    assert (FOLDER / "02.png").read_bytes() == mine
    assert call(*PARTITIONS, "--out", FOLDER, "--force").code == 0
    assert (FOLDER / "02.png").read_bytes() == before[f"{FOLDER}/02.png"]


def test_a_content_that_changed_is_not_taken_for_the_old_one(pictures, unjudged, call):
    assert call(*PARTITIONS).code == 0
    smooth("photo.png", 30, 40, seed=9)
    before = listing()
    assert_refused(call(*PARTITIONS), 1, "01.png': the file exists already")
    assert listing() == before


def test_where_partitions_go(pictures, unjudged, call, refused):
    refused(2, ["'x.png'", "folder", "'x'"], *THREE, "--partitions", "--out", "x.png")
    refused(1, "'gone'", *THREE, "--partitions", "--out", "gone/folder")
    with pytest.raises(UsageError, match="several pictures"):
        transfer(settings=settings(partitions=True))


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--representation", "local", "--window", "1,conv1_1=2,conv3_1=0"), 3),
        (("--representation", "chained"), 2),
        (("--representation", "covariance", "--responses", "pca:2"), 3),
        (("--colour", "match-before", "--weighting", "geometric"), 3),
        (("--auto-guides", "2"), 3),
    ],
)
def test_partitions_go_with_representations(pictures, unjudged, call, options, count):
    result = call(*PARTITIONS, *options, "--json")
    assert result.code == 0, result.err
    assert result.json["figures"] == {"partitions": count, "done": count}


# Transparency, and pictures that are enlarged


@pytest.fixture
def cut_out(pictures):
    """The content photo.png as cut.png, transparent outside a disk, with a soft rim."""
    y, x = np.mgrid[:30, :40]
    alpha = np.clip(14 - np.hypot(y - 15, x - 20), 0, 1)
    colour = np.where(alpha[..., None] > 0, np.asarray(Image.open("photo.png")), 255)
    values = np.dstack([colour, 255 * alpha]).astype("uint8")
    Image.fromarray(values).save("cut.png")
    return values


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_the_content_s_transparency_is_put_back(cut_out, call, suffix):
    run = ("transfer", "cut.png", "style.png", *RANDOM, "--size", "40", "--iterations", "2")
    assert call(*run, "--out", f"a.{suffix}", "--quiet").code == 0
    layers = read_layers(f"a.{suffix}")
    assert np.array_equal((layers[0, 3] * 255).round().numpy(), cut_out[..., 3])
    assert call(*run, "--out", "flat.png", "--alpha", "flatten", "--quiet").code == 0
    assert read_layers("flat.png").shape[1] == 3
    assert call("run", f"a.{suffix}", "--out", f"b.{suffix}", "--quiet").code == 0
    assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()


def test_no_white_shines_through_the_rim(cut_out):
    """At half its size the start is the picture itself inside, and its mean colour around."""
    options = {"weights": "random:0", "size": 20, "iterations": 1, "layers": "conv1_1"}
    outcome = transfer(
        "cut.png", "style.png", content_layers="conv1_2", parameters="pixels", **options
    )
    start = outcome.image[0].permute(1, 2, 0).numpy()
    colour, seen = cut_out[..., :3] / 255, cut_out[..., 3:] / 255
    mean = (colour * seen).sum((0, 1)) / seen.sum()
    assert outcome.alpha.shape == (1, 1, 15, 20)
    np.testing.assert_allclose(start[0, 0], mean, atol=0.01)
    assert start.max() < 0.8  # 0.7 is the lightest colour of the picture, 1 that of its ground


def test_a_picture_of_pillow_keeps_its_transparency(cut_out):
    options = {"weights": "random:0", "size": 32, "iterations": 1, "layers": "conv1_1"}
    from_file, from_memory = (
        transfer(one, "style.png", content_layers="conv1_2", **options)
        for one in ("cut.png", Image.open("cut.png"))
    )
    assert torch.equal(from_file.image, from_memory.image)
    assert torch.equal(from_file.alpha, from_memory.alpha)
    opaque = transfer("photo.png", "style.png", content_layers="conv1_2", **options)
    assert opaque.alpha is None


def test_jpeg_has_no_transparency_and_says_so(cut_out, call):
    made = call("transfer", "cut.png", "style.png", *BRIEF, "--out", "a.jpg")
    assert made.code == 0 and ".jpg holds no transparency: it is laid on white" in made.err
    assert read_image("a.jpg")[0, :, 0, 0].min() > 0.97
    assert "holds no transparency" in read_recipe("a.jpg")["remark"]


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (("transfer", "photo.png", "style.png"), ("photo.png", "style.png")),
        (("texture", "style.png"), ("style.png",)),
        (("edit", "photo.png", "--entry", "3,3", "--layer", "conv1_1"), ("photo.png",)),
        (("capture", "style.png"), ("style.png",)),
    ],
)
def test_an_enlarged_picture_is_said_to_be(pictures, call, command, names):
    sides = {"photo.png": 40, "style.png": 70}
    more = () if command[0] == "capture" else ("--iterations", "1", "--no-figure")
    run = (*command, *RANDOM, "--layers", "conv1_1", "--quiet", *more)
    said = call(*run, "--size", "96")
    assert said.code == 0, said.err
    for name in names:
        told = f"'{name}' has {sides[name]} pixels on its longer side and is enlarged to 96."
        assert told in said.err
    assert "enlarged" not in call(*run, "--size", "48").err
