"""Styles: capture against numpy, tiles against none, blends, files that are damaged."""

import dataclasses
import hashlib
import io
import json
import math
import os
import re
import struct

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from slim import ALL, network
from slowly import first_of
from tiny import seeded_picture, tiny_network

from stylespace.errors import OutputError, PictureError, StyleError, UsageError
from stylespace.images import write_image
from stylespace.networks import tiles
from stylespace.networks.space import Space
from stylespace.styles import style as style_module
from stylespace.styles.style import LayerStyle, Style

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ("conv1_1", "conv2_1", "conv3_1")


def captured(seed=0, *, layers=LAYERS, height=13, width=22, **options):
    image = seeded_picture(height, width, seed=seed)
    return Style.capture(tiny_network(**options), image, layers, source=f"picture {seed}")


def assert_same(one, other, tolerance=1e-12):
    assert set(one.layers) == set(other.layers)
    for name, layer in one.layers.items():
        twin = other.layers[name]
        assert layer.positions == twin.positions, name
        scale = float(twin.gram.abs().max())
        assert float((layer.gram - twin.gram).abs().max()) <= tolerance * scale, name
        assert float((layer.mean - twin.mean).abs().max()) <= tolerance * math.sqrt(scale), name


# --- capture


def test_capture_is_numpys(tiny, picture):
    style = Style.capture(tiny, picture, ["relu3_1", "conv1_1"], source="name")
    assert list(style.layers) == ["conv1_1", "conv3_1"] and style.space == tiny.space
    for name, features in tiny(picture, ["conv1_1", "conv3_1"]).items():
        flat = features[0].numpy().reshape(features.shape[1], -1)
        layer = style.layers[name]
        np.testing.assert_allclose(layer.mean, flat.mean(1), rtol=1e-12)
        np.testing.assert_allclose(layer.gram, flat @ flat.T / flat.shape[1], rtol=1e-12)
        assert layer.positions == flat.shape[1]
    digest = hashlib.sha256(picture.numpy().astype("float32").tobytes()).hexdigest()
    said = {"name": "name", "width": 22, "height": 13, "weight": 1.0, "sha256": digest}
    assert style.provenance["pictures"] == [{**said, "precision": "float64", "grey": False}]


def test_features_in_half_precision_are_not_captured(picture, path):
    contents = []
    for dtype in (torch.bfloat16, torch.float32):
        Style.capture(tiny_network(dtype=dtype), picture, LAYERS).save(path, force=True)
        assert Style.load(path).provenance["pictures"][0]["precision"] == "float32"
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_old_files_do_not_tell_the_precision(path):
    style = captured()
    (said,) = style.provenance["pictures"]
    del said["precision"]
    style.save(path)
    blended = Style.blend([(Style.load(path), 1), (captured(1), 1)])
    assert [one.get("precision") for one in blended.provenance["pictures"]] == [None, "float64"]


def test_capture_keeps_no_graph(tiny, picture):
    layer = Style.capture(tiny, picture.requires_grad_(), ["conv2_1"]).layers["conv2_1"]
    assert not layer.gram.requires_grad and not layer.mean.requires_grad


@pytest.mark.parametrize("shape", [(8, 9), (2, 3, 8, 9), (1, 4, 8, 9)])
def test_capture_takes_one_picture(tiny, shape):
    with pytest.raises(PictureError, match=re.escape("one RGB picture is needed, (1, 3, H, W)")):
        Style.capture(tiny, torch.zeros(shape), ["conv1_1"])


def kinds_of(values, path):
    """The same picture (H, W, 3) of 8 bits in every kind that is taken."""
    write_image(path, values)
    first = torch.from_numpy(values).permute(2, 0, 1)
    flipped = values[::-1].astype(">f8")[::-1]  # big endian, strides below 0
    pillow = Image.fromarray((values * 255).round().astype("uint8"))
    return [values, flipped, values.transpose(2, 0, 1), first, first[None], pillow, path, str(path)]


def test_capture_takes_every_kind_of_picture_and_a_style(tiny32, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (13, 22, 3)).astype("float32")
    styles = [
        Style.capture(tiny32, one, "conv2_1") for one in kinds_of(levels / 255, tmp_path / "a.png")
    ]
    for one in styles[1:]:
        np.testing.assert_allclose(one.grams["conv2_1"], styles[0].grams["conv2_1"], rtol=1e-5)
        assert (one.provenance["pictures"][0]["height"], one.layers["conv2_1"].positions) == (
            13,
            66,
        )
    assert styles[-1].provenance["pictures"][0]["name"] == str(tmp_path / "a.png")
    again = Style.capture(tiny32, styles[0], ["conv2_1"])
    assert torch.equal(again.grams["conv2_1"], styles[0].grams["conv2_1"])
    styles[0].save(tmp_path / "a.style.safetensors")
    assert Style.capture(tiny32, tmp_path / "a.style.safetensors", "conv2_1").space == tiny32.space
    with pytest.raises(StyleError, match="pooling='average'"):
        Style.capture(tiny_network(pooling="max"), styles[0], ["conv2_1"])


def cut_short():
    """A JPEG without its end."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 90, 3), "uint8")).save(
        stream, "JPEG"
    )
    return stream.getvalue()[:2000]


CUT = cut_short()
WRONG_PICTURES = [
    (np.zeros((8, 9, 3), "uint8"), "uint8: divide it by 255"),
    (torch.zeros(1, 3, 8, 9, dtype=torch.int64), "int64: give values from 0 to 1"),
    (np.linspace(0, 255, 216).reshape(8, 9, 3), "from 0 to 255, not from 0 to 1: divide it by 255"),
    (torch.linspace(-1, 1, 216).view(3, 8, 9), "from -1 to 1, not from 0 to 1: scale it"),
    (np.full((8, 9, 3), np.nan), "NaN"),
    (torch.full((1, 3, 8, 9), math.inf), "infinite"),
    (np.zeros((8, 9), "float32"), r"not \(8, 9\)"),
    (Image.new("F", (9, 8)), "mode 'F' does not say what white is"),
    (Image.open(io.BytesIO(CUT)), "cannot be decoded"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG_PICTURES, ids=lambda value: str(value)[:20])
def test_what_is_no_picture_in_0_to_1_is_refused_with_the_remedy(tiny, wrong, words, tmp_path):
    for call in (
        lambda: Style.capture(tiny, wrong, ["conv1_1"]),
        lambda: write_image(tmp_path / "a.png", wrong),
    ):
        with pytest.raises(PictureError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.png").exists()


def test_a_blend_is_made_of_pairs(tiny, picture):
    style = Style.capture(tiny, picture, "conv1_1")
    for parts in ([style], [(style, 1, 2)]):
        with pytest.raises(UsageError, match=r"pairs: Style.blend\(\[\(style, 0.7\)"):
            Style.blend(parts)
    with pytest.raises(UsageError, match="weight='1': a number is needed"):
        Style.blend([(style, "1")])
    with pytest.raises(UsageError, match="style='a': a style .Style.capture or Style.load make"):
        Style.blend([("a", 1)])


def test_a_style_is_shown_in_one_line(tiny, picture):
    style = Style.capture(tiny, picture, ["conv1_1", "conv2_1"], source="a.png")
    assert repr(style) == "<Style of a.png: conv1_1, conv2_1 of tiny>"
    assert repr(tiny) == (
        "<Network tiny: average pooling, zeros padding, random:0 weights, float64 on cpu>"
    )


def test_capture_refuses_what_the_network_refuses(tiny, picture):
    with pytest.raises(UsageError, match="unknown layer of tiny"):
        Style.capture(tiny, picture, ["conv9_1"])
    with pytest.raises(UsageError, match="too small for conv3_1"):
        Style.capture(tiny, picture[..., :3, :], ["conv3_1"])


# --- tiles


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("padding", ["zeros", "replicate", "reflect"])
def test_tiles_equal_the_whole(pooling, padding):
    net = tiny_network(pooling=pooling, padding=padding)
    for height, width in [(13, 22), (31, 9), (32, 45), (41, 40), (64, 27)]:
        image = seeded_picture(height, width)
        whole = Style.capture(net, image, LAYERS, tile=1000)
        for tile in (1, 7, 16):
            assert_same(Style.capture(net, image, LAYERS, tile=tile), whole)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("border", first_of([("average", "zeros"), ("max", "reflect")]))
def test_tiles_equal_the_whole_in_every_architecture(name, border):
    pooling, padding = border
    net = network(name, pooling=pooling, padding=padding)
    step = net.reach(net.names[-1]).stride
    for height, width in [(2 * step + 73, 7 * step + 101), (161, 97)]:
        image = seeded_picture(height, width)
        whole = Style.capture(net, image, net.names, tile=1000)
        for tile in (max(step, 16), 3 * step):
            assert_same(Style.capture(net, image, net.names, tile=tile), whole)


def test_large_pictures_are_tiled_and_equal(tiny32, monkeypatch):
    monkeypatch.setattr(style_module, "WHOLE", 30)
    monkeypatch.setattr(style_module, "TILE", 16)
    sides = []
    whole = type(tiny32).whole
    monkeypatch.setattr(
        type(tiny32), "whole", lambda self, x, n: sides.append(x.shape) or whole(self, x, n)
    )
    image = seeded_picture(37, 50, dtype=torch.float32)
    tiled = Style.capture(tiny32, image, LAYERS)
    assert len(sides) > 4 and max(max(shape[2:]) for shape in sides) <= 16 + 2 * 8 + 8
    assert_same(tiled, Style.capture(tiny32, image, LAYERS, tile=1000), 1e-5)


@pytest.mark.parametrize("name", ["tiny", "vgg16", "vgg19"])
def test_the_margin_of_a_tile_is_as_small_as_it_can_be(name, monkeypatch):
    net = tiny_network() if name == "tiny" else network(name)
    deepest = "conv3_1" if name == "tiny" else "conv5_1"
    step = net.reach(deepest).stride
    image = seeded_picture(10 * step + 64, 17 * step)
    whole = Style.capture(net, image, [deepest], tile=1000)
    halos, spans = [], tiles._spans

    def smaller(length, tile, halo, less):
        halos.append(halo)
        return spans(length, tile, halo - less)

    for less in (0, step):
        monkeypatch.setattr(
            tiles, "_spans", lambda n, tile, halo, less=less: smaller(n, tile, halo, less)
        )
        tiled = Style.capture(net, image, [deepest], tile=2 * step)
        if less:
            with pytest.raises(AssertionError):
                assert_same(tiled, whole, 1e-9)
        else:
            assert_same(tiled, whole)
    assert set(halos) == {{"tiny": 8, "vgg16": 64, "vgg19": 80}[name]}


# --- blends


def test_a_blend_is_linear_in_raw_moments():
    one, two = captured(0), captured(1)
    blended = Style.blend([(one, 3.0), (two, 1.0)])
    for name in LAYERS:
        a, b = one.layers[name], two.layers[name]
        np.testing.assert_allclose(
            blended.layers[name].gram, 0.75 * a.gram.numpy() + 0.25 * b.gram.numpy(), rtol=1e-12
        )
        np.testing.assert_allclose(
            blended.layers[name].mean, 0.75 * a.mean.numpy() + 0.25 * b.mean.numpy(), rtol=1e-12
        )
    weights = [picture["weight"] for picture in blended.provenance["pictures"]]
    assert weights == [0.75, 0.25]
    again = Style.blend([(blended, 1.0), (two, 1.0)])
    assert [p["weight"] for p in again.provenance["pictures"]] == [0.375, 0.125, 0.5]


def test_a_blend_of_one_is_itself():
    one = captured()
    assert_same(Style.blend([(one, 7.0)]), one)


def test_a_blend_by_positions_is_the_style_of_all_positions(tiny):
    pictures = seeded_picture(13, 22), seeded_picture(31, 9, seed=1)
    styles = [Style.capture(tiny, image, LAYERS) for image in pictures]
    for name in LAYERS:
        flats = [tiny(image, [name])[name][0].flatten(1) for image in pictures]
        joined = torch.cat(flats, 1).numpy()
        blended = Style.blend([(s, s.layers[name].positions) for s in styles]).layers[name]
        np.testing.assert_allclose(blended.gram, joined @ joined.T / joined.shape[1], rtol=1e-12)
        np.testing.assert_allclose(blended.mean, joined.mean(1), rtol=1e-12)


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf])
def test_a_blend_refuses_weights_that_are_no_shares(weight):
    with pytest.raises(StyleError, match="weights above 0"):
        Style.blend([(captured(), 1.0), (captured(1), weight)])


def test_a_blend_refuses_what_does_not_blend():
    with pytest.raises(StyleError, match="needs styles"):
        Style.blend([])
    with pytest.raises(StyleError, match="different layers.*conv1_1"):
        Style.blend([(captured(), 1.0), (captured(layers=["conv1_1"]), 1.0)])
    with pytest.raises(StyleError, match="padding reflect instead of zeros"):
        Style.blend([(captured(), 1.0), (captured(padding="reflect"), 1.0)])


# --- spaces and layers


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"network": "vgg19"}, "network vgg19 instead of vgg16"),
        ({"pooling": "max"}, "pooling max instead of average"),
        ({"padding": "reflect"}, "padding reflect instead of zeros"),
        ({"weights": "b" * 64}, "weights bbbbbbbbbbbb... instead of aaaaaaaaaaaa..."),
    ],
)
def test_another_space_is_refused_with_the_difference(change, text):
    space = Space("vgg16", "average", "zeros", "a" * 64)
    style = Style({}, dataclasses.replace(space, **change))
    with pytest.raises(StyleError, match=text):
        style.check_space(space)
    Style({}, space).check_space(space)


def test_pick_takes_layers_and_names_what_is_missing():
    style = captured()
    assert list(style.pick(["conv3_1", "conv1_1"]).layers) == ["conv3_1", "conv1_1"]
    with pytest.raises(UsageError, match="layer of the style 'conv3_2'. Did you mean 'conv3_1'"):
        style.pick(["conv3_2"])


# --- files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.style.safetensors"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_file_holds_everything(path, dtype):
    net = tiny_network(dtype=dtype)
    style = Style.capture(net, seeded_picture(13, 22), LAYERS, source="Größe \n 'x'")
    style.save(path)
    loaded = Style.load(path)
    assert loaded.space == style.space and loaded.provenance == style.provenance
    assert set(loaded.layers) == set(style.layers)
    for name, layer in style.layers.items():
        twin = loaded.layers[name]
        assert torch.equal(twin.gram, layer.gram) and torch.equal(twin.mean, layer.mean)
        assert twin.positions == layer.positions and twin.gram.dtype == dtype


def test_the_same_style_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        captured().save(tmp_path / name)
    Style.load(tmp_path / "a").save(tmp_path / "c")
    contents = {(tmp_path / name).read_bytes() for name in ("a", "b", "c")}
    assert len(contents) == 1
    captured(1).save(tmp_path / "d")
    assert (tmp_path / "d").read_bytes() not in contents


def test_layers_keep_their_order_from_shallow_to_deep(path):
    Style.capture(tiny_network(), seeded_picture(13, 22), LAYERS[::-1]).save(path)
    assert tuple(Style.load(path).layers) == LAYERS


def test_a_file_needs_no_pickle(path):
    captured().save(path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert set(header) == {"__metadata__"} | {f"{n}.{p}" for n in LAYERS for p in ("mean", "gram")}
    assert json.loads(header["__metadata__"]["stylespace"])["space"]["network"] == "tiny"


def test_a_file_is_not_replaced_unless_forced(path):
    captured().save(path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        captured(1).save(path)
    assert path.read_bytes() == before
    captured(1).save(path, force=True)
    assert path.read_bytes() != before


def refusal(path):
    with pytest.raises(StyleError) as caught:
        Style.load(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_a_missing_file_names_the_nearest(path):
    captured().save(path)
    message = refusal(path.with_name("b.style.safetensors"))
    assert "is missing" in message and "Did you mean 'a.style.safetensors'?" in message
    assert "is missing" in refusal(path.parent / "none" / "a.style.safetensors")
    refusal(path.parent)


def test_a_file_cut_short_anywhere_is_refused(path):
    captured().save(path)
    data = path.read_bytes()
    assert len(data) > 1000
    for length in {*range(0, 24), *range(24, len(data), 97), len(data) - 1}:
        path.write_bytes(data[:length])
        refusal(path)


def test_a_flipped_byte_is_refused_or_harmless(path):
    """Nothing but a StyleError comes out, and what loads is whole: shapes fit, values finite."""
    captured().save(path)
    data = path.read_bytes()
    (header,) = struct.unpack("<Q", data[:8])
    refused = 0
    for place in {*range(0, header + 8, 7), *range(header + 8, len(data), 83)}:
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            loaded = Style.load(path)
        except StyleError:
            refused += 1
            continue
        for layer in loaded.layers.values():
            assert torch.isfinite(layer.gram).all() and torch.isfinite(layer.mean).all()
            assert layer.gram.shape == (len(layer.mean),) * 2 and layer.positions >= 1
    assert refused > header // 14


def changed(path, change):
    """Rewrite a style file through safetensors' own functions."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["stylespace"])
    tensors = load_file(path)
    change(tensors, header)
    save_file(tensors, path, {"stylespace": json.dumps(header)})


@pytest.mark.parametrize(
    "change",
    [
        lambda t, h: t["conv2_1.gram"].__setitem__((0, 1), math.nan),
        lambda t, h: t["conv2_1.mean"].__setitem__(0, math.inf),
        lambda t, h: t.__setitem__("conv2_1.gram", torch.zeros(6, 5)),
        lambda t, h: t.__setitem__("conv2_1.mean", torch.zeros(6, 6)),
        lambda t, h: t.pop("conv3_1.gram"),
        lambda t, h: h.pop("positions"),
        lambda t, h: h["positions"].__setitem__("conv1_1", 0),
        lambda t, h: h["positions"].__setitem__("conv9_1", 4),
        lambda t, h: h.pop("space"),
        lambda t, h: h["space"].pop("padding"),
        lambda t, h: h["space"].__setitem__("more", 1),
        lambda t, h: h.__setitem__("space", []),
        lambda t, h: h.__setitem__("format", "stylespace style 2"),
    ],
)
def test_wrong_contents_are_refused(path, change):
    captured().save(path)
    changed(path, lambda tensors, header: None)
    assert_same(Style.load(path), captured(), 0)
    changed(path, change)
    assert "capture it again" in refusal(path)


def scaled(*factors):
    """Multiply entries of the largest layer's Gram matrix: {(i, j): factor}."""

    def change(tensors, header):
        for i, j, factor in factors:
            tensors["conv2_1.gram"][i, j] *= factor

    return change


IMPOSSIBLE = {
    "negated": (lambda t, h: t["conv2_1.gram"].neg_(), "a diagonal entry is negative"),
    "diagonal": (scaled((3, 3, -1)), "a diagonal entry is negative"),
    "mean": (lambda t, h: t["conv2_1.mean"][2:3].neg_(), "a mean is negative"),
    "large mean": (lambda t, h: t["conv2_1.mean"].mul_(30), "a mean is larger"),
    "asymmetric": (scaled((0, 4, 1.01)), "not symmetric"),
    "cosine": (scaled((0, 4, 4), (4, 0, 4)), "larger than the diagonal allows"),
    "complex": (
        lambda t, h: t.update({"conv2_1.gram": t["conv2_1.gram"].to(torch.complex64)}),
        "complex64, where real numbers are needed",
    ),
    "whole": (lambda t, h: t.update({"conv2_1.mean": torch.ones(6).long()}), "int64 and"),
    "flag": (lambda t, h: h["positions"].update(conv1_1=True), "no whole number above 0"),
    "share": (lambda t, h: h["positions"].update(conv1_1=2.5), "no whole number above 0"),
    "text": (lambda t, h: h["positions"].update(conv1_1="7"), "no whole number above 0"),
    "many": (lambda t, h: h["positions"].update(conv1_1=10**15), "no whole number above 0"),
    "400 digits": (lambda t, h: h["positions"].update(conv1_1=10**400), "a whole number beyond"),
    "nameless": (lambda t, h: h["provenance"]["pictures"][0].pop("name"), "KeyError"),
    "named 7": (lambda t, h: h["provenance"]["pictures"][0].update(name=7), "without a name"),
    "weightless": (
        lambda t, h: h["provenance"]["pictures"][0].update(weight=math.inf),
        "without a name or a weight",
    ),
    "sized True": (lambda t, h: h["provenance"]["pictures"][0].update(width=True), "a size"),
    "deep": (lambda t, h: h.update(more=[[[[[[[[1]]]]]]]]), "nested more than 8 levels"),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_what_no_picture_has_is_refused_by_name(path, kind):
    """Numbers and headers that capture can never have written, among them a negated Gram."""
    change, words = IMPOSSIBLE[kind]
    captured().save(path)
    changed(path, change)
    assert words in refusal(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_rounding_and_scale_do_not_matter_to_what_is_refused(path, dtype, scale):
    """One picture in another scale of filters, off by the rounding of half precision."""
    captured().save(path)

    def rounded(tensors, header):
        for name, tensor in tensors.items():
            power = 2 if name.endswith("gram") else 1
            noise = torch.rand(tensor.shape, generator=torch.manual_seed(0), dtype=torch.float64)
            tensors[name] = (tensor * scale**power * (1 + 1e-4 * noise)).to(dtype)

    changed(path, rounded)
    assert set(Style.load(path).layers) == set(LAYERS)


@pytest.mark.parametrize(("layer", "fits"), [("conv1_1", True), ("conv2_1", False), ("x", False)])
def test_channels_are_those_of_the_network(path, layer, fits):
    """64 of conv1_1 are not the 128 of conv2_1."""
    space = Space("vgg19-norm", "average", "zeros", "0" * 64)
    Style({layer: LayerStyle(torch.ones(64), torch.ones(64, 64), 9)}, space).save(path)
    if fits:
        assert list(Style.load(path).layers) == [layer]
    else:
        assert f"{layer!r}: 64 channels, unlike that layer of vgg19-norm" in refusal(path)


@pytest.mark.parametrize("path", [None, b"a.style.safetensors", 3])
def test_what_is_no_path_is_named_by_its_kind(path):
    with pytest.raises(UsageError, match=r"^path(=3:| is of type .*:) a text or a path is needed"):
        Style.load(path)


def test_a_pipe_and_a_huge_header_are_not_waited_for(path):
    os.mkfifo(path)
    assert "not an ordinary file" in refusal(path)
    path.unlink()
    path.write_bytes(struct.pack("<Q", 1 << 25) + b"{}")
    assert "a header of more than" in refusal(path)


def test_other_files_are_refused(path):
    save_file({"x": torch.zeros(3)}, path)
    assert "not a style file" in refusal(path)
    save_file({"x": torch.zeros(3)}, path, {"format": "pt"})
    assert "not a style file" in refusal(path)
    torch.save({"conv1_1.mean": torch.zeros(3)}, path)
    refusal(path)
    path.write_text("Grüße")
    refusal(path)


def test_a_style_is_frozen():
    style = captured()
    with pytest.raises(dataclasses.FrozenInstanceError):
        style.space = None
    with pytest.raises(dataclasses.FrozenInstanceError):
        LayerStyle(torch.zeros(1), torch.zeros(1, 1), 1).positions = 2
