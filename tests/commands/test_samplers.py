"""Sampled Gram matrices: what each keeps, what it gives up, and whether features can have it."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from stylespace.commands.texture import samplers
from stylespace.commands.texture.samplers import COLUMNS, SAMPLERS, sampled_gram
from stylespace.images import resize
from stylespace.networks.loading import load_network
from stylespace.styles.sources import open_picture

pytestmark = pytest.mark.usefixtures("one_thread")

CERTIFIED = ("true", "permutation", "bootstrap", "independence", "sorted")
UNCERTIFIED = ("shuffle", "shuffle-psd")
RANDOM = tuple(name for name in SAMPLERS if name != "true")


def drawn(channels=9, height=7, width=11, *, seed=0, dead=1, dtype=torch.float32):
    """(channels, height, width) >= 0, smooth over positions, half zero, the last rows dead."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, channels, height + 2, width + 2, generator=generator)
    features = torch.nn.functional.avg_pool2d(noise, 3, stride=1)[0].relu()
    features *= torch.rand(channels, 1, 1, generator=generator).exp()
    features[channels - dead :] = 0
    return features.to(dtype)


@pytest.fixture(scope="module")
def painting():
    """Activations of conv1_1 of a painting at 96 px: (1, 64, h, w), h != w."""
    network = load_network()
    with torch.no_grad():
        return network(resize(open_picture("sample:hokusai-great-wave"), 96), ["conv1_1"])[
            "conv1_1"
        ]


def numpy_gram(features):
    flat = features.reshape(-1, *features.shape[-3:])[0].flatten(1).double().numpy()
    return flat @ flat.T / flat.shape[1]


def measured(found, features):
    """How far a sample is from a Gram matrix, and from that of the features, by numpy."""
    m, t = found.gram.numpy(), sampled_gram("true", features).gram.numpy()
    values, root, mean = np.linalg.eigvalsh(m), np.sqrt(np.diag(m)), np.diag(t).mean() or 1
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.nan_to_num(np.abs(upper(m / np.outer(root, root))), posinf=np.inf)
    apart = {
        f"wasserstein_{name}": wasserstein_distance(part(m), part(t)) / (part(t).mean() or 1)
        for name, part in (("diagonal", np.diag), ("off_diagonal", upper))
        if len(part(t))
    }
    return {
        **apart,
        "eigenvalue_ratio": values[0] / values[-1] if values[-1] > 0 else 0.0,
        "smallest_entry": m.min() / mean,
        "largest_cosine": cosines.max(initial=0),
        "distance": ((m - t) ** 2).sum() / max((t**2).sum(), 1e-30),
    }


def upper(gram):
    gram = np.asarray(gram)
    return gram[np.triu_indices(len(gram), 1)]


def assert_certified(found):
    """Features F >= 0 with F F^T / N equal to the matrix, by numpy."""
    f = found.certificate.double().numpy()
    assert (f >= 0).all() and np.isfinite(f).all() and len(f) == len(found.gram)
    error = np.linalg.norm(f @ f.T / f.shape[1] - found.gram.numpy())
    assert error <= 1e-5 * np.linalg.norm(found.gram.numpy())


# --- what holds for all


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_sample_is_a_symmetric_matrix_with_a_certificate_or_a_reason(name, dtype):
    found = sampled_gram(name, drawn(dtype=dtype))
    assert found.gram.shape == (9, 9) and found.gram.dtype == torch.float64
    assert torch.equal(found.gram, found.gram.mT) and torch.isfinite(found.gram).all()
    if name in CERTIFIED:
        assert_certified(found)
        assert found.reason == ""
    else:
        assert found.certificate is None
        assert found.reason.endswith(".") and "\n" not in found.reason


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(name):
    features = drawn()
    first, again, other = (sampled_gram(name, features, seed=seed).gram for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_picture_with_or_without_its_batch(name):
    features = drawn(height=5, width=12).requires_grad_()
    before = features.detach().clone()
    one, two = sampled_gram(name, features), sampled_gram(name, features[None])
    assert torch.equal(one.gram, two.gram)
    assert torch.equal(features.detach(), before) and not one.gram.requires_grad


@pytest.mark.parametrize("name", SAMPLERS)
def test_global_randomness_is_left_alone(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    sampled_gram(name, drawn())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (5,), (3, 0, 4), (0, 3, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(C, h, w\) or \(1, C, h, w\)"):
        sampled_gram("true", torch.ones(shape))


@pytest.mark.parametrize("value", [-1e-6, math.nan, math.inf])
def test_values_that_no_relu_gives_are_refused(value):
    features = drawn()
    features[2, 3, 4] = value
    with pytest.raises(ValueError, match="finite and >= 0"):
        sampled_gram("true", features)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_black_layer_is_said_to_be_black(name):
    found = sampled_gram(name, torch.zeros(4, 3, 5))
    assert not found.gram.any() and "black" in found.reason
    assert_certified(found)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_single_channel_has_nothing_to_sample(name):
    features = drawn(1, dead=0)
    found = sampled_gram(name, features)
    np.testing.assert_allclose(found.gram, numpy_gram(features), rtol=1e-12)
    assert "single channel" in found.reason
    assert_certified(found)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 3, 5), (5, 1, 3)])
def test_few_channels_or_positions(name, shape):
    found = sampled_gram(name, 0.1 + drawn(*shape, dead=0))
    assert torch.isfinite(found.gram).all()
    if name in CERTIFIED:
        assert_certified(found)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_scale_of_the_features_does_not_matter(name):
    features = drawn()
    one, two = sampled_gram(name, features), sampled_gram(name, 1e6 * features)
    tolerance = 0.05 if name == "sorted" else 1e-5  # the optimiser's course ends elsewhere
    difference = (1e-12 * two.gram - one.gram).norm() / one.gram.norm()
    assert difference < tolerance


def test_a_sample_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        sampled_gram("true", drawn()).gram = None


# --- each sampler


def test_permutation_keeps_entries_and_spectrum(painting):
    g, found = numpy_gram(painting), sampled_gram("permutation", painting)
    p = found.gram.numpy()
    np.testing.assert_allclose(np.linalg.eigvalsh(p), np.linalg.eigvalsh(g), rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(
        np.sort(upper(p)), np.sort(upper(sampled_gram("true", painting).gram))
    )
    np.testing.assert_allclose(np.sort(np.diag(p)), np.sort(np.diag(g)), rtol=1e-12)
    figures = measured(found, painting)
    assert figures["wasserstein_off_diagonal"] == figures["wasserstein_diagonal"] == 0
    assert figures["distance"] > 0.5


def test_permutation_moves_rows_and_columns_alike():
    features = drawn(dead=0)
    g, found = numpy_gram(features), sampled_gram("permutation", features)
    order = [int(np.argmin(np.abs(np.diag(g) - energy))) for energy in np.diag(found.gram)]
    assert sorted(order) == list(range(9)) != order
    np.testing.assert_allclose(found.gram, g[np.ix_(order, order)], rtol=1e-12)
    torch.testing.assert_close(found.certificate, features.flatten(1)[order])


def test_shuffle_keeps_the_marginals_and_is_no_gram_matrix(painting):
    true, found = sampled_gram("true", painting).gram, sampled_gram("shuffle", painting)
    np.testing.assert_array_equal(np.sort(upper(found.gram)), np.sort(upper(true)))
    np.testing.assert_array_equal(*(np.sort(np.diag(g)) for g in (found.gram, true)))
    figures = measured(found, painting)
    assert figures["wasserstein_off_diagonal"] == figures["wasserstein_diagonal"] == 0
    assert np.linalg.eigvalsh(found.gram.numpy())[0] < -0.1 * np.linalg.eigvalsh(true.numpy())[-1]
    assert figures["eigenvalue_ratio"] < -0.1 and figures["largest_cosine"] > 2
    assert not np.array_equal(np.diag(found.gram), np.diag(true))


def test_the_nearest_psd_of_the_shuffle_has_negatives(painting):
    shuffled, found = (
        sampled_gram("shuffle", painting).gram.numpy(),
        sampled_gram("shuffle-psd", painting),
    )
    values, vectors = np.linalg.eigh(shuffled)
    expected = sum(v * np.outer(u, u) for v, u in zip(values, vectors.T, strict=True) if v > 0)
    np.testing.assert_allclose(found.gram, expected, atol=1e-12 * values[-1])
    assert np.linalg.eigvalsh(found.gram.numpy())[0] > -1e-12 * values[-1]
    figures = measured(found, painting)
    assert figures["smallest_entry"] < -0.01 and "negative" in found.reason
    assert figures["wasserstein_diagonal"] > 0.3 and figures["largest_cosine"] <= 1


def test_no_psd_matrix_is_nearer_to_the_shuffle():
    features = drawn()
    shuffled, nearest = (sampled_gram(name, features).gram for name in ("shuffle", "shuffle-psd"))
    least = (nearest - shuffled).norm()
    for seed in range(20):
        step = torch.randn(9, 9, generator=torch.Generator().manual_seed(seed)).double()
        other = nearest + 1e-3 * step @ step.T
        assert (other - shuffled).norm() > least


def test_bootstrap_is_near_the_painting(painting):
    found = sampled_gram("bootstrap", painting)
    figures = measured(found, painting)
    assert 0 < figures["wasserstein_off_diagonal"] < 0.1
    assert 0 < figures["wasserstein_diagonal"] < 0.1
    assert 0 < figures["distance"] < 0.05
    columns = {tuple(column) for column in painting[0].flatten(1).T.tolist()}
    assert {tuple(column) for column in found.certificate.T.tolist()} < columns
    assert found.certificate.shape == painting[0].flatten(1).shape


def test_bootstrap_is_unbiased():
    features, generator = drawn(4, 3, 5, dead=0), torch.Generator().manual_seed(0)
    draw = SAMPLERS["bootstrap"]
    samples = torch.stack([draw(features.flatten(1), generator).gram for _ in range(400)])
    error = samples.std(0) / 20
    assert ((samples.mean(0) - torch.from_numpy(numpy_gram(features))).abs() < 4 * error).all()


def test_independence_keeps_energies_and_leaves_products_of_means(painting):
    found, g = sampled_gram("independence", painting), numpy_gram(painting)
    np.testing.assert_allclose(np.diag(found.gram), np.diag(g), rtol=1e-12)
    flat = painting[0].flatten(1).double().numpy()
    mu, count = flat.mean(1), flat.shape[1]
    spread = np.sqrt(np.outer(flat.var(1), flat.var(1)) / count)
    scores = upper((found.gram.numpy() - np.outer(mu, mu)) / spread)
    assert np.abs(scores).max() < 5 and scores.std() == pytest.approx(1, abs=0.1)
    assert np.abs(upper((g - np.outer(mu, mu)) / spread)).max() > 50  # the painting's own
    np.testing.assert_array_equal(np.sort(found.certificate), np.sort(painting[0].flatten(1)))


def test_sorted_has_the_painting_s_marginals_in_another_matrix(painting):
    true, found = sampled_gram("true", painting), sampled_gram("sorted", painting)
    assert_certified(found)
    assert found.certificate.shape == (64, COLUMNS)
    for part in (np.diag, upper):
        a, b = part(found.gram), part(true.gram)
        assert wasserstein_distance(a, b) / b.mean() < 2e-4
    figures = measured(found, painting)
    assert figures["distance"] > 0.5 and figures["smallest_entry"] >= 0
    assert figures["eigenvalue_ratio"] > -1e-12


def test_sorted_leaves_as_many_positions_as_there_are():
    features = drawn(6, 3, 5, dead=2)
    found = sampled_gram("sorted", features)
    figures = measured(found, features)
    assert found.certificate.shape == (6, 15)
    assert figures["wasserstein_diagonal"] < 0.02
    assert figures["wasserstein_off_diagonal"] < 0.02


def test_sorted_stops_where_it_is_close_enough(monkeypatch):
    evaluations = []
    synthesize = samplers.synthesize

    def watched(*args, **options):
        result = synthesize(*args, **options)
        evaluations.append((len(result.steps), result.stopped, result.loss))
        return result

    monkeypatch.setattr(samplers, "synthesize", watched)
    sampled_gram("sorted", drawn(20, dead=0))
    monkeypatch.setattr(samplers, "GOAL", 0.01)
    sampled_gram("sorted", drawn(20, dead=0))
    (long, *_), (short, stopped, loss) = evaluations
    assert short < long <= samplers.STEPS and stopped == "watch" and loss < 0.01


def test_random_features_have_the_energies_and_the_zeros_of_the_painting():
    x = drawn(30, 20, 21).flatten(1)
    found = samplers._random_features(x, torch.Generator().manual_seed(0))
    assert found.shape == (30, 420) and (found >= 0).all()
    energies = [np.sort(np.square(f.double().numpy()).mean(1)) for f in (found, x)]
    np.testing.assert_allclose(*energies, rtol=1e-5)
    live = found[found.any(1)]
    assert float((live > 0).float().mean()) == pytest.approx(
        float((x > 0).float().mean()), abs=0.03
    )


def test_random_features_of_channels_that_never_fire_by_chance():
    x = torch.zeros(40, 3)
    x[:, 0] = 2.0  # a third of the values is above 0: a channel of three often has none
    found = samplers._random_features(x, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(found.square().mean(1), np.full(40, 4 / 3), rtol=1e-5)


@pytest.mark.slow
def test_sorted_at_full_size():
    """conv4_1 at 192 px: 512 channels, 384 positions."""
    network = load_network()
    picture = resize(open_picture("sample:gogh-auvers"), 192)
    with torch.no_grad():
        features = network(picture, ["conv4_1"])["conv4_1"]
        found = sampled_gram("sorted", features)
    figures = measured(found, features)
    assert_certified(found)
    assert figures["wasserstein_diagonal"] < 1e-3
    assert figures["wasserstein_off_diagonal"] < 1e-3
