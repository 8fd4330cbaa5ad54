"""The covariance distance: brute force over windows, closed forms, invariants, edge cases."""

import itertools

import numpy as np
import pytest
import torch
from features import drawn, pictures

import stylespace
from stylespace.errors import UsageError
from stylespace.losses.covariance import covariance_distance
from stylespace.styles.gram import covariance, gram

pytestmark = pytest.mark.usefixtures("one_thread")

EVALUATORS = ("explicit", "kernel", "auto")


def local_grams(features, half_width, window):
    """G(x) of one picture, (C, h, w) -> (h, w, C, C), written out position by position."""
    c, h, w = features.shape
    result = np.zeros((h, w, c, c))
    steps = range(-half_width, half_width + 1)
    for y, x, dy, dx in itertools.product(range(h), range(w), steps, steps):
        if 0 <= y + dy < h and 0 <= x + dx < w:
            f = features[:, y + dy, x + dx]
            result[y, x] += window[dy + half_width] * window[dx + half_width] * np.outer(f, f)
    return result


def moments(features, responses, half_width=0, kernel="uniform", centred=False):
    """S_kij of one picture by its definition."""
    d = np.arange(-half_width, half_width + 1)
    window = (
        np.ones(len(d)) if kernel == "uniform" else np.exp(-(d**2) / (2 * (half_width / 2) ** 2))
    )
    grams = local_grams(features, half_width, window / window.sum())
    if centred:
        responses = responses - responses.mean((1, 2), keepdims=True)
    return np.einsum("kyx,yxij->kij", responses, grams) / responses[0].size


def brute_force(F, R, P, Q, *settings):
    """The distance of each picture of a batch by its definition."""
    sums = [
        moments(f, r, *settings) - moments(p, q, *settings)
        for f, r, p, q in zip(*(one.numpy() for one in (F, R, P, Q)), strict=True)
    ]
    return np.array([(one**2).sum() for one in sums])


@pytest.mark.parametrize("evaluator", ["explicit", "kernel"])
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("half_width", "kernel"),
    [(0, "uniform"), (2, "uniform"), (7, "uniform"), (1, "gaussian"), (3, "gaussian")],
)
def test_the_definition_window_by_window(half_width, kernel, centred, evaluator):
    inputs = pictures()
    found = covariance_distance(
        *inputs, half_width, kernel=kernel, centred=centred, evaluator=evaluator
    )
    expected = brute_force(*inputs, half_width, kernel, centred)
    # A centred response that one window holds everywhere is zero up to its rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-30)
    assert found[0] != found[1]


def test_the_centred_form_is_numpys_covariance_of_response_and_local_gram():
    F, R, P, Q = pictures(batch=1)
    parts = []
    for features, responses in ((F, R), (P, Q)):
        maps = local_grams(features[0].numpy(), 1, np.full(3, 1 / 3)).reshape(-1, 9)
        both = np.concatenate([responses[0].flatten(1).numpy(), maps.T])
        parts.append(np.cov(both, bias=True)[:2, 2:])
    found = covariance_distance(F, R, P, Q, 1, centred=True)
    assert float(found) == pytest.approx(((parts[0] - parts[1]) ** 2).sum(), rel=1e-11)


# --- closed forms


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_one_response_of_ones_is_the_gram_distance(evaluator):
    F, R, P, Q = pictures(responses=1)
    found = covariance_distance(F, torch.ones_like(R), P, torch.ones_like(Q), evaluator=evaluator)
    expected = (gram(F) - gram(P)).square().sum((1, 2))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_regions_as_responses_are_guided_grams(evaluator):
    F, _, P, _ = pictures(batch=1)
    left, top = torch.zeros(1, 2, 5, 4).double(), torch.zeros(1, 2, 3, 6).double()
    left[:, 0, :, :1], left[:, 1, :, 1:] = 1, 1
    top[:, 0, :2], top[:, 1, 2:] = 1, 1
    found = covariance_distance(F, left, P, top, evaluator=evaluator)
    pairs = [(F[..., :1], P[:, :, :2]), (F[..., 1:], P[:, :, 2:])]
    grams = [
        (f.shape[2] * f.shape[3] / 20 * gram(f), p.shape[2] * 6 / 18 * gram(p)) for f, p in pairs
    ]
    expected = sum((g - a).square().sum() for g, a in grams)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_a_window_over_all_positions_weighs_each_with_the_mean_response(evaluator):
    F, R, P, Q = pictures()
    found = covariance_distance(F, R, P, Q, 6, evaluator=evaluator)
    sums = [
        one.sum((2, 3))[:, :, None, None] * gram(two)[:, None] / 13**2
        for one, two in ((R, F), (Q, P))
    ]
    torch.testing.assert_close(found, (sums[0] - sums[1]).square().sum((1, 2, 3)))


def test_one_position_is_a_product_of_its_numbers():
    F, R, P, Q = pictures(grid=(1, 1), other=(1, 1))
    f, r, p, q = (one.flatten(1) for one in (F, R, P, Q))
    parts = [torch.einsum("bk,bi,bj->bkij", a, b, b) for a, b in ((r, f), (q, p))]
    for evaluator in EVALUATORS:
        found = covariance_distance(F, R, P, Q, evaluator=evaluator)
        torch.testing.assert_close(found, (parts[0] - parts[1]).square().sum((1, 2, 3)))


# --- invariants


@pytest.mark.parametrize("centred", [False, True])
def test_what_does_not_change_the_distance(centred):
    F, R, P, Q = pictures(channels=4, responses=3)
    options = {"half_width": 1, "centred": centred}
    value = covariance_distance(F, R, P, Q, **options)
    order, channels = torch.tensor([2, 0, 1]), torch.tensor([1, 3, 0, 2])
    turn = torch.linalg.qr(drawn(3, 3, seed=9))[0]
    rotated = [torch.einsum("kl,blyx->bkyx", turn, one) for one in (R, Q)]
    flips = [one.flip(3).mT for one in (F, R)]
    for same in (
        (F, R[:, order], P, Q[:, order]),
        (F[:, channels], R, P[:, channels], Q),
        (F, rotated[0], P, rotated[1]),
        (*flips, P, Q),
        (P, Q, F, R),
        (-F, R, P, Q),
    ):
        torch.testing.assert_close(covariance_distance(*same, **options), value)
    other = covariance_distance(F, R[:, order], P, Q, **options)
    assert (other - value).abs().min() > 1e-3 * value.max()


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e3])
def test_degree_four_in_features_and_two_in_responses(factor):
    F, R, P, Q = pictures()
    value = covariance_distance(F, R, P, Q, 1)
    louder = covariance_distance(factor * F, R, factor * P, Q, 1)
    torch.testing.assert_close(louder, factor**4 * value)
    torch.testing.assert_close(
        covariance_distance(F, factor * R, P, factor * Q, 1), factor**2 * value
    )


def test_a_moved_content_takes_its_style_along():
    """Features and responses that move together, away from the border, leave the moments."""
    F, R, P, Q = pictures(grid=(9, 8))
    F[:, :, :3], F[:, :, :, :3], F[:, :, 6:], F[:, :, :, 6:] = 0, 0, 0, 0
    moved = [one.roll((2, 1), (2, 3)) for one in (F, R)]
    value, other = (covariance_distance(*two, P, Q, 1) for two in ((F, R), moved))
    torch.testing.assert_close(other, value)
    apart = covariance_distance(moved[0], R, P, Q, 1)
    assert (apart - value).abs().min() > 1e-3 * value.max()


def test_a_constant_is_no_covariance():
    F, R, P, Q = pictures()
    value = covariance_distance(F, R, P, Q, 1, centred=True)
    shifted = covariance_distance(F, R + 3, P, Q - 5, 1, centred=True)
    torch.testing.assert_close(shifted, value)
    flat = [torch.full_like(one, 0.1).float() for one in (R, Q)]
    for evaluator in EVALUATORS:
        found = covariance_distance(F, flat[0], P, flat[1], centred=True, evaluator=evaluator)
        assert found.tolist() == [0, 0]


def test_a_constant_response_still_has_the_gradient_of_its_neighbours():
    F, R, P, Q = pictures()

    def gradient(response):
        response = response.requires_grad_()
        value = covariance_distance(F, response, P, Q, 1, centred=True).sum()
        return torch.autograd.grad(value, response)[0]

    nearly = torch.ones_like(R) + 1e-5 * R
    torch.testing.assert_close(gradient(torch.ones_like(R)), gradient(nearly), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("evaluator", ["explicit", "auto"])
def test_equal_pictures_have_exactly_no_distance(dtype, evaluator):
    F, R = (drawn(2, c, 23, 17, seed=c).to(dtype) for c in (7, 3))
    for centred in (False, True):
        found = covariance_distance(F, R, F, R, 2, centred=centred, evaluator=evaluator)
        assert found.tolist() == [0, 0] and found.dtype == dtype


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_pictures_of_nothing(evaluator):
    F, R, P, Q = pictures(channels=1, responses=1)
    zero = covariance_distance(0 * F, R, 0 * P, Q, 1, evaluator=evaluator)
    assert zero.tolist() == [0, 0]
    found = covariance_distance(0 * F, R, P, Q, 1, evaluator=evaluator)
    expected = [(moments(p, q, 1) ** 2).sum() for p, q in zip(P.numpy(), Q.numpy(), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_order_of_a_networks_memory_changes_nothing():
    """Convolutions may leave the channels innermost."""
    inputs = pictures(channels=4)
    turned = [one.contiguous(memory_format=torch.channels_last) for one in inputs]
    for evaluator in EVALUATORS:
        values = [covariance_distance(*two, 1, evaluator=evaluator) for two in (inputs, turned)]
        torch.testing.assert_close(*values)


def test_the_name_of_the_package_stays_that_of_the_channels_covariance():
    assert stylespace.covariance is covariance


# --- at the door


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_one_target_serves_a_batch(evaluator):
    F, R, P, Q = pictures()
    one = covariance_distance(F, R[:1], P[:1], Q[:1], 1, evaluator=evaluator)
    many = [t[:1].expand_as(t) for t in (R, P, Q)]
    torch.testing.assert_close(one, covariance_distance(F, *many, 1, evaluator=evaluator))


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_half_precision_is_widened(evaluator):
    inputs = [one.bfloat16() for one in pictures()]
    found = covariance_distance(*inputs, 1, evaluator=evaluator)
    assert found.dtype == torch.float32
    expected = covariance_distance(*(one.double() for one in inputs), 1)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)


def test_bad_requests_are_refused_in_one_line():
    F, R, P, Q = pictures()
    for change, words in (
        ({"evaluator": "kernal"}, "Did you mean 'kernel'"),
        ({"kernel": "box"}, "Known: uniform, gaussian"),
        ({"half_width": -1}, "-1"),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            covariance_distance(F, R, P, Q, **change)
        assert "\n" not in str(caught.value)
    for inputs, words in (
        ((F[0], R, P, Q), "are needed"),
        ((F, Q, P, Q), "same grid"),
        ((F[:, :, :0], R[:, :, :0], P, Q), "one position or more"),
        ((F[:, :2], R, P, Q), "channels of F and P: 2 and 3"),
        ((F, R[:, :1], P, Q), "responses of R and Q: 1 and 2"),
        ((F, R, P.repeat(2, 1, 1, 1)[:3], Q), "equally many"),
    ):
        with pytest.raises(ValueError, match=words):
            covariance_distance(*inputs)
