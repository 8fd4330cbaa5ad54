"""Figures of reports: what is drawn equals what was given, and files are the same every time."""

import io
import itertools
import math

import matplotlib
import numpy as np
import pytest
import scipy.cluster.hierarchy
import torch
from matplotlib.colors import to_rgb
from PIL import Image
from scipy.spatial.distance import cdist, squareform
from tiny import seeded_picture

from stylespace.figures import drawing
from stylespace.figures.drawing import LARGE, MEDIUM, SMALL, ZERO, series, shades
from stylespace.figures.entries import (
    cosines_figure,
    intensity_figure,
    sorted_points,
    target_figure,
)
from stylespace.figures.formatting import legible, number, share, shortened, significant, zeros
from stylespace.figures.heat_maps import heat_map_figure, heat_maps_figure
from stylespace.figures.maps import apart, map_figure
from stylespace.figures.measures import sparsity_figure
from stylespace.figures.pairs import brightness, pairs_figure, peak, spotlit
from stylespace.figures.scaling import classical_scaling
from stylespace.figures.spectra import spectra_figure
from stylespace.figures.spreads import distributions_figure
from stylespace.figures.traces import trace_figure
from stylespace.figures.trees import distances_figure, leaves, linkage
from stylespace.reports import alt_texts
from stylespace.styles.statistics.fitting import fits
from stylespace.styles.statistics.layers import layer_statistics
from stylespace.styles.statistics.matrices import diagonal, off_diagonal
from stylespace.styles.statistics.orders import leaf_order
from stylespace.styles.statistics.pairs import ChannelPair, cosines, strongest_pairs
from stylespace.styles.statistics.spectra import effective_rank, spectrum

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = {"conv1_1": 6, "conv2_1": 9, "conv3_1": 7}


def gram_of(channels, *, seed=0, positions=40):
    """(C, C) of sparse features, the last channel dead."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(channels, positions, generator=generator).sub(0.75).clamp(min=0)
    features[-1] = 0
    return features @ features.T


GRAMS = {layer: gram_of(count, seed=count) for layer, count in LAYERS.items()}
OTHERS = {layer: gram_of(count, seed=count + 50) for layer, count in LAYERS.items()}
FITS = {layer: (fits(diagonal(g)), fits(off_diagonal(g))) for layer, g in GRAMS.items()}
POINTS = np.random.default_rng(3).normal(size=(5, 2))
NAMES = ["first.jpg", "second.jpg", "$x$_{.png", "_hidden.png", "富嶽.jpg"]
TRACE = [(1, 32, 4.0), (2, 32, 2.0), (3, 64, 3.0), (4, 64, 0.5), (5, 64, 0.25)]


def subjects(count):
    return {
        f"subject {k}": {layer: gram_of(size, seed=k) for layer, size in LAYERS.items()}
        for k in range(count)
    }


def measured(found):
    return {
        name: {layer: layer_statistics(gram) for layer, gram in layers.items()}
        for name, layers in found.items()
    }


def eigenvalues(found):
    return {
        name: {layer: spectrum(gram) for layer, gram in layers.items()}
        for name, layers in found.items()
    }


def thumbnails(count):
    return [seeded_picture(10 + k, 20 - k, seed=k) for k in range(count)]


def drawn_pairs(gram=GRAMS["conv1_1"]):
    found = strongest_pairs(gram, 3)
    products = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    return pairs_figure("conv1_1", seeded_picture(16, 24), found, products)


MAKERS = {
    "heat_map": lambda: heat_map_figure("conv1_1", GRAMS["conv1_1"], range(6)),
    "heat_map of one": lambda: heat_map_figure("one", torch.ones(1, 1), [0]),
    "heat_map of zeros": lambda: heat_map_figure("zeros", torch.zeros(40, 40), range(40)),
    "small_multiples": lambda: heat_maps_figure(
        {name: one["conv2_1"] for name, one in subjects(5).items()}, "conv2_1", range(9)
    ),
    "intensity": lambda: intensity_figure(GRAMS, FITS),
    "intensity of one and zeros": lambda: intensity_figure(
        {"one": torch.ones(1, 1), "zeros": torch.zeros(4, 4)}
    ),
    "target_against_result": lambda: target_figure(
        {layer: (GRAMS[layer], OTHERS[layer]) for layer in GRAMS} | {"one": (torch.ones(1, 1),) * 2}
    ),
    "cosines": lambda: cosines_figure(GRAMS | {"one": torch.ones(1, 1), "0": torch.zeros(3, 3)}),
    "sparsity": lambda: sparsity_figure(measured(subjects(1))),
    "sparsity of four": lambda: sparsity_figure(measured(subjects(4))),
    "sparsity of twelve": lambda: sparsity_figure(measured(subjects(12))),
    "spectra": lambda: spectra_figure(eigenvalues({"a": GRAMS | {"0": torch.zeros(3, 3)}})),
    "spectra of four": lambda: spectra_figure(eigenvalues(subjects(4))),
    "spectra of twelve": lambda: spectra_figure(eigenvalues(subjects(12))),
    "strongest_pairs": drawn_pairs,
    "distances": lambda: distances_figure(NAMES, cdist(POINTS, POINTS), "a distance"),
    "distances of many": lambda: distances_figure(
        [f"name {k}" for k in range(14)], cdist(*[np.arange(14.0)[:, None]] * 2), "many distances"
    ),
    "distances of one": lambda: distances_figure(["alone"], np.zeros((1, 1)), "no distance"),
    "style_map": lambda: map_figure(POINTS, [*thumbnails(4), None], NAMES, 0.5),
    "style_map of many": lambda: map_figure(
        np.random.default_rng(0).normal(size=(40, 2)), thumbnails(8) * 5, ["name"] * 40, 0.2
    ),
    "loss_trace": lambda: trace_figure(TRACE),
    "distributions": lambda: distributions_figure(
        {"conv1_1": np.arange(1.0, 30), "conv2_1": [2.0, 3.0], "none": [math.nan]},
        "effective rank",
    ),
}


@pytest.fixture(scope="module")
def gallery():
    """Every figure once."""
    return {name: maker() for name, maker in MAKERS.items()}


def panel(figure, title):
    return next(axes for axes in figure.axes if axes.get_title("left") == title)


def words(figure):
    """All that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


# --- all figures


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_is_cut_off_and_type_has_three_sizes(gallery, name):
    figure = gallery[name]
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()
    assert 0.005 < (pixels != 255).any(2).mean() < 0.95
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert {text.get_fontsize() for text in texts} <= {LARGE, MEDIUM, SMALL, 5.5}
    assert sum(text.get_fontsize() == LARGE for text in texts) == 1


@pytest.mark.parametrize("name", ["heat_map of one", "style_map", "distributions"])
def test_files_are_the_same_whoever_draws_them(name):
    before = dict(matplotlib.rcParams)
    png, svg = drawing.rendered(figure := MAKERS[name]())
    assert dict(matplotlib.rcParams) == before
    if name == "distributions":
        assert drawing.rendered(figure) == (png, svg)
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.hashsalt": "other"}):
        again = drawing.rendered(MAKERS[name]())
    assert again == (png, svg)
    assert b"<dc:date>" not in svg and b"<svg" in svg[:1000]


def test_png_has_the_size_of_the_figure_in_pixels(gallery):
    figure = gallery["strongest_pairs"]
    with Image.open(io.BytesIO(drawing.rendered(figure)[0])) as image:
        width, height = figure.get_size_inches() * drawing.DPI
        assert image.size == (round(width), round(height))
        assert image.info["dpi"][0] == pytest.approx(drawing.DPI, rel=1e-3)


def test_webp_is_the_figure_at_the_size_of_a_screen_the_same_every_time(gallery):
    figure = gallery["distances"]
    found = drawing.webp(figure)
    with matplotlib.rc_context({"font.size": 30, "savefig.facecolor": "red"}):
        assert drawing.webp(figure) == found
    with Image.open(io.BytesIO(found)) as image:
        assert image.format == "WEBP"
        width, height = figure.get_size_inches() * 96
        assert image.width == pytest.approx(width, abs=1)
        assert image.height == pytest.approx(height, abs=1)
        small = np.asarray(image.convert("RGB"), float)
    png = drawing.rendered(figure)[0]
    with Image.open(io.BytesIO(png)) as image:
        sharp = np.asarray(image.convert("RGB").resize(small.shape[1::-1], Image.BOX), float)
    assert np.abs(small - sharp).mean() < 6 < np.abs(255 - sharp).mean()
    assert len(found) < len(png) / 2


def test_heat_maps_are_pixels_inside_svg(gallery):
    large = drawing.rendered(heat_map_figure("x", gram_of(64), range(64)))[1]
    small = drawing.rendered(gallery["heat_map of zeros"])[1]
    assert small.count(b"<image") == large.count(b"<image") >= 2
    assert abs(small.count(b"<path") - large.count(b"<path")) < 40


# --- words


def test_numbers_keep_three_digits_and_read_well():
    for value in (1.0, 0.5, 12345.0, 0.000123456, -7.891, 1.23456e-9, 6.02e23, 999999.0, 0.09996):
        text = number(value)
        plain = text.replace(",", "")
        if "×" in plain:
            mantissa, power = plain.split(" × 10")
            digits = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
            plain = f"{mantissa}e{digits}"
        assert float(plain) == pytest.approx(value, rel=5e-3)
        assert "e" not in text
    assert number(0.0) == "0" and number(12345) == "12,300" and number(1.5e-7) == "1.5 × 10⁻⁷"
    assert number(5e-324) == "4.94 × 10⁻³²⁴" and number(-999999.0) == "-1 × 10⁶"
    assert number(100.0) == "100" and number(0.1) == "0.1" and number(math.nan) == "nan"


def test_shares_never_read_as_none_or_all():
    assert [share(x) for x in (0, 1, 0.5, 0.0004, 0.9996)] == [
        "0 %", "100 %", "50 %", "less than 0.1 %", "more than 99.9 %",
    ]  # fmt: skip
    assert [zeros(x) for x in (0, 1, 0.25)] == ["none is 0", "all are 0", "25 % are 0"]


def test_names_are_drawn_as_they_are(gallery):
    assert shortened("a" * 40) == "a" * 15 + "…" + "a" * 14
    assert shortened("short") == "short" and len(shortened("ab" * 20, 9)) == 9
    assert legible("$x$") == r"\$x\$" and legible("a\n b") == "a b" and legible("富.jpg") == "□.jpg"
    assert "hidden" in legible("_hidden") and not legible("_hidden").startswith("_")
    drawn = sparsity_figure(measured({"_a": GRAMS, "$b$": GRAMS}))
    assert len(drawn.legends[0].get_texts()) == 2


# --- heat maps


def expected_colours(matrix):
    """By numpy: colours over log10 between the 1st percentile above 0 and the maximum."""
    above = matrix[matrix > 0]
    low, high = np.log10(np.quantile(above, 0.01)), np.log10(above.max())
    with np.errstate(divide="ignore"):
        place = np.clip((np.log10(matrix) - low) / (high - low), 0, 1)
    return shades()(place)[..., :3]


def test_a_heat_map_shows_each_entry_in_the_order_given():
    gram, order = GRAMS["conv2_1"], [3, 1, 4, 0, 8, 2, 6, 5, 7]
    matrix = gram.double().numpy()[order][:, order]
    whole, strip = (
        axes.images[0].get_array() for axes in heat_map_figure("x", gram, order).axes[:2]
    )
    colours = expected_colours(matrix)
    off = ~np.eye(9, dtype=bool)
    above, zero = off & (matrix > 0), off & (matrix == 0)
    np.testing.assert_allclose(whole[above][:, :3], colours[above], atol=0.02)
    assert zero.any() and (whole[zero][:, :3] == to_rgb(ZERO)).all()
    assert (whole[~off] == 1).all()
    dead = order.index(8)
    np.testing.assert_array_equal(strip[0, dead, :3], to_rgb(ZERO))
    alive = [k for k in range(9) if k != dead]
    np.testing.assert_allclose(strip[0, alive, :3], colours[alive, alive], atol=0.02)


def test_a_heat_map_says_units_and_zeros(gallery):
    text = words(gallery["heat_map"])
    assert "squared units" in text and "exactly 0" in text and "1 channel never fires" in text
    pairs = off_diagonal(GRAMS["conv1_1"])
    assert share(float((pairs == 0).double().mean())) in text
    assert "All pairs are exactly 0; 40 channels never fire" in words(gallery["heat_map of zeros"])
    assert "no pairs" in words(gallery["heat_map of one"])


def test_zero_is_unlike_every_colour_of_the_scale_in_grey_as_well():
    grey = shades()(np.linspace(0, 1, 256))[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(grey) < 0.01).all() and grey[0] > 0.7 > 0.15 > grey[-1]
    distances = np.abs(shades()(np.linspace(0, 1, 256))[:, :3] - to_rgb(ZERO)).max(1)
    assert distances.min() > 0.15


def test_small_multiples_share_one_scale():
    gram = GRAMS["conv1_1"]
    figure = heat_maps_figure({"a": gram, "b": 10 * gram, "c": gram}, "x", range(6))
    one, ten, same = (axes.images[0].get_array() for axes in figure.axes[:6:2])
    strips = [panel(figure, name) for name in "abc"]
    assert strips == figure.axes[1:6:2]
    for axes, strip in zip(figure.axes[:6:2], strips, strict=True):
        assert strip.get_position().y0 > axes.get_position().y1
    np.testing.assert_array_equal(one, same)
    off = (gram.numpy() > 0) & ~np.eye(6, dtype=bool)
    assert (one[off][:, :3].sum(1) >= ten[off][:, :3].sum(1) - 1e-9).all()
    assert not np.array_equal(one, ten)


# --- entries


def test_sorted_points_are_entries_at_their_ranks():
    values = np.concatenate([np.zeros(300), np.sort(np.random.default_rng(0).gamma(1, size=1700))])
    ranks, shown = sorted_points(values)
    assert len(ranks) == 400 and shown[-1] == values[-1] and shown[0] == values[300]
    np.testing.assert_array_equal(values[(ranks * 2000 - 0.5).round().astype(int)], shown)
    assert len(sorted_points(np.zeros(5))[0]) == 0 == len(sorted_points(np.zeros(0))[0])


def test_intensity_draws_the_entries_and_the_fit_above_the_zeros(gallery):
    for layer, gram in GRAMS.items():
        for part, entries, fitted in zip(
            ("diagonal", "off-diagonal"), (diagonal, off_diagonal), FITS[layer], strict=True
        ):
            axes = panel(gallery["intensity"], f"{layer}, {part}")
            values = entries(gram).numpy()
            np.testing.assert_array_equal(axes.lines[0].get_ydata(), values[values > 0])
            zero = (values == 0).mean()
            assert axes.lines[0].get_xdata()[0] == pytest.approx(zero + 0.5 / len(values))
            fit = fitted.best or min(fitted.candidates, key=lambda one: one.ks)
            x, y = axes.lines[1].get_data()
            np.testing.assert_allclose(y, fit.quantile((x - zero) / (1 - zero)), rtol=1e-6)
            assert axes.lines[1].get_linestyle() == ("--" if fitted.best else ":")
            assert fit.name in axes.texts[0].get_text() and zeros(zero) in axes.texts[0].get_text()
            said = fitted.verdict.partition(":")[0]  # "gamma fits", "none fits", "undecided"
            assert said in axes.texts[0].get_text()
            assert axes.get_yscale() == "log"


def test_intensity_says_where_there_is_nothing(gallery):
    text = words(gallery["intensity of one and zeros"])
    assert "all are 0" in text and "no pairs" in text


def test_target_and_result_are_drawn_in_their_own_lines(gallery):
    axes = panel(gallery["target_against_result"], "conv2_1, diagonal")
    for line, gram in zip(axes.lines, (GRAMS["conv2_1"], OTHERS["conv2_1"]), strict=True):
        assert line.get_ydata()[-1] == pytest.approx(float(gram.diagonal().max()))
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()


def test_cosines_add_up_to_the_pairs_that_fire_together(gallery):
    values = off_diagonal(cosines(GRAMS["conv2_1"][:-1, :-1])).numpy()  # the last channel is dead
    axes = panel(gallery["cosines"], "conv2_1")
    heights = axes.collections[0].get_paths()[0].vertices
    edges = np.linspace(0, 1, 41)
    counts = np.histogram(values[values != 0], edges)[0] * 100 / len(values)
    assert heights[:, 1].max() == pytest.approx(counts.max())
    median = layer_statistics(GRAMS["conv2_1"]).cosine_quantiles[2]
    assert axes.lines[0].get_xdata()[0] == pytest.approx(np.median(values)) == median
    assert zeros((values == 0).mean()) in axes.texts[0].get_text()
    assert words(gallery["cosines"]).count("fewer than two\nchannels fire") == 2


# --- sparsity and spectra


CELLS = [(m, p) for m in ("exactly_zero", "near_zero", "hoyer", "gini")
         for p in ("diagonal", "off_diagonal")]  # fmt: skip


@pytest.mark.parametrize(("name", "count"), [("sparsity", 1), ("sparsity of four", 4)])
def test_sparsity_draws_every_number(gallery, name, count):
    found, figure = measured(subjects(count)), gallery[name]
    drawn = [axes for axes in figure.axes if axes.lines]
    assert len(drawn) == 8
    for axes, (measure, part) in zip(drawn, CELLS, strict=True):
        assert len(axes.lines) == count
        for line, layers in zip(axes.lines, found.values(), strict=True):
            expected = [getattr(getattr(one, part), measure) for one in layers.values()]
            np.testing.assert_array_equal(line.get_xdata(), expected)
            np.testing.assert_array_equal(line.get_ydata(), [0, 1, 2])
    assert len(figure.legends) == (count > 1)


def test_sparsity_of_many_is_tables_of_every_number(gallery):
    figure, found = gallery["sparsity of twelve"], measured(subjects(12))
    assert len(figure.axes) == 8 and not figure.legends
    for axes, (measure, part) in zip(figure.axes, CELLS, strict=True):
        expected = [
            [getattr(getattr(one, part), measure) for one in layers.values()]
            for layers in found.values()
        ]
        cells = axes.images[0]
        np.testing.assert_array_equal(cells.get_array(), expected)
        assert cells.get_clim() == (0, 1)
        written = [text.get_text() for text in axes.texts if "diagonal" not in text.get_text()]
        assert written == [f"{value:.2f}" if value else "0" for value in np.ravel(expected)]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == list(found)


def test_cells_that_have_no_room_carry_no_numbers_and_missing_layers_are_empty():
    layers = {f"layer{k}": gram_of(5, seed=k) for k in range(20)}
    found = measured({f"subject {k}": layers for k in range(5)} | {"short": {"layer3": gram_of(5)}})
    axes = sparsity_figure(found).axes[2]
    assert not axes.texts and np.isnan(axes.images[0].get_array()[5].filled(np.nan)).sum() == 19


def test_twelve_subjects_differ_without_colour():
    looks = series(12)
    assert len({look.marker for look in looks}) == 12
    assert len({(look.colour, look.dashes) for look in looks}) == 12


def test_a_subject_without_a_layer_has_no_dot_there():
    found = measured({"a": GRAMS, "b": {"conv3_1": GRAMS["conv3_1"]}})
    lines = next(axes for axes in sparsity_figure(found).axes if axes.lines).lines
    np.testing.assert_array_equal(lines[1].get_ydata(), [2])


def test_spectra_are_shares_of_the_trace_with_their_effective_rank(gallery):
    axes = panel(gallery["spectra"], "conv2_1")
    gram = GRAMS["conv2_1"].double()
    curve, marker = axes.lines
    expected = np.linalg.eigvalsh(gram.numpy())[::-1] / float(gram.trace())
    np.testing.assert_allclose(curve.get_ydata(), expected[expected > 1e-7], rtol=1e-6)
    np.testing.assert_array_equal(curve.get_xdata(), np.arange(1, len(curve.get_ydata()) + 1))
    assert marker.get_xdata()[0] == pytest.approx(effective_rank(gram))
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert "all are 0" in words(gallery["spectra"])


def test_spectra_of_several_mark_every_effective_rank(gallery):
    axes = panel(gallery["spectra of four"], "conv3_1")
    ranks = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
    expected = [effective_rank(one["conv3_1"]) for one in subjects(4).values()]
    np.testing.assert_allclose(ranks, expected)


def test_spectra_of_many_stand_over_the_median_picture(gallery):
    axes = np.reshape(gallery["spectra of twelve"].axes, (3, 12))  # a layer, then its pictures
    for panels, layer in zip(axes, LAYERS, strict=True):
        values = [np.linalg.eigvalsh(one[layer].double().numpy())[::-1]
                  for one in subjects(12).values()]  # fmt: skip
        shares = np.array([one / one.sum() for one in values])
        shares[shares <= 1e-7] = 0
        middle = np.median(shares, 0)
        for one, own in zip(panels, shares, strict=True):
            shown = (own > 0) & (middle > 0)
            ratio = one.lines[0].get_ydata()
            np.testing.assert_allclose(ratio, own[shown] / middle[shown], rtol=1e-6)
            assert one.texts[0].get_text() == number(1 / np.square(own).sum())
            assert len(one.collections) == 2 and one.get_ylim() == pytest.approx((1 / 3, 3))
    named = [one.get_ylabel() for one in axes[0]]
    assert named == list(subjects(12)) and not any(one.get_ylabel() for one in axes[1])


# --- pairs


def test_places_where_both_fire_are_bright_and_coloured_in_light_and_dark_pictures():
    product = np.zeros((3, 5))
    product[1, 2] = 7.0
    light = brightness(product, (12, 20))
    assert light.max() > 0.7 and light[:, :6].max() == 0
    for darkest, brightest in ((0.0, 0.3), (0.6, 1.0)):
        picture = darkest + (brightest - darkest) * seeded_picture(12, 20)
        found, own = spotlit(picture, light), picture[0].permute(1, 2, 0).numpy()
        luminance = (0.299, 0.587, 0.114)
        np.testing.assert_allclose(found[:, :6], 0.1 + 0.26 * (own @ luminance)[:, :6, None]
                                   * np.ones(3), atol=1e-6)  # fmt: skip
        lit = found[light > 0.7]
        assert (lit @ luminance).mean() > 1.5 * (found[:, :6] @ luminance).max()
        assert np.ptp(lit, axis=1).max() > 0.05
        if darkest:
            np.testing.assert_allclose(spotlit(picture, np.ones((12, 20))), own, atol=1e-6)


def test_a_peak_is_the_99th_percentile_and_a_line_encloses_half_of_it():
    product = np.linspace(0, 1, 600).reshape(20, 30)
    product[0, 0] = 50.0  # a place that burns alone
    assert peak(product) == pytest.approx(np.quantile(product, 0.99)) and peak(0 * product) == 0
    assert (brightness(0 * product, (4, 6)) == 0).all()
    pairs = [ChannelPair(1, 4, 0.1, 0.9)]
    figure = pairs_figure("conv1_1", seeded_picture(40, 60), pairs, product[None])
    (lines,) = figure.axes[0].collections
    height = figure.axes[0].images[0].get_array().shape[0]
    rows = lines.get_paths()[0].vertices[:, 1] / height
    np.testing.assert_allclose(rows[rows > 0.2], 0.5, atol=0.07)  # the rest is round the one place


def test_strongest_pairs_carry_their_numbers():
    pairs = [ChannelPair(1, 4, 0.1234, 0.9), ChannelPair(0, 2, 0.02, 0.456)]
    products = np.stack([np.ones((2, 3)), np.zeros((2, 3))])
    figure = pairs_figure("conv1_1", seeded_picture(30, 20), pairs, products)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["1,4   0.123, cosine 0.90", "0,2   0.02, cosine 0.46"]
    assert "never together" in words(figure)


# --- distances and maps


def test_distances_stand_in_the_order_of_their_dendrogram(gallery):
    matrix = cdist(POINTS, POINTS)
    tree = scipy.cluster.hierarchy.linkage(squareform(matrix, checks=False), "average")
    order = leaf_order(matrix, tree)
    cells, drawn = gallery["distances"].axes[:2]
    np.testing.assert_allclose(cells.images[0].get_array(), matrix[order][:, order])
    written = [text.get_text() for text in cells.texts]
    assert written == [number(value, 2) for value in matrix[order][:, order].ravel()]
    heights = sorted(max(line.get_xdata()) for line in drawn.lines)
    np.testing.assert_allclose(heights, tree[:, 2])
    rows = [line.get_ydata()[k] for line in drawn.lines for k in (0, 3)
            if line.get_xdata()[k] == 0]  # fmt: skip
    assert sorted(rows) == [0, 1, 2, 3, 4]
    labels = [label.get_text() for label in cells.get_yticklabels()]
    assert labels == [legible(NAMES[k], 26) for k in order]


def test_a_tree_is_drawn_in_its_shortest_order():
    """Of all orders, those that turn branches, scipy's among them."""
    points = np.random.default_rng(11).normal(size=(7, 3))
    matrix = cdist(points, points)
    found = linkage(matrix)
    plain = scipy.cluster.hierarchy.linkage(squareform(matrix, checks=False), "average")
    np.testing.assert_allclose(found[:, 2:], plain[:, 2:])
    np.testing.assert_array_equal(np.sort(found[:, :2]), np.sort(plain[:, :2]))
    lengths = []
    for flips in itertools.product((1, -1), repeat=6):
        turned = plain.copy()
        turned[:, :2] = [row[:2][::flip] for row, flip in zip(plain, flips, strict=True)]
        order = scipy.cluster.hierarchy.leaves_list(turned)
        lengths.append(matrix[order[:-1], order[1:]].sum())
    order = leaves(found, 7)
    assert matrix[order[:-1], order[1:]].sum() == pytest.approx(min(lengths))
    assert min(lengths) < 0.99 * np.median(lengths)
    assert leaves(linkage(np.zeros((1, 1))), 1) == [0]


def test_many_distances_are_colours_only(gallery):
    figure = gallery["distances of many"]
    assert not figure.axes[0].texts and len(figure.axes) == 3


@pytest.mark.parametrize("matrix", [np.zeros((2, 3)), np.array([[0, 1], [2, 0.0]])])
def test_what_is_no_distance_matrix_is_refused(matrix):
    with pytest.raises(ValueError, match="distances must be"):
        distances_figure(["a", "b"], matrix, "x")
    with pytest.raises(ValueError, match="distances must be"):
        classical_scaling(matrix)


def test_scaling_finds_points_of_the_plane_again():
    found, explained = classical_scaling(cdist(POINTS, POINTS))
    np.testing.assert_allclose(cdist(found, found), cdist(POINTS, POINTS), atol=1e-9)
    assert explained == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-12)
    assert np.ptp(found[:, 0]) > 0 and (np.square(found).sum(0)[0] >= np.square(found).sum(0)[1])
    assert (found[np.abs(found).argmax(0), [0, 1]] > 0).all()


def test_the_share_explained_is_that_of_principal_components():
    points = np.random.default_rng(1).normal(size=(9, 4)) * (3, 2, 1, 0.5)
    found, explained = classical_scaling(cdist(points, points))
    values = np.square(np.linalg.svd(points - points.mean(0), compute_uv=False))
    assert explained == pytest.approx(values[:2].sum() / values.sum())
    np.testing.assert_allclose(np.square(found).sum(0), values[:2])


def test_scaling_of_few_points_and_of_impossible_distances():
    points, explained = classical_scaling(np.zeros((1, 1)))
    np.testing.assert_array_equal(points, [[0, 0]])
    assert explained == 1.0
    points, explained = classical_scaling([[0, 4.0], [4.0, 0]])
    np.testing.assert_allclose(np.abs(points), [[2, 0], [2, 0]], atol=1e-7)
    impossible = np.array([[0, 1, 5.0], [1, 0, 1], [5, 1, 0]])  # the direct way is longer
    assert classical_scaling(impossible)[1] < 1


def test_boxes_leave_each_other_and_stay_in_the_frame():
    centres = np.array([[2.0, 2.0]] * 6 + [[8.5, 1.0], [9.0, 1.1]])
    boxes = np.array([[1.2, 0.9]] * 8)
    moved = apart(centres, boxes, np.array([10.0, 5.0]))
    for a in range(8):
        for b in range(a):
            assert (np.abs(moved[a] - moved[b]) >= boxes[0] - 1e-2).any()
    assert (moved >= boxes / 2).all() and (moved <= (10, 5) - boxes / 2).all()
    np.testing.assert_array_equal(moved, apart(centres, boxes, np.array([10.0, 5.0])))
    far = np.array([[2.0, 2.0], [8.0, 3.0]])
    np.testing.assert_allclose(apart(far, boxes[:2], np.array([10.0, 5.0])), far, atol=1e-3)


def test_a_map_shows_its_pictures_around_their_places(gallery):
    coordinates = np.array([[-3, 0], [3, 0], [0, 2.0]])
    figure = map_figure(coordinates, thumbnails(3), ["a", "b", "c"], 0.123)
    axes = figure.axes[0]
    for image, place in zip(axes.images, coordinates, strict=True):
        left, right, bottom, top = image.get_extent()
        assert left < place[0] < right and bottom < place[1] < top
    across, down = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
    box = axes.get_window_extent()
    assert box.width / across == pytest.approx(box.height / down)  # distances are true both ways
    assert "12.3 %" in words(figure)
    assert not axes.lines
    assert len(gallery["style_map"].axes[0].images) == 5
    assert not gallery["style_map of many"].axes[0].texts


def test_pictures_of_the_same_style_are_led_back_to_their_place():
    figure = map_figure(np.zeros((6, 2)), thumbnails(6), list("abcdef"), 1.0)
    ends = [line.get_xydata()[-1] for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert len(ends) >= 4
    np.testing.assert_allclose(ends, 0, atol=1e-12)


# --- traces and collections


def test_a_loss_trace_is_its_losses_with_its_sizes(gallery):
    axes = gallery["loss_trace"].axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [4, 2, 3, 0.5, 0.25])
    assert [text.get_text() for text in axes.texts] == ["32 px", "64 px"]
    assert "From 4 to 0.25 in 5 evaluations" in words(gallery["loss_trace"])


def test_a_thinned_trace_tells_how_many_evaluations_there_were():
    trace = [(1, 32, 4.0), (501, 32, 2.0), (1500, 32, 1.0), (1501, 64, None)]
    text = words(trace_figure(trace))
    assert "From 4 to 1 in 1,501 evaluations; the last loss is not finite" in text
    assert "last" not in words(trace_figure(trace[:-1]))
    assert "No loss is finite, of 7 evaluations" in words(trace_figure([(7, 32, None)]))
    told = alt_texts.trace_alt(trace)
    assert "over 1,501 evaluations" in told and "goes from 4 to 1;" in told
    assert "The last loss is not finite." in told
    assert "last" not in alt_texts.trace_alt(trace[:-1])


@pytest.mark.parametrize("losses", [[0.0, 0.0], [math.nan, 1.0], [math.inf], [3.0]])
def test_a_loss_trace_leaves_out_what_a_logarithm_has_not(losses):
    trace = [(k, 32, loss) for k, loss in enumerate(losses, 1)]
    figure = trace_figure(trace)
    drawn = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(np.isfinite(drawn), np.isfinite(losses) & (np.array(losses) > 0))
    figure.canvas.draw()
    assert alt_texts.trace_alt(trace).startswith(f"Curve of the loss over {len(trace)}")


def test_distributions_tell_their_medians(gallery):
    figure = gallery["distributions"]
    text = words(figure)
    assert "15" in text.split("\n") and "2.5" in text.split("\n") and "no values" in text
    assert "29 styles" in text
    axes = figure.axes[0]
    body = axes.collections[0].get_paths()[0].vertices
    assert body[:, 0].min() == pytest.approx(1) and body[:, 0].max() == pytest.approx(29)


# --- alternative texts


def test_a_heat_map_is_told_by_its_ends_and_medians():
    gram = torch.tensor([[4.0, 0.0, 1.5], [0.0, 2.0, 0.25], [1.5, 0.25, 9.0]])
    told = alt_texts.heat_map_alt("conv1_1", gram)
    for part in (
        "Heat map", "conv1_1", "3 by 3 channels",
        "largest off-diagonal entry is 1.5 at channels 0,2",
        "smallest above 0 is 0.25 at 1,2", "33.3 % are 0", "largest 9 (channel 2)",
        "smallest 2 (channel 1)", "median is 4 on the diagonal and 0.25 off it, 16 times as much",
    ):  # fmt: skip
        assert part in told
    assert "all are 0" in alt_texts.heat_map_alt("x", torch.zeros(3, 3))
    assert "1 channel" in alt_texts.heat_map_alt("x", torch.ones(1, 1))


def test_entries_are_told_with_their_fits():
    generator = np.random.default_rng(0)
    two = np.concatenate([generator.uniform(1, 1.1, 500), generator.uniform(99, 100, 500)])
    few, many, none = (
        fits(torch.from_numpy(values))
        for values in (generator.gamma(0.6, 7, 12), generator.gamma(0.6, 7, 4000), two)
    )
    told = alt_texts.intensity_alt(GRAMS, {"conv1_1": (few, many), "conv2_1": (none, few)})
    assert "best fit to within 5 %: undecided on the diagonal, gamma off it" in told
    assert "best fit to within 5 %: none on the diagonal, undecided off it" in told
    top = max(GRAMS, key=lambda layer: float(GRAMS[layer].max()))
    assert f"largest {number(float(GRAMS[top].max()))} ({top})" in told
    told = alt_texts.target_alt({"conv1_1": (GRAMS["conv1_1"], OTHERS["conv1_1"])})
    assert number(float(OTHERS["conv1_1"].diagonal().mean())) in told


def test_several_subjects_are_told_by_who_is_first_and_last():
    found = subjects(3)
    told = alt_texts.heat_maps_alt({n: g["conv2_1"] for n, g in found.items()}, "conv2_1")
    peaks = {n: float(off_diagonal(g["conv2_1"]).max()) for n, g in found.items()}
    assert f"largest {number(max(peaks.values()))} ({max(peaks, key=peaks.get)})" in told
    told = alt_texts.spectra_alt(eigenvalues(found))
    ranks = {f"{n} at {la}": effective_rank(g) for n, one in found.items() for la, g in one.items()}
    low = min(ranks, key=ranks.get)
    assert f"smallest {number(ranks[low])} ({low})" in told
    told = alt_texts.sparsity_alt(measured(found))
    ginis = {f"{n} at {la}": layer_statistics(g).diagonal.gini
             for n, one in found.items() for la, g in one.items()}  # fmt: skip
    top = max(ginis, key=ginis.get)
    assert f"Gini index: largest {number(ginis[top])} ({top})" in told


def test_cosines_pairs_and_collections_are_told():
    told = alt_texts.cosines_alt(GRAMS | {"one": torch.ones(1, 1)})
    values = cosines(GRAMS["conv2_1"][:-1, :-1]).triu(1)
    i, j = divmod(int(values.argmax()), len(values))
    assert f"the largest is {number(float(values.max()))} at channels {i},{j}." in told
    middles = {la: layer_statistics(gram).cosine_quantiles[2] for la, gram in GRAMS.items()}
    top = max(middles, key=middles.get)
    assert f"Median cosine: largest {number(middles[top])} ({top})" in told
    assert "one: fewer than two channels fire" in told
    pairs = [ChannelPair(1, 4, 0.5, 0.9), ChannelPair(0, 2, 0.1, 0.456)]
    products = np.array([[[1.0, 0], [0, 0]], [[1, 1], [0, 1]]])
    told = alt_texts.pairs_alt("conv1_1", pairs, products)
    assert "1,4: 0.5, cosine 0.9, at half its peak or more in 25 % of the picture" in told
    assert "The first is 5 times the last" in told
    assert "No two channels" in alt_texts.pairs_alt("conv1_1", [], np.zeros((0, 2, 2)))
    told = alt_texts.distributions_alt({"a": [1.0, 2, 9]}, "rank")
    assert "3 styles" in told and "a: median 2, from 1 to 9" in told


def test_distances_and_maps_are_told_by_their_ends():
    matrix = np.array([[0, 1, 5.0], [1, 0, 3], [5, 3, 0]])
    told = alt_texts.distances_alt(["a", "b", "c"], matrix, "a distance")
    assert "Nearest: a and b, 1" in told and "Farthest: a and c, 5" in told
    assert "largest 4 (c), smallest 2 (b)" in told
    assert "no distances" in alt_texts.distances_alt(["a"], [[0.0]], "a distance")
    told = alt_texts.map_alt([[-2, 0], [2, 0.1], [0.0, -1]], ["a", "b", "c"], 0.75)
    assert "farthest right: b" in told and "Farthest down: c" in told and "75 %" in told
    told = alt_texts.trace_alt(TRACE)
    assert "goes from 4 to 0.25" in told and "64 px from evaluation 3" in told


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (99.95, 3, "99.9"),
        (99.996, 4, "99.99"),
        (99.949, 3, "99.9"),
        (100.0, 3, "100"),
        (100.04, 4, "100"),
        (0.99997, 4, "0.9999"),
        (1.0, 4, "1"),
        (1.0000001, 4, "1"),
        (12345.0, 3, "1.23e+04"),
        (0.0, 4, "0"),
        (-0.99999, 3, "-1"),
    ],
)
def test_what_is_not_all_never_reads_as_if_it_were(value, digits, shown):
    assert significant(value, digits) == shown
