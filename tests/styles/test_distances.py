"""Distances between styles, against numpy and scipy, and the axioms that they keep or break."""

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch
from tiny import seeded_picture, tiny_network

from stylespace.errors import StyleError, StylespaceError, UsageError
from stylespace.networks.space import Space
from stylespace.styles.distances import (
    BURES_MOST,
    DISTANCES,
    TOGETHER,
    as_metric,
    bures_distance,
    distance_matrix,
    geometric_mean,
    gram_distances,
    layer_pairs,
    relative_distance,
    streamed_distances,
    style_distances,
    style_header,
    symmetric_distances,
    together,
)
from stylespace.styles.distances.streamed import SKETCH, bin_edges, inner_products, sketch
from stylespace.styles.moments import LayerStyle
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

SPACE = Space("tiny", "average", "zeros", "0" * 64)


def captured(seed, layers=("conv1_1", "conv3_1"), **options):
    return Style.capture(tiny_network(**options), seeded_picture(13, 22, seed=seed), layers)


def test_relative_distance_is_numpys():
    x, t = torch.randn(3, 4), torch.randn(3, 4)
    a, b = x.double().numpy(), t.double().numpy()
    expected = np.linalg.norm(a - b) ** 2 / np.linalg.norm(b) ** 2
    assert relative_distance(x, t) == pytest.approx(expected, rel=1e-12)
    assert relative_distance(t, t) == 0 and relative_distance(torch.zeros(3, 4), t) == 1


def test_relative_distance_does_not_depend_on_the_scale():
    x, t = torch.randn(3, 4), torch.randn(3, 4)
    for scale in (1e-15, 1e15):  # squares that float32 does not hold
        assert relative_distance(scale * x, scale * t) == pytest.approx(relative_distance(x, t))


def test_distance_to_a_zero_target_is_the_plain_square():
    assert relative_distance(torch.full((2, 3), 2.0), torch.zeros(2, 3)) == 24
    assert relative_distance(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_layer_pairs_hold_the_layers_of_the_target():
    one, two = captured(0), captured(1, ("conv3_1",))
    assert layer_pairs(one, two) == {"conv3_1": (one.layers["conv3_1"], two.layers["conv3_1"])}


def test_gram_distances_name_every_layer_of_the_target():
    one, two = captured(0), captured(1)
    found = gram_distances(one, two)
    assert list(found) == ["conv1_1", "conv3_1"]
    for name, value in found.items():
        a, b = one.layers[name].gram.numpy(), two.layers[name].gram.numpy()
        assert value == pytest.approx(((a - b) ** 2).sum() / (b**2).sum(), rel=1e-12) and value > 0
    assert gram_distances(one, one) == {"conv1_1": 0, "conv3_1": 0}
    assert list(gram_distances(one, captured(1, ("conv3_1",)))) == ["conv3_1"]


@pytest.mark.parametrize("compared", [gram_distances, layer_pairs])
def test_a_layer_that_is_not_there_is_named(compared):
    with pytest.raises(StylespaceError, match="'conv2_1'"):
        compared(captured(0), captured(1, ("conv1_1", "conv2_1")))


@pytest.mark.parametrize("compared", [gram_distances, layer_pairs])
def test_styles_of_different_spaces_do_not_compare(compared):
    with pytest.raises(StylespaceError, match="pooling max instead of average"):
        compared(captured(0, pooling="max"), captured(1))


def test_geometric_mean():
    assert geometric_mean({"a": 2.0, "b": 8.0}) == pytest.approx(4)
    assert geometric_mean({"a": 1e-300, "b": 1e-200, "c": 1e-250}) == pytest.approx(1e-250)
    assert geometric_mean({"a": 0.0, "b": 8.0}) == 0


# Kinds of distances between two styles.


def layer_of(features):
    """The layer of features (C, N)."""
    features = torch.as_tensor(features, dtype=torch.float64)
    return LayerStyle(features.mean(1), features @ features.T / features.shape[1], len(features))


def style_of(*layers, space=SPACE):
    return Style({f"conv{n}_1": layer for n, layer in enumerate(layers, 1)}, space)


def of_gram(gram, mean=None):
    """A style of one layer with this Gram matrix."""
    gram = torch.as_tensor(gram, dtype=torch.float64)
    return style_of(LayerStyle(torch.zeros(len(gram)) if mean is None else mean, gram, 9))


def features(seed, channels=5, positions=40):
    generator = np.random.default_rng(seed)
    return np.maximum(generator.standard_normal((channels, positions)) + 0.2, 0) ** 2


def random_style(seed, channels=(5, 3), scale=None):
    """Layers of ReLU features, of different scales and often of deficient rank."""
    scale = 4.0 ** (seed % 3) if scale is None else scale
    return style_of(
        *(layer_of(scale * features(seed, c, 2 + seed % 7)) for c in channels),
    )


def between(one, two, kind):
    return symmetric_distances(one, two, kind)["conv1_1"]


def numpys(one, two, kind):
    """The distance of a layer by an independent route."""
    a, b = one.gram.double().numpy(), two.gram.double().numpy()
    if kind == "gram":
        return 2 * np.linalg.norm(a - b) ** 2 / (np.linalg.norm(a) ** 2 + np.linalg.norm(b) ** 2)
    if kind == "cosine":
        return 1 - (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    if kind == "bures":
        m, n = one.mean.double().numpy(), two.mean.double().numpy()
        s, t = a - np.outer(m, m), b - np.outer(n, n)
        root = scipy.linalg.sqrtm(s).real
        cross = scipy.linalg.sqrtm(root @ t @ root).real
        square = ((m - n) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(cross)
        return 2 * square / (np.trace(a) + np.trace(b))
    rows, columns = np.triu_indices(len(a), 1)
    shares = []
    for x, y in ((a.diagonal(), b.diagonal()), (a[rows, columns], b[rows, columns])):
        under = np.maximum(np.sort(x), np.sort(y)).mean()
        shares.append(scipy.stats.wasserstein_distance(x, y) / under)
    return np.mean(shares)


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_distance_is_numpys_and_scipys(kind):
    for seed in range(6):
        one, two = layer_of(features(seed)), layer_of(1.7 * features(seed + 50))
        found = between(style_of(one), style_of(two), kind)
        assert found == pytest.approx(numpys(one, two, kind), rel=1e-9) and found > 0.01


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_captured_style_is_compared_layer_by_layer(kind):
    one, two = captured(0), captured(1)
    found = symmetric_distances(one, two, kind)
    assert list(found) == ["conv1_1", "conv3_1"]
    for name, value in found.items():
        expected = numpys(one.layers[name], two.layers[name], kind)
        assert value == pytest.approx(expected, rel=1e-5)  # sqrtm of nearly singular matrices


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_distance_is_zero_at_home_and_symmetric(kind):
    for seed in range(8):
        one, two = random_style(seed), random_style(seed + 9)
        for name, value in symmetric_distances(one, one, kind).items():
            assert 0 <= value < 1e-13, name
        there, back = symmetric_distances(one, two, kind), symmetric_distances(two, one, kind)
        assert there == pytest.approx(back, rel=1e-11) and min(there.values()) > 1e-6


@pytest.mark.parametrize("kind", DISTANCES)
def test_the_metric_keeps_the_triangle_inequality_alone_and_together(kind):
    styles = [random_style(seed, scale=1.5 ** (seed % 5)) for seed in range(11)]
    styles += [style_of(layer_of(np.zeros((5, 4))), layer_of(features(99, 3)))]
    for matrix in distance_matrix(styles, kind).values():
        d = as_metric(matrix, kind)
        assert d.shape == (12, 12) and d.max() > 0.5
        for i, j, k in itertools.permutations(range(12), 3):
            assert d[i, k] <= d[i, j] + d[j, k] + 1e-12


TRIANGLES = {
    "gram": ([[1.0]], [[2.0]], [[3.0]]),
    "cosine": (np.diag([1.0, 0]), np.diag([1.0, 1]), np.diag([0, 1.0])),
    "bures": ([[1.0]], [[4.0]], [[9.0]]),
}


@pytest.mark.parametrize("kind", TRIANGLES)
def test_the_squares_themselves_break_the_triangle_inequality(kind):
    a, b, c = map(of_gram, TRIANGLES[kind])
    assert between(a, c, kind) > between(a, b, kind) + between(b, c, kind) + 0.2
    assert as_metric(between(a, c, kind), kind) <= sum(
        as_metric(between(*pair, kind), kind) for pair in ((a, b), (b, c))
    )


def test_an_area_by_the_mean_of_both_sizes_would_break_the_triangle_inequality():
    """Why kind wasserstein divides by the area under the higher curve."""
    a, b, c = (np.array(x, float) for x in ([0, 2], [1, 2], [1, 1]))

    def by_mean(x, y):
        return np.abs(x - y).sum() / (x.sum() + y.sum())

    assert by_mean(a, c) > by_mean(a, b) + by_mean(b, c)
    a, b, c = (of_gram(np.diag(x)) for x in (a, b, c))
    kind = "wasserstein"
    assert between(a, c, kind) <= between(a, b, kind) + between(b, c, kind)


def test_what_each_kind_does_not_tell_apart():
    gram, order = torch.tensor(features(3) @ features(3).T), torch.tensor([3, 0, 4, 1, 2])
    mean = torch.full((5,), 0.1, dtype=torch.float64)
    same, moved = of_gram(gram), of_gram(gram, mean)
    louder, turned = of_gram(7 * gram), of_gram(gram[order][:, order])
    apart = {
        kind: [between(same, other, kind) > 1e-9 for other in (moved, louder, turned)]
        for kind in DISTANCES
    }
    assert apart == {
        "gram": [False, True, True],
        "cosine": [False, False, True],
        "bures": [True, True, True],
        "wasserstein": [False, True, False],
    }


@pytest.mark.parametrize(("kind", "most"), {"gram": 2, "cosine": 1, "bures": 2}.items())
def test_nothing_at_all_is_farthest_and_home_is_home(kind, most):
    nothing, some = of_gram(np.zeros((3, 3))), style_of(layer_of(features(0, 3)))
    assert between(nothing, nothing, kind) == 0
    assert between(nothing, some, kind) == pytest.approx(most)
    assert between(some, nothing, kind) == pytest.approx(most)
    assert between(nothing, nothing, "wasserstein") == 0
    assert between(some, nothing, "wasserstein") == pytest.approx(1)


@pytest.mark.parametrize("kind", DISTANCES)
def test_distances_have_no_units_and_stay_in_their_range(kind):
    most = {"gram": 2, "bures": 2}.get(kind, 1)
    for seed in range(6):
        one, two = (layer_of(features(seed + n, positions=3)) for n in (0, 20))
        tiny = [style_of(layer_of(1e-6 * features(seed + n, positions=3))) for n in (0, 20)]
        found = between(style_of(one), style_of(two), kind)
        assert 0 < found <= most and between(*tiny, kind) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_layer_of_one_channel_has_distances(kind):
    one, two = (style_of(layer_of(features(seed, 1))) for seed in (0, 1))
    assert 0 <= between(one, two, kind) <= 2 and between(one, one, kind) < 1e-15
    assert between(one, two, "wasserstein") > 0


def test_gram_towards_a_target_is_the_matching_loss_and_not_symmetric():
    one, two = captured(0), captured(1)
    assert style_distances(one, two) == gram_distances(one, two)
    three = of_gram(3 * torch.eye(4)), of_gram(torch.eye(4))
    assert style_distances(*three)["conv1_1"] == pytest.approx(4)
    assert style_distances(*three[::-1])["conv1_1"] == pytest.approx(4 / 9)
    for kind in tuple(DISTANCES)[1:]:
        assert style_distances(one, two, kind) == symmetric_distances(one, two, kind)


def test_the_symmetric_form_is_the_matching_loss_where_the_norms_agree():
    one, two = (torch.tensor(features(seed)) for seed in (1, 2))
    one, two = (x @ x.T / (x @ x.T).norm() for x in (one, two))
    found = between(of_gram(one), of_gram(two), "gram")
    assert found == pytest.approx(relative_distance(one, two), rel=1e-12)


# The Wasserstein-2 distance of normal distributions.


def test_bures_of_diagonal_covariances_is_that_of_the_deviations():
    s, t = torch.tensor([4.0, 0.0, 9.0]), torch.tensor([1.0, 16.0, 0.0])
    m, n = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 3.0])
    found = bures_distance(m, torch.diag(s), n, torch.diag(t))
    assert found == pytest.approx(4 + 1 + 16 + 9, rel=1e-12)


def test_bures_does_not_depend_on_the_axes():
    turn = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q
    a, b = (layer_of(features(seed)) for seed in (0, 1))
    one, two = ((x.mean, x.gram - torch.outer(x.mean, x.mean)) for x in (a, b))
    turned = [(turn @ m, turn @ s @ turn.T) for m, s in (one, two)]
    assert bures_distance(*turned[0], *turned[1]) == pytest.approx(bures_distance(*one, *two))


def test_bures_is_the_cost_of_moving_points_where_the_map_is_linear():
    """The image of points under a symmetric positive map is their optimal transport."""
    points = torch.randn(4, 300, dtype=torch.float64)
    root = torch.randn(4, 4, dtype=torch.float64)
    moved = (root @ root.T / 4 + 0.1 * torch.eye(4)) @ points + torch.arange(4.0)[:, None]
    one, two = (layer_of(x) for x in (points, moved))
    parts = [(x.mean, x.gram - torch.outer(x.mean, x.mean)) for x in (one, two)]
    cost = float((points - moved).square().sum(0).mean())
    assert bures_distance(*parts[0], *parts[1]) == pytest.approx(cost, rel=1e-10)


def test_bures_of_deficient_ranks_is_exact_to_the_last_digits():
    x = torch.tensor(features(0, 12, 3))
    s, zero = x @ x.T, torch.zeros(12)
    assert bures_distance(zero, s, zero, s) < 1e-13 * float(s.trace())
    nearby = (1 + 1e-6) ** 2 * s  # the traces alone would leave 1e-16 of noise on 1e-12
    expected = 1e-12 * float(s.trace())
    assert bures_distance(zero, s, zero, nearby) == pytest.approx(expected, rel=1e-3)
    assert bures_distance(zero, s, zero, 0 * s) == pytest.approx(float(s.trace()))


def test_negative_eigenvalues_of_rounding_count_as_zero():
    s = torch.diag(torch.tensor([2.0, -1e-9]))
    assert (
        bures_distance(torch.zeros(2), s, torch.zeros(2), torch.diag(torch.tensor([2.0, 0]))) == 0
    )


# Matrices of distances.


@pytest.mark.parametrize("kind", DISTANCES)
def test_a_matrix_holds_every_pair(kind):
    styles = [captured(seed) for seed in range(4)]
    found = distance_matrix(styles, kind)
    assert list(found) == ["conv1_1", "conv3_1", TOGETHER]
    for i, j in itertools.product(range(4), repeat=2):
        expected = symmetric_distances(styles[i], styles[j], kind)
        for name in expected:
            assert found[name][i, j] == pytest.approx(expected[name], rel=1e-9, abs=1e-13)
        assert found[TOGETHER][i, j] == pytest.approx(np.mean(list(expected.values())), abs=1e-13)
    for matrix in found.values():
        assert (matrix == matrix.T).all() and not matrix.diagonal().any()


def test_a_matrix_of_chosen_layers_or_of_one_style():
    styles = [captured(seed) for seed in range(2)]
    assert list(distance_matrix(styles, layers=["conv3_1"])) == ["conv3_1", TOGETHER]
    assert distance_matrix(styles[:1])[TOGETHER].tolist() == [[0.0]]


def test_together_is_the_mean():
    assert together({"a": 1.0, "b": 2.0, "c": 6.0}) == 3
    assert together({"a": np.eye(2), "b": np.zeros((2, 2))}).tolist() == [[0.5, 0], [0, 0.5]]


@pytest.mark.parametrize(
    "call",
    [
        lambda kind: style_distances(captured(0), captured(1), kind),
        lambda kind: distance_matrix([captured(0)], kind),
        lambda kind: as_metric(1.0, kind),
        lambda kind: streamed_distances(["no.style.safetensors"], kind),
    ],
)
def test_an_unknown_kind_is_answered_with_the_nearest(call):
    with pytest.raises(UsageError, match="'burres'. Did you mean 'bures'.*gram, cosine, bures, w"):
        call("burres")


def test_matrices_refuse_nothing_other_spaces_and_missing_layers():
    with pytest.raises(StyleError, match="no styles"):
        distance_matrix([])
    with pytest.raises(StyleError, match="pooling"):
        distance_matrix([captured(0), captured(1, pooling="max")])
    with pytest.raises(UsageError, match="conv2_1"):
        distance_matrix([captured(0)], layers=["conv2_1"])


# Matrices of distances between files.


@pytest.fixture
def files(tmp_path):
    """Style files of nine styles; odd ones of other scales, two alike, one all zero."""
    styles = [random_style(seed, (6, 3)) for seed in range(6)]
    styles += [styles[1], style_of(layer_of(np.zeros((6, 4))), layer_of(features(7, 3)))]
    styles += [style_of(layer_of(np.zeros((6, 4))), layer_of(features(8, 3)))]
    paths = [tmp_path / f"{number}.style.safetensors" for number in range(len(styles))]
    for style, path in zip(styles, paths, strict=True):
        style.save(path)
    return paths


@pytest.mark.parametrize("kind", DISTANCES)
@pytest.mark.parametrize("budget", [1, 9 * 8 * 6 * 4, 2**20])
def test_distances_between_files_are_those_in_memory(files, kind, budget):
    expected = distance_matrix([Style.load(path) for path in files], kind)
    found = streamed_distances(files, kind, budget=budget)
    assert list(found.matrices) == list(found.errors) == list(expected)
    assert set(found.errors.values()) == {0}
    for name, matrix in found.matrices.items():
        assert matrix == pytest.approx(expected[name], abs=1e-12)
        assert matrix == pytest.approx(matrix.T, abs=1e-15) and (matrix >= 0).all()
        assert not matrix.diagonal().any()


def test_inner_products_are_those_of_whole_matrices(files):
    grams = [Style.load(path).grams["conv1_1"].numpy() for path in files]
    expected = [[(a * b).sum() for b in grams] for a in grams]
    for budget in (1, 9 * 8 * 6 * 4, 2**20):
        found = inner_products(files, "conv1_1", budget=budget)
        assert found == pytest.approx(np.array(expected), rel=1e-12)


def large_file(path, seed, channels=96):
    """A style file whose layer has more entries off the diagonal than a sketch has bins."""
    style_of(layer_of(features(seed, channels, 30) ** (1 + seed % 3))).save(path)
    return path


def test_sketched_distances_are_too_small_by_less_than_they_say(tmp_path):
    paths = [large_file(tmp_path / f"{n}.style.safetensors", n) for n in range(5)]
    exact = distance_matrix([Style.load(path) for path in paths], "wasserstein")
    found = streamed_distances(paths, "wasserstein")
    assert SKETCH < 96 * 95 / 2 and 0 < found.errors["conv1_1"] < 0.01
    for name, matrix in found.matrices.items():
        short = exact[name] - matrix
        assert short.max() > 0, "nothing was sketched"
        assert short.min() > -1e-14 and short.max() <= found.errors[name]


@pytest.mark.parametrize("bins", [4, 16, 64])
def test_the_bound_of_a_sketch_holds_for_any_two_samples(bins):
    generator = np.random.default_rng(bins)
    for power in (1, 3, 9):
        x, y = (np.sort(np.abs(generator.standard_normal(333)) ** power) for _ in range(2))
        one, two = sketch(x, bins), sketch(y, bins)
        true, found = np.abs(x - y).mean(), np.abs(one.masses - two.masses).sum()
        assert found <= true + 1e-12 and true <= found + one.error + two.error + 1e-12
        assert one.error > 0 and one.size == pytest.approx(x.mean())
        assert one.masses.sum() == pytest.approx(x.mean())


def test_the_bound_is_reached_where_the_sketches_agree(tmp_path):
    """Entries against the means of their bins: the sketch sees nothing, the bound all of it."""
    rows, columns = np.triu_indices(96, 1)
    entries = np.sort(np.random.default_rng(0).random(len(rows)) ** 4)
    edges = bin_edges(len(entries), SKETCH)
    widths = np.diff(edges)
    flat = np.repeat(np.add.reduceat(entries, edges[:-1]) / widths, widths)
    paths = [tmp_path / f"{n}.style.safetensors" for n in range(2)]
    for path, values in zip(paths, (entries, flat), strict=True):
        gram = np.eye(96)
        gram[rows, columns] = gram[columns, rows] = values
        of_gram(gram).save(path)
    exact = distance_matrix([Style.load(path) for path in paths], "wasserstein")["conv1_1"]
    found = streamed_distances(paths, "wasserstein")
    assert found.matrices["conv1_1"].max() < 1e-12
    assert found.errors["conv1_1"] == pytest.approx(exact.max(), rel=1e-6) and exact.max() > 1e-5


@pytest.mark.parametrize(("count", "bins"), [(1, 8), (8, 8), (9, 8), (1000, 8), (131_000, 2048)])
def test_bins_hold_every_entry_once(count, bins):
    edges = bin_edges(count, bins)
    assert edges[0] == 0 and edges[-1] == count and (np.diff(edges) >= 1).all()
    assert len(edges) - 1 <= bins
    assert count > bins or len(edges) - 1 == count
    assert count == 1 or edges[-1] - edges[-2] == 1, "the largest entry is alone"


@pytest.mark.parametrize(
    ("kind", "count", "fixed"), [("gram", 1000, 2**25), ("wasserstein", 300, 0)]
)
def test_memory_does_not_hold_the_styles(tmp_path, kind, count, fixed):
    """1,000 styles of 131 MB: what is held at once is the budget and arrays of the result's size.

    The same few files over and over: what counts is how many are asked for.
    """
    some = [large_file(tmp_path / f"{n}.style.safetensors", n, 128) for n in range(4)]
    tracemalloc.start()
    streamed_distances(some * (count // 4), kind, budget=fixed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    sketches = 0 if kind == "gram" else 2 * count * (SKETCH + 128) * 8
    assert peak < fixed + sketches + 8 * (8 * count**2) < count * 128 * 128 * 8


def test_rows_of_a_large_collection_are_read_in_small_blocks(tmp_path):
    """The blocks alone, without results of n x n: as much for 40 files as for 200."""
    path = large_file(tmp_path / "one.style.safetensors", 0)
    peaks = []
    for count in (40, 200):
        tracemalloc.start()
        inner_products([path] * count, "conv1_1", budget=2**20)
        peaks.append(tracemalloc.get_traced_memory()[1] - 3 * 8 * count**2)
        tracemalloc.stop()
    assert max(peaks) < 2**20 + 2**18 < 200 * 96 * 96 * 8 / 10


def test_bures_of_many_files_is_refused_with_the_number(files):
    with pytest.raises(UsageError, match=f"33 styles .*at most {BURES_MOST}.*gram, cosine"):
        streamed_distances((files * 4)[:33], "bures")


def test_files_that_do_not_compare_are_named(files, tmp_path):
    other = tmp_path / "other.style.safetensors"
    style_of(layer_of(features(0, 6)), space=Space("tiny", "max", "zeros", "0" * 64)).save(other)
    with pytest.raises(StyleError, match="other.style.*pooling max instead of average"):
        streamed_distances([*files, other])
    with pytest.raises(UsageError, match=r"layer of the style .*0.style.* 'conv3_2'"):
        streamed_distances(files, layers=["conv3_2"])
    with pytest.raises(StyleError, match="no style files"):
        streamed_distances([])


@pytest.mark.parametrize("kind", DISTANCES)
def test_values_that_are_not_finite_are_refused_by_name(files, kind):
    gram = torch.full((6, 6), torch.nan)
    rest = Style.load(files[3]).layers["conv2_1"]
    style_of(LayerStyle(torch.zeros(6), gram, 4), rest).save(files[3], force=True)
    with pytest.raises(StyleError, match="3.style.safetensors.*capture it again"):
        streamed_distances(files, kind)


def test_a_header_is_read_without_the_numbers(files):
    header = style_header(files[0])
    assert Space(**header["space"]) == SPACE and set(header["positions"]) == {"conv1_1", "conv2_1"}


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "other", "empty"])
def test_damaged_files_are_named_in_one_line(files, tmp_path, damage):
    from safetensors.torch import save

    content = files[0].read_bytes()
    path = tmp_path / "damaged.style.safetensors"
    if damage != "missing":
        path.write_bytes(
            {
                "cut": content[:-7],
                "text": b"no style",
                "other": save({"x": torch.zeros(2)}),
                "empty": b"",
            }[damage]
        )
    for call in (style_header, lambda path: streamed_distances([*files, path])):
        with pytest.raises(
            StyleError, match=r"damaged.style.safetensors: missing, damaged"
        ) as error:
            call(path)
        assert "\n" not in str(error.value)
