"""Sketches and the other numbers of a layer, by numpy and brute force."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

import stylespace as ss
from stylespace.assets import SAMPLE, samples
from stylespace.images import read_image, resize
from stylespace.settings import features
from stylespace.styles.sketch import FIDELITY, Sketch, fidelity, shares
from stylespace.styles.vectors import VECTORS, vectors_of

LAYERS = (("conv1_1", 6), ("conv2_1", 9))


def features_of(channels, *, count=3, height=4, width=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, height, width)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def numpy_gram(features):
    x = features.flatten(2).numpy()
    return x @ x.transpose(0, 2, 1) / x.shape[2]


def test_the_settings_name_the_kinds_that_there_are():
    assert tuple(VECTORS) == features.VECTORS


@pytest.mark.parametrize("length", [7, 16])
def test_a_sketch_is_the_circular_convolution_of_two_count_sketches(length):
    """Of each position, position by position, entry by entry."""
    sketch, x = Sketch("conv1_1", 6, length, seed=3), features_of(6, count=2)
    places, signs = sketch._places.numpy(), sketch._signs.numpy()
    expected = np.zeros((2, length))
    for picture in range(2):
        for u in x[picture].flatten(1).numpy().T:
            for i in range(6):
                for j in range(6):
                    place = (places[0, i] + places[1, j]) % length
                    expected[picture, place] += signs[0, i] * signs[1, j] * u[i] * u[j] / 20
    assert np.allclose(sketch.of_gram(ss.gram(x)), expected, atol=1e-12)
    assert np.allclose(sketch.of_positions(x.flatten(2).mT), expected, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (5, 3)])
def test_both_ways_are_one_sketch_and_the_smaller_matrix_is_made(monkeypatch, height, width):
    sketch, x = Sketch("conv1_1", 9, 32), features_of(9, height=height, width=width)
    taken = []
    for name in ("of_gram", "of_positions"):
        true = getattr(sketch, name)
        monkeypatch.setattr(sketch, name, lambda v, n=name, t=true: (taken.append(n), t(v))[1])
    found = sketch.of(x)
    assert taken == ["of_positions" if height * width < 9 else "of_gram"]
    assert torch.allclose(found, Sketch("conv1_1", 9, 32).of_gram(ss.gram(x)), atol=1e-12)


def test_inner_products_are_kept_on_average_and_better_with_more_numbers():
    """Over 400 seeds; the standard error of the mean is the bound, not a guess."""
    x, y = features_of(6, count=1, seed=1), features_of(6, count=1, seed=2) ** 3
    g, a = (numpy_gram(one)[0] for one in (x, y))
    exact, spreads = (g * a).sum(), []
    for length in (8, 64):
        pairs = [Sketch("conv1_1", 6, length, seed) for seed in range(400)]
        products = np.array([float((s.of(x) * s.of(y)).sum()) for s in pairs])
        assert abs(products.mean() - exact) < 4 * products.std() / 20
        spreads.append(products.std())
    assert spreads[1] < 0.5 * spreads[0]


def test_a_sketch_is_linear_in_the_gram_matrix():
    sketch, g = Sketch("conv1_1", 6, 16), ss.gram(features_of(6))
    blend = sketch.of_gram(0.25 * g[:1] + 0.75 * g[1:2])
    parts = sketch.of_gram(g)
    assert torch.allclose(blend, 0.25 * parts[:1] + 0.75 * parts[1:2], atol=1e-12)


def test_places_and_signs_are_fixed_for_good():
    """A table that was written once has to be continued: these are version 1."""
    sketch = Sketch("conv1_1", 4, 205, seed=0)
    assert sketch._places.tolist() == PLACES
    assert sketch._signs.tolist() == SIGNS
    drawn = [Sketch(*key)._places.tolist() for key in OTHERS]
    assert all(one != PLACES for one in drawn)


PLACES = [[146, 46, 195, 119], [169, 95, 191, 66]]
SIGNS = [[-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, -1.0, -1.0]]
OTHERS = [("conv1_1", 4, 205, 1), ("conv2_1", 4, 205, 0), ("conv1_1", 4, 204, 0)]


@pytest.mark.parametrize("kind", ["gram", "covariance"])
def test_distances_of_triangles_are_those_of_matrices(kind):
    x = features_of(6)
    matrices = numpy_gram(x)
    if kind == "covariance":
        mu = x.mean((2, 3)).numpy()
        matrices = matrices - mu[:, :, None] * mu[:, None]
    rows = VECTORS[kind](6).of(x).numpy()
    exact = [np.linalg.norm(matrices[i] - matrices[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert rows.shape == (3, 21)
    assert np.allclose(pdist(rows), exact, rtol=1e-12)
    assert np.allclose(rows[:, 0], matrices[:, 0, 0]) and np.allclose(
        rows[:, 1], matrices[:, 0, 1] * np.sqrt(2)
    )


@pytest.mark.parametrize("kind", VECTORS)
def test_moments_give_what_features_give(kind):
    """Pictures in tiles are measured by their moments."""
    for (name, channels), vector in zip(
        LAYERS, vectors_of(kind, LAYERS, dimension=31, seed=2).values(), strict=True
    ):
        x = features_of(channels, seed=len(name))
        found = vector.of_moments(ss.mean(x), ss.gram(x))
        assert torch.allclose(found, vector.of(x), atol=1e-12)
        assert found.shape == (3, vector.length) and len(set(vector.entries)) == vector.length


def test_names_of_entries_follow_the_triangle():
    assert VECTORS["gram"](3).entries == ["0.0", "0.1", "0.2", "1.1", "1.2", "2.2"]


def test_layers_share_the_dimension():
    assert shares(1024, 5) == [205, 205, 205, 205, 204]
    assert [v.length for v in vectors_of("sketch", LAYERS, dimension=31, seed=0).values()] == [
        *(16, 15)
    ]
    with pytest.raises(ss.StylespaceError, match="--dimension 1 leaves none of 2 layers"):
        vectors_of("sketch", LAYERS, dimension=1, seed=0)


def test_fidelity_says_what_was_measured():
    assert fidelity(1024).startswith(FIDELITY[1024])
    assert fidelity(300).startswith("not measured for this table")
    assert fidelity(1024, usual=False).startswith("not measured for this table")


def crops(names, count, side=128):
    """Crops of pictures of 512 px, by turns, at random places."""
    rng, pictures = np.random.RandomState(0), [resize(read_image(SAMPLE + n), 512) for n in names]
    found = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        y, x = (rng.randint(length - side + 1) for length in picture.shape[2:])
        found.append(picture[:, :, y : y + side, x : x + side])
    return torch.cat(found)


@pytest.mark.slow
def test_the_fidelity_that_records_tell():
    """400 crops of 128 px, by ss.gram alone, each layer divided by its mean norm over them."""
    pictures, network = crops([one.name for one in samples()], 400), ss.load_network()
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    grams = {name: [] for name in layers}
    with torch.no_grad():
        for start in range(0, 400, 16):
            for name, found in network(pictures[start : start + 16], layers).items():
                grams[name].append(ss.gram(found))
    squares = np.zeros(400 * 399 // 2)
    for name in layers:
        flat = torch.cat(grams.pop(name)).flatten(1).double()
        squares += torch.nn.functional.pdist(flat / flat.norm(dim=1).mean()).numpy() ** 2
    for dimension, told in FIDELITY.items():
        made = ss.StyleFeatures(size=128, dimension=dimension, network=network)
        found = spearmanr(np.sqrt(squares), pdist(made.transform(pictures).astype(float)))[0]
        print(dimension, found)
        assert found >= (0.97 if dimension == 1024 else 0.99)
        assert found == pytest.approx(float(told), abs=6e-4)
