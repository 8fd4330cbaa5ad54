"""Representations of style against numpy, closed forms, identities and finite differences."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from tiny import TINY_LAYERS, seeded_picture, tiny_network

from stylespace.assets import sample_path
from stylespace.errors import UsageError
from stylespace.images import read_image, resize
from stylespace.losses.objective import Objective, relative_square
from stylespace.losses.representations import representation_class, represented_style
from stylespace.losses.representations.centred import centred_term
from stylespace.losses.representations.chained import chained_term
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.representations.mean import mean_term
from stylespace.losses.representations.shifted import shifted_term
from stylespace.losses.representations.sliced import (
    projected,
    sliced_distance,
    sliced_term,
    unit_vectors,
)
from stylespace.losses.representations.softened import softened, unit_of
from stylespace.losses.terms import Terms
from stylespace.networks.loading import load_network
from stylespace.settings import TransferSettings
from stylespace.settings.shared import default_style_layers
from stylespace.studies.findings import share_of_entropy
from stylespace.styles.gram import chained_gram, covariance, gram, mean, shifted_gram
from stylespace.styles.sources import StyleSource
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

WEIGHTS = {"conv1_1": 0.5, "conv2_1": 2.0, "conv3_1": 1.5}
MOMENTS = {
    "gram": (gram_term, gram),
    "centred": (centred_term, covariance),
    "mean": (mean_term, mean),
    "shifted": (shifted_term, shifted_gram),
}
"""Representations of means and Gram matrices: their terms, and the statistic of the features."""
KINDS = (*MOMENTS, "chained", "sliced", "softened")


def representation_terms(kind, features, weights):
    """The terms of a representation of features {layer: (1, C, h, w)}, in their precision."""
    if kind not in MOMENTS:
        return representation_class(kind).of_features(features, weights)
    term, statistic = MOMENTS[kind]
    terms = []
    for name, weight in weights.items():
        x, options = features[name], {}
        if kind == "shifted":
            options = {"shift": -float(mean(x).mean())}
        if kind == "centred":
            options = {"norm": float(gram(x).double().norm())}
        target = shifted_gram(x, **options) if kind == "shifted" else statistic(x)
        terms.append(term(name, target[0], weight, **options))
    return Terms(tuple(terms))


def features(c=4, h=5, w=7, *, b=1, seed=0, dtype=torch.float64):
    """(b, c, h, w) at least 0, as after a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(b, c, h, w, generator=generator, dtype=torch.float64)
    return x.clamp(min=0).to(dtype)


def made(kind, net, source):
    """The objective of a representation of a source picture."""
    with torch.no_grad():
        return Objective(net, representation_terms(kind, net(source, net.names), WEIGHTS))


def flat(x):
    """(B, C, h, w) -> numpy (B, C, N)."""
    return x.detach().double().numpy().reshape(*x.shape[:2], -1)


class Louder:
    """A network whose activations are a power of two louder."""

    def __init__(self, factor):
        self.network, self.factor = tiny_network(dtype=torch.float32), factor
        self.names = self.network.names

    def __call__(self, image, layers):
        return {name: self.factor * x for name, x in self.network(image, layers).items()}


@pytest.mark.parametrize("exponent", [-40, 40])  # entries of 1e-24 and 1e24
@pytest.mark.parametrize("kind", KINDS)
def test_features_of_extreme_size_are_compared_as_others_are(kind, exponent):
    source, image = (seeded_picture(17, 22, seed=n, dtype=torch.float32) for n in (0, 1))
    image.requires_grad_()
    expected, found = (
        sum(made(kind, Louder(2.0**power), source)(image).values()) for power in (0, exponent)
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    there, here = (torch.autograd.grad(one.sum(), image)[0] for one in (expected, found))
    assert float((there - here).norm()) <= 1e-5 * float(there.norm()) and there.any()


def line(length, out):
    """(out, length): rows of linear interpolation between the middles of pixels, edges held."""
    places = np.clip((np.arange(out) + 0.5) * length / out - 0.5, 0, length - 1)
    left = np.minimum(places.astype(int), max(length - 2, 0))
    matrix = np.zeros((out, length))
    matrix[np.arange(out), left] = 1 - (places - left)
    matrix[np.arange(out), np.minimum(left + 1, length - 1)] += places - left
    return matrix


def enlarged(x, height, width):
    """Bilinear resizing of (B, C, h, w) as two matrix products."""
    x = x.detach().numpy()
    return line(x.shape[2], height) @ x @ line(x.shape[3], width).T


def quantiles(values, count):
    """Sorted values (n,) read at the middles of `count` equal parts."""
    own, places = ((np.arange(n) + 0.5) / n for n in (len(values), count))
    return np.interp(places, own, np.sort(values))


def numpys(kind, x, target):
    """{name: (B,)} of features and of the source's, {layer: (B, C, h, w)}, term by term."""

    def relative(a, t):
        return np.array([((one - t) ** 2).sum() / (t**2).sum() for one in a])

    def product(f, g):
        return np.stack([a @ b.T / a.shape[1] for a, b in zip(f, g, strict=True)])

    def chain(f, deep, shallow):
        up = enlarged(f[deep], *f[shallow].shape[2:])
        return product(up.reshape(*up.shape[:2], -1), flat(f[shallow]))

    def slices(f, layer, count):
        axes = unit_vectors(f[layer].shape[1]).numpy()
        clouds = np.stack([axes @ one for one in flat(f[layer])])
        return np.stack([[quantiles(row, count) for row in cloud] for cloud in clouds])

    statistic = {
        "gram": lambda f, level: product(f, f),
        "centred": lambda f, level: np.stack([np.cov(one, bias=True) for one in f]),
        "mean": lambda f, level: f.mean(2),
        "shifted": lambda f, level: product(f - level, f - level),
        "softened": lambda f, level: product(soft(f / level), soft(f / level)),
    }

    def soft(f):
        return softmax(f, (1, 2)) * f[0].size

    if kind == "chained":
        pairs = [("conv2_1", "conv1_1"), ("conv3_1", "conv2_1")]
        return {
            f"chained.{a}.{b}": WEIGHTS[a]
            * 4
            / 3.5
            * relative(chain(x, a, b), chain(target, a, b)[0])
            for a, b in pairs
        }
    if kind == "sliced":
        count = {name: x[name][0, 0].numel() for name in WEIGHTS}
        return {
            f"sliced.{name}": weight
            * relative(slices(x, name, count[name]), slices(target, name, count[name])[0])
            for name, weight in WEIGHTS.items()
        }
    result = {}
    for name, weight in WEIGHTS.items():
        own, goal = flat(x[name]), flat(target[name])
        level = goal.max() if kind == "softened" else goal.mean()
        values, wanted = (statistic[kind](one, level) for one in (own, goal))
        named = f"{'covariance' if kind == 'centred' else kind}.{name}"
        result[named] = weight * relative(values, wanted[0])
    return result


# --- what every representation does


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(13, 22), (17, 12)])
def test_a_representation_is_numpys(tiny, picture, kind, size):
    images = seeded_picture(*size, count=2, seed=5)
    found = made(kind, tiny, picture)(images)
    with torch.no_grad():
        expected = numpys(kind, *(tiny(one, tiny.names) for one in (images, picture)))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9)
        assert (values > 1e-5).all()  # something is compared


@pytest.mark.parametrize("kind", KINDS)
def test_a_representation_is_zero_at_its_source_with_no_gradient(tiny, picture, kind):
    image = picture.clone().requires_grad_()
    total = sum(made(kind, tiny, picture)(image).values())
    assert total.tolist() == pytest.approx([0], abs=1e-24)
    (gradient,) = torch.autograd.grad(total.sum(), image)
    assert float(gradient.abs().max()) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_finite_differences(tiny, picture, kind):
    objective = made(kind, tiny, picture)
    image = seeded_picture(9, 14, count=2, seed=6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: sum(objective(x).values()), image, fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pictures_of_a_batch_do_not_mix(tiny, picture, kind):
    objective = made(kind, tiny, picture)
    images = seeded_picture(11, 26, count=3, seed=2)
    together, alone = objective(images), [objective(images[k : k + 1]) for k in range(3)]
    for name, values in together.items():
        assert values.shape == (3,)
        torch.testing.assert_close(values, torch.cat([one[name] for one in alone]))


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_widened(picture, kind):
    objective = made(kind, tiny_network(dtype=torch.bfloat16), picture.float())
    values = objective(seeded_picture(13, 22, seed=3, dtype=torch.float32)).values()
    assert all(value.dtype == torch.float32 and torch.isfinite(value) for value in values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_colour_and_black_leave_finite_values_and_gradients(kind, dtype):
    net = tiny_network(dtype=dtype)
    for level in (0.0, 0.4):
        source = torch.full((1, 3, 13, 22), level, dtype=dtype)
        image = seeded_picture(13, 22, dtype=dtype).requires_grad_()
        total = sum(made(kind, net, source)(image).values())
        (gradient,) = torch.autograd.grad(total.sum(), image)
        assert torch.isfinite(total).all() and torch.isfinite(gradient).all()


@pytest.mark.parametrize("kind", MOMENTS)
def test_channels_that_never_vary_have_no_covariance_to_be_relative_to(kind):
    """In float32 the mean of 221 times 0.1 is not 0.1; what is left must not be divided by.

    The covariance is then relative to the target's energy, whatever the scale of the layer.
    """
    even = torch.full((1, 4, 13, 17), 0.1) * torch.arange(1, 5)[:, None, None]
    for scale in (2.0**-20, 1.0, 2.0**20):
        (term,) = representation_terms(kind, {"a": scale * even}, {"a": 1.0}).parts
        x = scale * features(dtype=torch.float32)
        shares = float(covariance(x).norm() / gram(scale * even).norm()) ** 2
        value = float(term.measure(x, {"a": x}))
        assert value == pytest.approx(shares, rel=1e-3) if kind == "centred" else value < 1e3


def test_weights_are_shared_out_whole(tiny, picture):
    with torch.no_grad():
        source = tiny(picture, tiny.names)
    for kind in KINDS:
        parts = representation_terms(kind, source, WEIGHTS).parts
        assert sum(part.weight for part in parts) == pytest.approx(4)
        assert all(set(part.layers) <= set(WEIGHTS) for part in parts)


def test_other_names_are_refused(tiny, picture):
    with torch.no_grad():
        source = tiny(picture, tiny.names)
    with pytest.raises(UsageError, match=r"'slices'.*'sliced'.*Known: gram, local, covariance"):
        representation_class("slices")
    with pytest.raises(UsageError, match="name at least two"):
        representation_terms("chained", source, {"conv2_1": 1.0})


# --- from mean and Gram matrix


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_captured_style_has_the_terms_of_its_picture(tiny, picture, kind):
    images = seeded_picture(9, 14, count=2, seed=6)
    style = Style.capture(tiny, picture, TINY_LAYERS)
    found = Objective(tiny, representation_class(kind).of_style(style, WEIGHTS))(images)
    expected = made(kind, tiny, picture)(images)
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-5, atol=0)


def test_a_blend_has_the_moments_of_both_pictures_side_by_side():
    """Two halves of one set of positions: their blend is the whole's style, covariances too."""
    net = tiny_network()
    pictures = [seeded_picture(8, 8, seed=seed) for seed in (1, 2)]
    blend = Style.blend([(Style.capture(net, one, ["conv1_1"]), 1.0) for one in pictures])
    both = np.concatenate([flat(net(one, ["conv1_1"])["conv1_1"])[0] for one in pictures], 1)
    (term,) = representation_class("centred").of_style(blend, {"conv1_1": 1.0}).parts
    x = features(4, 6, 9, seed=3)
    goal = np.cov(both, bias=True)
    expected = ((np.cov(flat(x)[0], bias=True) - goal) ** 2).sum() / (goal**2).sum()
    assert float(term.measure(x, {"conv1_1": x})) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["chained", "sliced", "softened"])
def test_what_moments_do_not_hold_is_refused(tiny, picture, kind):
    style = Style.capture(tiny, picture, TINY_LAYERS)
    settings = TransferSettings(content="a", styles=("b",), layers=TINY_LAYERS, representation=kind)
    sources = (StyleSource("b", 1.0, None, style),)
    with pytest.raises(UsageError, match=f"'{kind}' needs style pictures.*gram, centred"):
        represented_style(settings, tiny, picture, sources).terms(13, 22)
    with pytest.raises(UsageError, match=r"unknown representation"):
        representation_class("grams")
    with pytest.raises(UsageError, match=r"unknown layer of the style 'conv9_1'"):
        representation_class("gram").of_style(style, {"conv9_1": 1.0})


# --- softening


@pytest.mark.parametrize("name", ["vgg19-norm", "alexnet-st"])
def test_softening_lowers_the_peaks_of_every_layer(name):
    image = resize(read_image(sample_path("gogh-auvers")), 96)
    with torch.no_grad():
        layers = load_network(name)(image, default_style_layers(name))
    for x in layers.values():
        soft = softened(x, unit_of(x))
        assert share_of_entropy(soft) > max(0.99, share_of_entropy(x))
        assert soft.amax() / soft.mean() <= np.e < x.amax() / x.mean()


# --- covariance and shift


def test_the_covariance_does_not_see_a_constant_and_the_mean_sees_nothing_else():
    x, moved = features(), features() + torch.tensor([3.0, 0, 1, 2])[:, None, None]
    term = centred_term("a", covariance(x)[0])
    assert float(term.measure(moved, {"a": moved})) < 1e-24
    for kind, least in (("mean", 1), ("gram", 1), ("shifted", 0.1), ("sliced", 1)):
        (part,) = representation_terms(kind, {"a": x}, {"a": 1.0}).parts
        assert float(part.measure(moved, {"a": moved})) > least
    order = torch.randperm(35, generator=torch.Generator().manual_seed(1))
    shuffled = torch.stack([x[0, k].flatten()[order.roll(k)] for k in range(4)]).view_as(x)
    (part,) = representation_terms("mean", {"a": x}, {"a": 1.0}).parts
    assert float(part.measure(x, {"a": shuffled})) < 1e-24
    assert float(term.measure(x, {"a": shuffled})) > 1e-3


@pytest.mark.parametrize("shift", [-1.0, 0.0, 2.5])
def test_the_shifted_term_is_that_of_the_identity_of_gram_and_mean(shift):
    x, target = features(b=2, seed=1), features(seed=2)
    term = shifted_term("a", shifted_gram(target, shift)[0], shift=shift)
    matrices = []
    for one in (x, target):
        g, mu = gram(one).numpy(), mean(one).numpy()[:, :, None]
        ones = np.ones_like(mu)
        cross = mu @ ones.transpose(0, 2, 1)
        matrices.append(g + shift * (cross + cross.transpose(0, 2, 1)) + shift**2)
    expected = ((matrices[0] - matrices[1]) ** 2).sum((1, 2)) / (matrices[1] ** 2).sum()
    np.testing.assert_allclose(term.measure(x, {"a": x}), expected, rtol=1e-10)


def test_the_shift_sees_channels_that_never_fire_together_where_grams_do_not():
    """Two channels that take turns, or that leave pauses: the products are the same."""
    turns = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]], dtype=torch.float64)
    pauses = torch.tensor([[2**0.5, 0, 0, 0], [0, 0, 2**0.5, 0]], dtype=torch.float64)
    turns, pauses = turns[None, :, None], pauses[None, :, None]
    values = {}
    for kind in ("gram", "shifted"):
        (term,) = representation_terms(kind, {"a": turns}, {"a": 1.0}).parts
        values[kind] = float(term.measure(pauses, {"a": pauses}))
    assert values["gram"] == pytest.approx(0, abs=1e-24)
    assert values["shifted"] > 0.1


# --- chains


def test_a_chain_is_never_negative_where_a_difference_of_losses_is():
    target = {"deep": features(3, 3, 4, seed=1), "shallow": features(5, 6, 8, seed=2)}
    term = chained_term(
        "deep", "shallow", chained_gram(target["deep"], target["shallow"])[0], weight=2.0
    )
    assert (term.name, term.layers, term.weight) == (
        "chained.deep.shallow",
        ("deep", "shallow"),
        2.0,
    )
    assert term.measure(None, target).tolist() == [0]
    differences = []
    for seed in range(20):
        x = {"deep": features(3, 3, 4, seed=seed), "shallow": features(5, 6, 8, seed=50 + seed)}
        assert float(term.measure(None, x)) > 0
        losses = [float(relative_square(gram(x[k]), gram(target[k]))) for k in x]
        differences.append(losses[0] - losses[1])
    assert min(differences) < 0 < max(differences)


def test_a_chain_knows_where_layers_meet():
    """The deep layer mirrored: both Gram matrices stay, what lies on what does not."""
    deep, shallow = features(3, 3, 4, seed=1), features(5, 6, 8, seed=2)
    term = chained_term("deep", "shallow", chained_gram(deep, shallow)[0])
    mirrored = {"deep": deep.flip(3), "shallow": shallow}
    torch.testing.assert_close(gram(mirrored["deep"]), gram(deep))
    assert float(term.measure(None, mirrored)) > 1e-3
    both = {"deep": deep.flip(3), "shallow": shallow.flip(3)}
    assert float(term.measure(None, both)) < 1e-24


def test_layers_are_chained_from_fine_to_coarse_whatever_their_order(tiny, picture):
    with torch.no_grad():
        source = tiny(picture, tiny.names)
    backwards = dict(reversed(WEIGHTS.items()))
    names = [
        [part.name for part in representation_terms("chained", source, w).parts]
        for w in (WEIGHTS, backwards)
    ]
    assert names[0] == names[1] == ["chained.conv2_1.conv1_1", "chained.conv3_1.conv2_1"]


# --- sliced Wasserstein


def test_slices_of_one_channel_are_its_sorted_values():
    x, t = features(1, 6, 5, b=2, seed=1), features(1, 5, 6, seed=2)
    found = sliced_term("a", t, directions=7).measure(x, {"a": x})
    a, goal = np.sort(flat(x), 2)[:, 0], np.sort(flat(t), 2)[0, 0]
    # A direction of the line is +1 or -1; the values come out mirrored, their distance does not.
    np.testing.assert_allclose(found, ((a - goal) ** 2).sum(1) / (goal**2).sum(), rtol=1e-10)


def test_slices_do_not_see_the_order_of_positions_but_more_than_grams_see():
    x = features()
    order = torch.randperm(35, generator=torch.Generator().manual_seed(0))
    moved = x.flatten(2)[:, :, order].view_as(x)
    assert sliced_term("a", x).measure(x, {"a": moved}).tolist() == pytest.approx([0], abs=1e-28)
    even = torch.tensor([[[[1.0, 1.0]]]], dtype=torch.float64)
    uneven = torch.tensor([[[[0.0, 2**0.5]]]], dtype=torch.float64)
    torch.testing.assert_close(gram(even), gram(uneven))
    assert float(sliced_term("a", even).measure(uneven, {"a": uneven})) > 0.5


def test_a_cloud_that_moves_is_as_far_as_it_moved():
    """Sorting keeps its order, so each slice is off by <v, axis> at every position."""
    x, v = features(4, 10, 14), torch.tensor([0.3, -1.0, 0.5, 2.0], dtype=torch.float64)
    moved = x + v[:, None, None]
    axes = unit_vectors(4, 50, 3).numpy()
    goal = np.sort(axes @ flat(x)[0], 1)
    expected = 140 * ((axes @ v.numpy()) ** 2).sum() / (goal**2).sum()
    term = sliced_term("a", x, directions=50, seed=3)
    np.testing.assert_allclose(term.measure(moved, {"a": moved}), expected, rtol=1e-10)
    # Over all directions <v, axis>^2 is |v|^2 / C on average, and <x, axis>^2 is |x|^2 / C.
    limit = 140 * float(v.square().sum() / x.square().sum())
    assert sliced_distance(moved, x, directions=20000) == pytest.approx(limit, rel=0.05)


def test_sizes_may_differ_and_a_repeated_map_is_nearly_the_same():
    x = features(4, 20, 31)
    assert sliced_distance(x.tile(1, 1, 2, 2), x) < 1e-3 < 0.1 < sliced_distance(x + 1, x)
    assert sliced_distance(x[:, :, :10, :], x) < sliced_distance(x + 0.2, x)


def test_few_positions_are_not_judged_and_many_of_the_same_are_near():
    cloud = features(4, 200, 300).flatten(2)
    order = torch.randperm(60000, generator=torch.Generator().manual_seed(1))
    few, some, many = (
        [cloud[:, :, order[at : at + n], None] for at in (0, n)] for n in (99, 100, 10000)
    )
    with pytest.raises(UsageError, match="99 positions"):
        sliced_distance(few[0], many[0])
    with pytest.raises(UsageError, match="at least"):
        sliced_distance(many[0], few[0])
    assert sliced_distance(*many) < 1e-3 < sliced_distance(*some) < 0.1


def test_the_sliced_distance_is_numpys_relative_to_the_second():
    a, b = features(3, 8, 18, seed=1), features(3, 12, 12, seed=2)
    axes = unit_vectors(3, 16, 5).numpy()
    x, t = (np.sort(axes @ flat(one)[0], 1) for one in (a, b))
    expected = ((x - t) ** 2).sum() / (t**2).sum()
    found = sliced_distance(a, b, directions=16, seed=5)
    assert found == pytest.approx(expected, rel=1e-10)
    assert sliced_distance(a.float(), b.float(), directions=16, seed=5) == pytest.approx(
        expected, rel=1e-5
    )
    assert sliced_distance(b, b) == 0
    assert sliced_distance(torch.zeros_like(a), b) == pytest.approx(1)


def test_directions_are_seeded_unit_vectors_even_over_the_sphere():
    axes = unit_vectors(3, 20000, 1)
    torch.testing.assert_close(axes.norm(dim=1), torch.ones(20000, dtype=torch.float64))
    spread = axes.T @ axes / 20000
    torch.testing.assert_close(spread, torch.eye(3, dtype=torch.float64) / 3, atol=0.01, rtol=0)
    torch.testing.assert_close(unit_vectors(3, 20000, 1), axes, rtol=0, atol=0)
    assert unit_vectors(6).shape == (6, 6)
    assert not torch.equal(unit_vectors(3, 5, 0), unit_vectors(3, 5, 1))


def test_projections_are_inner_products():
    x, axes = features(b=2), unit_vectors(4, 6)
    expected = np.einsum("kc,bchw->bkhw", axes.numpy(), x.numpy())
    np.testing.assert_allclose(projected(x, axes), expected, rtol=1e-10, atol=1e-12)
    half = projected(x.bfloat16(), axes)
    assert half.dtype == torch.float32
    np.testing.assert_allclose(half, expected, atol=0.05)


def test_terms_of_several_representations_add_up(tiny, picture):
    with torch.no_grad():
        source = tiny(picture, tiny.names)
    terms = sum((representation_terms(kind, source, WEIGHTS) for kind in KINDS), Terms())
    values = Objective(tiny, terms)(seeded_picture(9, 14, seed=8))
    assert len(values) == 6 * 3 + 2 and all(float(value) > 0 for value in values.values())
