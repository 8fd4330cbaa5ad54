"""Figures: PNGs of the size that their pictures need, mosaics and sheets pixel by pixel."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import seeded_picture

from stylespace.commands.edit.figure import edit_figure
from stylespace.commands.probe.figure import faded, probe_figure
from stylespace.commands.probe.patches import Patches
from stylespace.commands.probe.probes import Probed
from stylespace.commands.texture.figure import texture_figure
from stylespace.figures.sheets import contact_sheet, mosaic, side_by_side, to_scale

pytestmark = pytest.mark.usefixtures("one_thread")

COLOURS = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)]


def plain(colour, height, width):
    """(1, 3, height, width) of one colour."""
    return torch.tensor(colour, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, height, width)


def probed(image, beside, figures, layer="conv3_1"):
    """The outcome of a probe."""
    settings = SimpleNamespace(first=(layer, 1, 2), network="vgg16-hed")
    return SimpleNamespace(settings=settings, image=image, beside=beside, figures=figures)


def edited(painting, image):
    """The outcome of an edit."""
    figures = {"painting_value": 1.2e-5, "value": 3.6e-5}
    settings = SimpleNamespace(place=lambda: ("conv1_1", 1, 2), network="vgg16-hed")
    return SimpleNamespace(settings=settings, image=image, beside=painting, figures=figures)


def textured(sources, image, grams):
    """The outcome of a texture."""
    settings = SimpleNamespace(match="gram", network="vgg16-hed")
    figures = {"style_distance": 0.1}
    beside = SimpleNamespace(sources=sources, grams=grams)
    return SimpleNamespace(settings=settings, image=image, beside=beside, figures=figures)


def opened(content):
    """A picture file as (H, W, 3) in [0, 255]."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image.format, np.asarray(image.convert("RGB")).astype(int)


def boxes(pixels, colour, tolerance=60):
    """How many pixels have a colour, and the (top, bottom, left, right) around them."""
    close = np.abs(pixels - 255 * np.array(colour)).max(2) < tolerance
    rows, columns = np.flatnonzero(close.any(1)), np.flatnonzero(close.any(0))
    return int(close.sum()), (rows[0], rows[-1], columns[0], columns[-1])


def patches(count):
    names = tuple(f"painting-{k}" for k in range(count))
    pictures = torch.cat(
        [plain(COLOURS[k % 6], 96, 96) for k in range(count)] or [torch.zeros(0, 3, 96, 96)]
    )
    return Patches(pictures, tuple(float(count - k) for k in range(count)), names,
                   tuple((1.0, 2.0) for _ in range(count)))  # fmt: skip


# --- mosaics


@pytest.mark.parametrize("side", [60, 96, 224, 480])
def test_a_mosaic_has_its_pictures_in_rows_and_white_between(side):
    pictures = torch.cat([plain(COLOURS[k], 12, 17) for k in range(6)])
    found = mosaic(pictures, side)
    assert found.shape == (1, 3, side, side)
    pixels = found[0].permute(1, 2, 0)
    third = side / 3
    for k in range(6):
        row, column = divmod(k, 3)
        centre = pixels[int((row + 0.5) * third), int((column + 0.5) * third)]
        torch.testing.assert_close(centre, torch.tensor(COLOURS[k], dtype=torch.float32))
    assert (found[..., int(2 * third) + 2 :, :] == 1).all()  # three are missing
    colours = {tuple(one) for one in (pixels.reshape(-1, 3) * 255).round().int().tolist()}
    assert colours == {tuple(255 * c for c in colour) for colour in COLOURS} | {(255, 255, 255)}
    count = int((pixels.sum(2) == 3).sum()) - int(side * third)
    assert 0 < count < 0.15 * side * side  # gaps, not margins


def test_a_mosaic_takes_no_more_than_fit_and_is_white_without_any():
    ten = torch.cat([plain(COLOURS[0], 8, 8)] * 9 + [plain(COLOURS[1], 8, 8)])
    assert not ((mosaic(ten, 60)[0, 0] == 0) & (mosaic(ten, 60)[0, 1] == 1)).any()
    assert torch.equal(mosaic(ten, 60), mosaic(ten[:9], 60))
    assert (mosaic(torch.zeros(0, 3, 8, 8), 60) == 1).all()
    four = mosaic(torch.cat([plain(COLOURS[k], 8, 8) for k in range(4)]), 50, across=2)
    assert four.shape == (1, 3, 50, 50)
    assert [tuple(four[0, :, y, x].tolist()) for y in (10, 40) for x in (10, 40)] == COLOURS[:4]


def test_pictures_stand_side_by_side_with_white_between():
    left, middle, right = (seeded_picture(9, width, seed=width).float() for width in (5, 12, 7))
    found = side_by_side([left, middle, right], gap=3)
    assert found.shape == (1, 3, 9, 5 + 3 + 12 + 3 + 7)
    assert torch.equal(found[..., :5], left)
    assert torch.equal(found[..., 8:20], middle)
    assert torch.equal(found[..., 23:], right)
    assert (found[..., 5:8] == 1).all() and (found[..., 20:23] == 1).all()
    assert torch.equal(side_by_side([left]), left)


# --- contact sheets


@pytest.mark.parametrize(("height", "width"), [(60, 130), (130, 60), (90, 90)])
@pytest.mark.parametrize("columns", [2, 4])
def test_a_contact_sheet_shows_every_picture_in_its_shape(height, width, columns):
    pictures = [plain(colour, height, width) for colour in COLOURS[:5]]
    labels = [f"one\n{k}" for k in range(5)]
    kind, pixels = opened(contact_sheet(pictures, labels, columns=columns))
    assert kind == "JPEG"
    rows = -(-5 // columns)
    assert columns * width < pixels.shape[1] < columns * (width + 20)
    assert rows * height < pixels.shape[0] < rows * (height + 80)
    for k, colour in enumerate(COLOURS[:5]):
        row, column = divmod(k, columns)
        count, (top, bottom, left, right) = boxes(pixels, colour)
        assert count == pytest.approx(height * width, rel=0.08)
        assert abs(bottom - top + 1 - height) <= 3 and abs(right - left + 1 - width) <= 3
        assert row * pixels.shape[0] / rows <= top and bottom < (row + 1) * pixels.shape[0] / rows
        assert column * pixels.shape[1] / columns <= left
        assert right < (column + 1) * pixels.shape[1] / columns


def test_a_contact_sheet_of_pictures_of_several_shapes():
    shapes = [(40, 120), (120, 40), (80, 80)]
    pictures = [plain(c, *shape) for c, shape in zip(COLOURS, shapes, strict=False)]
    _, pixels = opened(contact_sheet(pictures, ["a", "b", "c"]))
    assert 3 * 120 < pixels.shape[1] < 3 * 140 and 120 < pixels.shape[0] < 200
    for colour, (height, width) in zip(COLOURS, shapes, strict=False):
        count, (top, bottom, left, right) = boxes(pixels, colour)
        ratio = (right - left + 1) / (bottom - top + 1)
        assert ratio == pytest.approx(width / height, rel=0.1)
        assert count > 0.9 * height * width


def test_labels_take_room_above_their_pictures():
    pictures = [plain(COLOURS[0], 50, 80)] * 2
    short, long = (contact_sheet(pictures, [text] * 2) for text in ("one", "one\ntwo\nthree"))
    short, long = opened(short)[1], opened(long)[1]
    assert long.shape[0] > short.shape[0] and long.shape[1] == short.shape[1]
    (_, (top, *_)), (_, (lower, *_)) = boxes(short, COLOURS[0]), boxes(long, COLOURS[0])
    assert lower > top
    assert (long[:lower] < 100).all(2).sum() > 2 * (short[:top] < 100).all(2).sum() > 0


# --- figures


@pytest.mark.parametrize(("height", "width"), [(48, 48), (40, 70), (300, 200)])
@pytest.mark.parametrize("count", [0, 4, 9])
def test_the_figure_of_a_probe(height, width, count):
    image = plain(COLOURS[5], height, width)
    figures = {"value": 12.5, "enhancement": float("inf"), "percentile": 99.0}
    content = probe_figure(probed(image, Probed(patches(count)), figures))
    kind, pixels = opened(content)
    assert kind == "PNG"
    assert pixels.shape == (676, 1196, 3)
    left = pixels[:, :598]
    number, (top, bottom, first, last) = boxes(left, COLOURS[5])
    assert (last - first) / (bottom - top) == pytest.approx(width / height, rel=0.03)
    assert number > 0.9 * (last - first) * (bottom - top) > 0.05 * left.size / 3
    right = pixels[:, 598:]
    shown = [np.abs(right - 255 * np.array(c)).max(2) < 60 for c in COLOURS]
    present = [int(one.sum()) > 2000 for one in shown]
    assert present == [k < count for k in range(6)]
    assert (left[-70:] < 100).all(2).sum() > 100  # the figures' text


def test_the_figure_of_a_probe_tells_its_numbers_and_title():
    image, nine = plain(COLOURS[5], 48, 48), Probed(patches(9))

    def drawn(layer, value):
        return probe_figure(probed(image, nine, {"value": value}, layer))

    assert drawn("a", 1.0) == drawn("a", 1.0)
    assert drawn("a", 1.0) != drawn("b", 1.0)
    assert drawn("a", 1.0) != drawn("a", 2.0)


def test_the_figure_of_a_probe_shows_what_mattered():
    image, importance = plain(COLOURS[5], 48, 48), torch.zeros(48, 48)
    importance[:, :24] = 3
    beside = Probed(patches(9), importance)
    pixels = opened(probe_figure(probed(image, beside, {"value": 1.0})))[1]
    assert pixels.shape == (676, 1794, 3)
    whole, half = (boxes(pixels[:, 598 * k : 598 * (k + 1)], COLOURS[5])[1] for k in range(2))
    assert half[1] - half[0] == pytest.approx(whole[1] - whole[0], abs=4)
    assert half[3] - half[2] == pytest.approx((whole[3] - whole[2]) / 2, rel=0.05)


def test_a_faded_picture_is_white_where_nothing_matters():
    image, importance = seeded_picture(6, 9), torch.linspace(0, 1, 54).reshape(6, 9)
    alpha = (importance / np.quantile(importance.numpy(), 0.95)).clamp(max=1)
    torch.testing.assert_close(faded(image, importance), alpha * image + (1 - alpha))
    assert torch.equal(faded(image, torch.zeros(6, 9)), torch.ones_like(image))


@pytest.mark.parametrize(("height", "width"), [(40, 64), (90, 64), (50, 50)])
def test_the_figure_of_an_edit_is_painting_result_and_difference(height, width):
    painting, image = plain((0.25, 0.5, 1), height, width), plain((0.5, 0.5, 0.75), height, width)
    kind, pixels = opened(edit_figure(edited(painting, image)))
    assert kind == "PNG" and pixels.shape[1] == 1690
    expected = [(0.25, 0.5, 1), (0.5, 0.5, 0.75), (1, 0.5, 0)]
    for k, colour in enumerate(expected):
        panel = pixels[:, int(k * 1690 / 3) : int((k + 1) * 1690 / 3)]
        count, (top, bottom, left, right) = boxes(panel, colour, tolerance=3)
        assert (right - left) / (bottom - top) == pytest.approx(width / height, rel=0.03)
        assert count > 0.95 * (right - left) * (bottom - top) > 0.5 * panel.size / 3 / 1.3
    same = opened(edit_figure(edited(painting, painting)))[1]
    assert boxes(same[:, 1130:], (0.5, 0.5, 0.5), tolerance=3)[0] > 0.5 * same[:, 1130:].size / 3


@pytest.mark.parametrize("layers", [1, 2, 5])
@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_the_figure_of_a_texture(layers, pictures):
    generator = np.random.default_rng(0)
    grams = {}
    for k in range(layers):
        x, y = generator.random((2, 4 + k, 9))
        grams[f"conv{k + 1}_1"] = (torch.tensor(x @ x.T), torch.tensor(y @ y.T))
    sources = [plain(COLOURS[k], 30 + 10 * k, 50) for k in range(pictures)]
    image = plain(COLOURS[5], 40, 60)
    kind, pixels = opened(texture_figure(textured(sources, image, grams)))
    assert kind == "PNG"
    assert pixels.shape == (936, round(130 * max(8.0, 2.3 * layers)), 3)
    middle = pixels.shape[1] // 2
    for k in range(2):
        found = (np.abs(pixels[:400, :middle] - 255 * np.array(COLOURS[k])).max(2) < 20).sum()
        assert (found > 2000) == (k < pictures)
    count, (top, bottom, left, right) = boxes(pixels[:, middle:], COLOURS[5], tolerance=20)
    assert count > 5000 and bottom < 500
    assert (right - left) / (bottom - top) == pytest.approx(60 / 40, rel=0.04)
    below = pixels[450:]
    for colour in ("1b6ca8", "d1495b"):
        curve = np.array([int(colour[k : k + 2], 16) for k in (0, 2, 4)])
        assert (np.abs(below - curve).max(2) < 40).sum() > 100 * layers


def test_a_texture_of_one_channel_or_of_a_silent_layer_has_a_figure():
    one = torch.ones(1, 1, dtype=torch.float64)
    zero = torch.zeros(3, 3, dtype=torch.float64)
    grams = {"one": (one, 2 * one), "silent": (zero, zero)}
    image = plain(COLOURS[5], 40, 60)
    assert opened(texture_figure(textured([image], image, grams)))[0] == "PNG"


def test_pictures_to_scale_keep_their_pixels_amid_white():
    small, large = seeded_picture(4, 7).float(), seeded_picture(9, 6).float()
    one, other = to_scale(small, large)
    assert one.shape == other.shape == (1, 3, 9, 7)
    assert torch.equal(one[..., 2:6, :], small) and torch.equal(other[..., :6], large)
    assert float(one.sum()) == pytest.approx(float(small.sum()) + 3 * (63 - 28), rel=1e-5)
    assert torch.equal(to_scale(small, small)[1], small)
