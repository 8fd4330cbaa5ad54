"""Plots of Python: what is drawn against numpy, into given axes, in one look, at the least cost."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb, to_rgba

import stylespace as ss
from stylespace.errors import StyleError, UsageError
from stylespace.figures.dark import GROUND
from stylespace.figures.drawing import INK, SMALL, ZERO, shades
from stylespace.networks.loading import load_network

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ("conv1_1", "conv1_2", "conv2_1")
PLOTS = {
    "gram": lambda style, **rest: ss.plot_gram(style, "conv1_2", **rest),
    "sparsity": ss.plot_sparsity,
    "spectrum": ss.plot_spectrum,
}


@pytest.fixture(autouse=True)
def closed():
    """No figure stays open."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def network():
    return load_network(weights="random:0")


@pytest.fixture(scope="module")
def styles(network):
    pictures = [torch.rand(1, 3, 20, 28, generator=torch.Generator().manual_seed(k))
                for k in range(6)]  # fmt: skip
    return {f"style {k}": ss.Style.capture(network, one, LAYERS)
            for k, one in enumerate(pictures)}  # fmt: skip


@pytest.fixture(scope="module")
def style(styles):
    return styles["style 0"]


def gram_of(style, layer):
    return style.grams[layer].double().numpy()


def drawn(figure):
    """What a screen would show."""
    canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def test_a_gram_matrix_is_drawn_entry_by_entry(style):
    gram = gram_of(style, "conv1_2")
    order = np.random.default_rng(0).permutation(len(gram)).tolist()
    axes = ss.plot_gram(style, "conv1_2", order=order)
    matrix = gram[order][:, order]
    low, high = np.log10([np.quantile(gram[gram > 0], 0.01), gram.max()])
    with np.errstate(divide="ignore"):
        expected = shades()(np.clip((np.log10(matrix) - low) / (high - low), 0, 1))
    expected[matrix == 0] = to_rgba(ZERO)
    np.fill_diagonal(matrix, np.nan)
    off = np.isfinite(matrix)
    found = axes.images[0].get_array()
    np.testing.assert_allclose(found[off], expected[off], atol=0.02)
    assert (found[~off] == 1).all()
    strip = axes.child_axes[0].images[0].get_array()[0]
    np.testing.assert_allclose(strip, expected[~off], atol=0.02)
    assert axes.child_axes[0].get_title("left") == "conv1_2"


def test_gram_matrices_of_several_share_a_scale_and_an_order(styles):
    two = dict(list(styles.items())[:2])
    axes = ss.plot_gram(two, "conv2_1")
    assert axes.shape == (2,) and axes[0].figure is axes[1].figure
    assert [one.child_axes[0].get_title("left") for one in axes] == [
        "style 0, conv2_1", "style 1, conv2_1",
    ]  # fmt: skip
    order = ss.figures.plots.similarity_order(two["style 0"].grams["conv2_1"])
    again = ss.plot_gram(list(two.values()), "conv2_1", order=order)
    for one, other in zip(axes, again, strict=True):
        np.testing.assert_array_equal(one.images[0].get_array(), other.images[0].get_array())
    values = [gram_of(one, "conv2_1")[np.ix_(order, order)] for one in two.values()]
    shown = [one.images[0].get_array()[..., :3].sum(2) for one in axes]
    larger = (values[1] > 1.5 * values[0]) & (values[0] > 0) & ~np.eye(len(order), dtype=bool)
    assert larger.any() and (shown[1][larger] <= shown[0][larger] + 1e-9).all()


def test_sparsity_and_spectra_are_numpys(style):
    axes = ss.plot_sparsity(style, measure="exactly_zero", part="diagonal")
    expected = [(np.diagonal(gram_of(style, layer)) == 0).mean() for layer in LAYERS]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), expected)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(LAYERS)
    axes = ss.plot_spectrum(style, layer="conv1_1")
    values = np.linalg.eigvalsh(gram_of(style, "conv1_1"))[::-1]
    shares = values / values.sum()
    np.testing.assert_allclose(axes.lines[0].get_ydata(), shares[shares > 1e-7], rtol=1e-6)
    assert axes.lines[1].get_xdata()[0] == pytest.approx(1 / np.square(shares).sum())
    assert axes.get_title("left") == "conv1_1" and axes.get_legend() is None


def test_several_are_lines_under_their_names_and_many_a_table(styles):
    few = dict(list(styles.items())[:3])
    for axes in (ss.plot_sparsity(few), ss.plot_spectrum(few)):
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert names == list(few)
    assert axes.get_title("left") == "conv1_2", "the middle layer of three"
    every = ss.plot_spectrum(few["style 0"])
    assert [text.get_text() for text in every.get_legend().get_texts()] == list(LAYERS)
    table = ss.plot_sparsity(list(styles.values()), measure="hoyer")
    assert table.images[0].get_array().shape == (6, 3) and table.get_legend() is None


@pytest.mark.parametrize("name", PLOTS)
def test_given_axes_are_drawn_into_and_their_neighbours_are_not(name, style):
    figure, (left, right) = plt.subplots(1, 2)
    assert PLOTS[name](style, ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert not left.has_data() and right.has_data()


@pytest.mark.parametrize("name", PLOTS)
def test_the_look_is_the_same_whatever_matplotlib_is_set_to_and_stays(name, style):
    odd = {"font.size": 22, "font.family": "serif", "axes.grid": True, "lines.linewidth": 9,
           "axes.labelcolor": "red", "xtick.labelsize": 30, "axes.titlelocation": "right",
           "axes.titleweight": "bold", "axes.labelweight": "bold", "axes.spines.top": True,
           "text.color": "red", "xtick.top": True, "image.cmap": "hot"}  # fmt: skip
    pictures = []
    for changes in ({}, odd):
        figure, axes = plt.subplots(figsize=(5, 4), dpi=80)
        with matplotlib.rc_context(changes):
            before = dict(matplotlib.rcParams)
            figure, axes = plt.subplots(figsize=(5, 4), dpi=80)
            PLOTS[name](style, ax=axes)
            assert dict(matplotlib.rcParams) == before
            pictures.append(drawn(figure))
    np.testing.assert_array_equal(*pictures)


@pytest.mark.parametrize("name", PLOTS)
def test_plots_in_dark_figures_are_dark(name, style):
    with plt.style.context("dark_background"):
        figure, axes = plt.subplots()
    PLOTS[name](style, ax=axes)
    assert to_rgb(axes.get_facecolor()) == to_rgb(GROUND)
    labels = [label for label in axes.get_yticklabels() if label.get_text()]
    assert all(label.get_color() != INK for label in labels)


def test_a_plot_without_axes_is_a_figure_of_pyplots_on_white(style):
    for name, plot in PLOTS.items():
        axes = plot(style)
        assert plt.get_fignums() and axes.figure is plt.gcf(), name
        assert (drawn(axes.figure)[0] == 255).all()
        sizes = {text.get_fontsize() for text in axes.get_yticklabels()}
        assert sizes <= {SMALL}
        plt.close(axes.figure)
    assert not plt.get_fignums()


def test_styles_are_named_after_their_pictures(network, tmp_path):
    image = torch.rand(1, 3, 12, 16)
    paths = [tmp_path / f"{name}.png" for name in ("first", "second")]
    for path in paths:
        ss.write_image(path, image)
    found = [ss.Style.capture(network, str(path), LAYERS[:2]) for path in paths]
    axes = ss.plot_sparsity(found)
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert ["first" in names[0], "second" in names[1]] == [True, True]
    axes = ss.plot_sparsity([found[0], found[0]])
    assert len({text.get_text() for text in axes.get_legend().get_texts()}) == 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s: ss.plot_gram(s, "conv1_3"), UsageError, "Did you mean 'conv1_"),
        (lambda s: ss.plot_spectrum(s, layer="conv2_2"), UsageError, "Did you mean 'conv2_1'"),
        (lambda s: ss.plot_gram("a.jpg", "conv1_1"), UsageError, "Style.capture or Style.load"),
        (lambda s: ss.plot_sparsity({"a": 3}), UsageError, "style=3: a style"),
        (lambda s: ss.plot_sparsity([]), UsageError, "there is no style to draw"),
        (lambda s: ss.plot_sparsity(s, measure="ginni"), UsageError, "Did you mean 'gini'"),
        (lambda s: ss.plot_sparsity(s, part="all"), UsageError, "Known: diagonal, off_diagonal"),
        (lambda s: ss.plot_sparsity(s, 3), UsageError, "ax must be axes of matplotlib"),
        (lambda s: ss.plot_gram([s, s], "conv1_1", plt.gca()), UsageError, "2 axes of matplotlib"),
        (lambda s: ss.plot_gram(s, "conv1_1", order=[0, 1]), UsageError, "each of the 64 channels"),
        (lambda s: ss.plot_gram(s, 3), UsageError, "layer=3"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(style, call, error, words):
    with pytest.raises(error) as caught:
        call(style)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_styles_of_two_spaces_are_not_drawn_together(style):
    other = load_network(weights="random:1")
    alien = ss.Style.capture(other, torch.rand(1, 3, 20, 28), LAYERS)
    with pytest.raises(StyleError, match=r"'b' lives in another style space .*draw it alone"):
        ss.plot_sparsity({"a": style, "b": alien})


def test_the_package_costs_neither_torch_nor_matplotlib():
    code = ("import sys, stylespace; assert 'plot_gram' in dir(stylespace); "
            "assert not {'torch', 'matplotlib'} & set(sys.modules)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)
