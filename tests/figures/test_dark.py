"""Dark figures: colours are turned, pictures and scales are not, everything can be read."""

import io

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.text import Text
from PIL import Image
from tiny import seeded_picture

from stylespace.figures import drawing
from stylespace.figures.dark import GROUND, ON_PICTURE, contrast, darken, turned
from stylespace.figures.drawing import FAINT, INK, MAIN, OTHER, RULE, ZERO, series, shades
from stylespace.figures.entries import cosines_figure
from stylespace.figures.heat_maps import heat_map_figure
from stylespace.figures.pairs import pairs_figure
from stylespace.figures.trees import distances_figure
from stylespace.styles.statistics.pairs import ChannelPair

pytestmark = pytest.mark.usefixtures("one_thread")


def gram_of(channels, positions=40):
    generator = torch.Generator().manual_seed(channels)
    features = torch.rand(channels, positions, generator=generator).sub(0.75).clamp(min=0)
    return features @ features.T


def drawn(figure):
    """A figure as a screen shows it, (H, W, 3) in [0, 1]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255


def test_contrast_is_that_of_the_guidelines():
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)  # as WCAG's own tools say


def test_greys_change_places_and_other_colours_keep_their_hue_and_can_be_read():
    assert to_hex(turned("white")) == GROUND
    levels = [np.mean(turned(grey)[:3]) for grey in ("white", RULE, "0.8", FAINT, INK, "black")]
    assert (np.diff(levels) > 0).all()
    assert contrast(turned(INK)[:3], GROUND) > 12 and contrast(turned(FAINT)[:3], GROUND) > 4
    for colour in (MAIN, OTHER, ZERO, *(look.colour for look in series(8))):
        found = turned(colour)[:3]
        assert contrast(found, GROUND) >= (4.5 if np.ptp(to_rgb(colour)) > 0.1 else 3.5)
        if np.ptp(to_rgb(colour)) > 0.1:
            hues = [matplotlib.colors.rgb_to_hsv(one)[0] for one in (found, to_rgb(colour))]
            assert abs(np.diff(hues)[0]) < 0.02
    assert turned(ZERO) == to_rgba(ZERO), "what is light enough stays"
    assert turned((0, 0, 1, 0.25))[3] == 0.25 and turned("none")[3] == 0


def test_every_letter_can_be_read_on_the_ground_and_the_ground_is_dark():
    for figure in (
        cosines_figure({"conv1_1": gram_of(9)}),
        heat_map_figure("x", gram_of(9), range(9)),
    ):
        light = drawn(figure)
        dark = drawn(darken(figure))
        for edge in (dark[0], dark[-1], dark[:, 0], dark[:, -1]):
            np.testing.assert_allclose(
                edge, np.broadcast_to(to_rgb(GROUND), edge.shape), atol=0.003
            )
        assert light.mean() > 0.5 > dark.mean() and light.shape == dark.shape
        texts = [text for text in figure.findobj(Text) if text.get_text().strip()]
        assert texts and min(contrast(text.get_color(), GROUND) for text in texts) > 3.9


def test_a_heat_map_keeps_its_colours_and_its_diagonal_is_the_ground():
    gram = gram_of(9)
    figure = heat_map_figure("x", gram, range(9))
    before, bar = figure.axes[0].images[0].get_array().copy(), figure.axes[3].collections
    scale = [one.get_array().copy() for one in bar if one.get_array() is not None]
    after = darken(figure).axes[0].images[0].get_array()
    off = ~np.eye(9, dtype=bool)
    np.testing.assert_array_equal(after[off], before[off])
    assert (after[~off] == to_rgba(GROUND)).all() and (before[~off] == 1).all()
    assert scale and figure.axes[2].get_facecolor() == to_rgba(ZERO)
    cells = drawn(figure)
    palest = np.abs(cells - shades()(0.0)[:3]).sum(2).min()
    assert palest < 0.03, "the scale is still drawn"


def test_pictures_and_what_is_written_on_them_stay():
    pairs, products = [ChannelPair(0, 1, 0.5, 0.9)], np.zeros((1, 2, 3))
    figure = pairs_figure("conv1_1", seeded_picture(16, 24), pairs, products)
    before = figure.axes[0].images[0].get_array().copy()
    darken(figure)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), before)
    (written,) = [text for text in figure.findobj(Text) if text.get_label() == ON_PICTURE]
    assert written.get_color() == "white" and written.get_text() == "never together"
    matrix = np.array([[0.0, 1, 9], [1, 0, 5], [9, 5, 0]])
    cells = distances_figure(["a", "b", "c"], matrix, "a distance").axes[0]
    colours = [text.get_color() for text in cells.texts]
    darken(cells.figure)
    assert [text.get_color() for text in cells.texts] == colours
    assert {text.get_color() for text in cells.get_xticklabels()} != {INK}


def test_the_dark_file_has_as_many_pixels_as_the_light_one_the_same_every_time():
    def figure():
        return cosines_figure({"conv1_1": gram_of(9), "conv2_1": gram_of(7)})

    with Image.open(io.BytesIO(drawing.rendered(figure())[0])) as light:
        size = light.size
    found = drawing.dark_webp(figure())
    with matplotlib.rc_context({"font.size": 30, "savefig.facecolor": "red"}):
        assert drawing.dark_webp(figure()) == found
    with Image.open(io.BytesIO(found)) as dark:
        assert dark.format == "WEBP" and dark.size == size
        assert np.asarray(dark.convert("L")).mean() < 60
    with Image.open(io.BytesIO(drawing.dark_webp(figure(), dpi=96))) as small:
        assert small.width == pytest.approx(size[0] * 96 / 160, abs=1)
