"""Heat maps of a page: codes against numpy, pictures pixel by pixel, sizes, edges."""

import base64
import io
import json

import numpy as np
import pytest
from grams import gram_of
from matplotlib.colors import to_rgb
from PIL import Image

from stylespace.figures.drawing import ZERO
from stylespace.figures.heat_maps import heat_map_figure
from stylespace.reports.heat_maps import DIAGONAL, heat_map_data, legend_pictures, palette


def pixels_of(address):
    head, data = address.split(",", 1)
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def alphas_of(address):
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))[..., 3]


def rgb(colour):
    return tuple(np.rint(255 * np.array(to_rgb(colour))).astype(int))


def test_the_picture_has_a_pixel_an_entry_zeros_and_diagonal_in_their_colours():
    gram = gram_of(12, 3)
    order = np.random.default_rng(2).permutation(12)
    found = heat_map_data("conv1_1", "auvers", gram, order, alt="")
    shown, pixels = gram[np.ix_(order, order)], pixels_of(found["image"])
    off = ~np.eye(12, dtype=bool)
    assert pixels.shape == (12, 12, 3) and (pixels == pixels.transpose(1, 0, 2)).all()
    zero = (pixels == rgb(ZERO)).all(2)
    assert (zero == ((shown == 0) & off)).all() and 0 < zero.sum() < off.sum()
    assert (pixels[~off] == rgb(DIAGONAL)).all() and not (pixels[off] == rgb(DIAGONAL)).all(1).any()
    transparent = alphas_of(found["image"]) == 0
    assert (transparent == ~off).all() and alphas_of(found["strip"]).min() == 255
    strip = pixels_of(found["strip"])
    assert strip.shape == (1, 12, 3)
    assert ((strip[0] == rgb(ZERO)).all(1) == (shown.diagonal() == 0)).all()


def test_a_darker_colour_is_a_larger_entry_and_the_legend_gives_the_ends():
    gram = gram_of(40, seed=3)
    found = heat_map_data("conv1_1", "auvers", gram, range(40), alt="")
    above = np.triu_indices(40, 1)
    live = gram[above] > 0
    values, colours = gram[above][live], pixels_of(found["image"])[above][live]
    low, high = np.quantile(gram[gram > 0], 0.01), gram.max()
    assert found["ends"] == [low, high] and (values < low).any()
    scale = pixels_of(legend_pictures()["scale"])[0]
    assert len(np.unique(scale, axis=0)) > 200
    places = np.array([np.abs(scale.astype(int) - one).sum(1).argmin() for one in colours])
    assert (np.diff(places[values.argsort()]) >= 0).all()
    inside = values > low
    expected = 253 * np.log10(values[inside] / low) / np.log10(high / low)
    assert np.abs(places[inside] - expected).max() < 3  # neighbours may share a colour of 8 bits
    assert set(places[~inside]) == {0}


@pytest.mark.parametrize("gram", [gram_of(30, seed=4), np.ones((5, 5)), np.zeros((4, 4))])
def test_the_page_and_the_file_have_the_same_colours_and_the_strip_above(gram):
    order = np.random.default_rng(5).permutation(len(gram)).tolist()
    found = heat_map_data("conv1_1", "auvers", gram, order, alt="")
    whole, strip = heat_map_figure("conv1_1", gram, order).axes[:2]
    for axes, name in ((whole, "image"), (strip, "strip")):
        drawn = 255 * np.asarray(axes.images[0].get_array())[..., :3]
        # The page has 254 of the 256 shades; neighbours are up to 3.1 of 255 apart.
        np.testing.assert_allclose(pixels_of(found[name]), drawn, atol=5)
    assert strip.get_position().y0 > whole.get_position().y1
    assert strip.get_position().width == pytest.approx(whole.get_position().width)


def test_the_legend_shows_what_the_picture_shows():
    assert (pixels_of(legend_pictures()["zero"]) == rgb(ZERO)).all()
    assert (pixels_of(legend_pictures()["diagonal"]) == rgb(DIAGONAL)).all()


@pytest.mark.parametrize("gram", [np.zeros((3, 3)), np.ones((3, 3)), [[0.0]], [[4.0]]], ids=str)
def test_matrices_at_the_edges_are_shown(gram):
    found = heat_map_data("conv1_1", "auvers", gram, range(len(gram)), alt="")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert pixels_of(found["image"]).shape[:2] == np.shape(gram)


def test_512_channels_are_small_and_the_same_every_time():
    gram, order = gram_of(512, 40), range(511, -1, -1)
    found, again = (heat_map_data("conv5_1", "auvers", gram, order, alt="") for _ in range(2))
    assert found == again
    assert sum(len(found[name]) for name in ("image", "strip")) < 4e5


def test_the_palette_is_that_of_the_legend_zero_and_the_diagonal():
    colours = np.frombuffer(palette(), np.uint8).reshape(256, 3)
    assert (colours[:254] == pixels_of(legend_pictures()["scale"])[0]).all()
    assert tuple(colours[254]) == rgb(ZERO) and tuple(colours[255]) == rgb(DIAGONAL)


@pytest.mark.parametrize(
    ("gram", "order", "told"),
    [
        (np.ones((2, 3)), [0, 1], r"must be \(C, C\), got \(2, 3\)"),
        (np.ones((0, 0)), [], r"must be \(C, C\)"),
        (-np.eye(2), [0, 1], "entries >= 0"),
        (np.full((2, 2), np.nan), [0, 1], "entries >= 0"),
        (np.eye(2), [0, 0], "each of 2 channels once"),
        (np.eye(2), [0], "each of 2 channels once"),
    ],
)
def test_what_is_no_gram_matrix_or_no_order_is_refused(gram, order, told):
    with pytest.raises(ValueError, match=told):
        heat_map_data("conv1_1", "auvers", gram, order, alt="")
