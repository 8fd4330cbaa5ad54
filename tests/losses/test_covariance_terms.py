"""The covariance term: relative, on any grid, responses held, its own way out of cancellation."""

import pytest
import torch
from features import drawn, pictures
from tiny import seeded_picture

from stylespace.errors import UsageError
from stylespace.losses.covariance import (
    CovarianceMeasure,
    covariance_distance,
    covariance_term,
    terms,
)
from stylespace.losses.covariance.responses import on_grid
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.synthesis.loop import synthesize

pytestmark = pytest.mark.usefixtures("one_thread")


def measured(term, features):
    """A term on features alone."""
    return term.weight * term.measure(None, {term.layers[0]: features})


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("evaluator", ["explicit", "kernel", "auto"])
@pytest.mark.parametrize("centred", [False, True])
def test_the_distance_over_the_targets_own_square(monkeypatch, evaluator, centred, stored):
    monkeypatch.setattr(terms, "STORED", 2**28 if stored else 0)
    F, R, P, Q = pictures(channels=4, responses=3)
    window = {"half_width": 1, "kernel": "gaussian", "centred": centred}
    term = covariance_term("conv2_1", P[:1], Q[:1], R[:1], evaluator=evaluator, **window)
    assert term.name == "content_covariance.conv2_1" and term.layers == ("conv2_1",)
    target = P[:1], Q[:1]
    for grid in ((5, 4), (9, 7), (2, 3), (5, 4)):  # whatever the picture's size, and back again
        features = drawn(2, 4, *grid, seed=sum(grid))
        responses = on_grid(R[:1], grid)
        nothing = covariance_distance(0 * features, responses, *target, **window)
        expected = covariance_distance(features, responses, *target, **window) / nothing
        torch.testing.assert_close(measured(term, features), expected)
        torch.testing.assert_close(measured(term, 0 * features), torch.ones(2).double())
    assert not term.measure.remarks


def test_a_target_for_each_picture():
    F, R, P, Q = pictures(grid=(4, 5), other=(4, 5))
    term = covariance_term("a", P, Q, R, weight=3.0)
    one_by_one = [
        measured(covariance_term("a", P[b : b + 1], Q[b : b + 1], R[b : b + 1]), F[b : b + 1])
        for b in range(2)
    ]
    torch.testing.assert_close(measured(term, F), 3 * torch.cat(one_by_one))


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_target_itself_has_exactly_no_distance(monkeypatch, dtype, stored):
    monkeypatch.setattr(terms, "STORED", 2**28 if stored else 0)
    P, Q = (drawn(1, c, 13, 11, seed=c).to(dtype) for c in (5, 3))
    for centred in (False, True):
        term = covariance_term("a", P, Q, Q, half_width=1, centred=centred)
        assert measured(term, P).tolist() == [0]


def test_responses_are_brought_to_the_grids_of_both_pictures():
    F, _, P, _ = pictures(grid=(6, 4), other=(4, 6))
    R, Q = drawn(1, 2, 12, 8, seed=7), drawn(1, 2, 2, 3, seed=8)
    found = measured(covariance_term("a", P, Q, R), F)
    halves = R.unflatten(2, (6, 2)).unflatten(4, (4, 2)).mean((3, 5))
    doubled = torch.nn.functional.interpolate(Q, (4, 6), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found, measured(covariance_term("a", P, doubled, halves), F))


def test_only_the_picture_has_a_gradient():
    F, R, P, Q = (one.requires_grad_() for one in pictures())
    term = covariance_term("a", P, Q, R, half_width=1)
    measured(term, F).sum().backward()
    assert F.grad.abs().sum() > 0
    assert all(one.grad is None for one in (R, P, Q))


@pytest.mark.parametrize("evaluator", ["explicit", "kernel"])
def test_the_gradient_through_a_network(tiny, evaluator):
    style, content = seeded_picture(9, 12), seeded_picture(8, 10, seed=1)
    with torch.no_grad():
        features, other = tiny(style, tiny.names), tiny(content, tiny.names)
    term = covariance_term(
        "conv2_1",
        features["conv2_1"],
        features["conv3_1"],
        other["conv3_1"],
        half_width=1,
        centred=True,
        evaluator=evaluator,
    )
    objective = Objective(tiny, Terms((term,)))
    image = seeded_picture(8, 10, seed=2, count=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(objective(x).values()), image)


def test_the_loop_lowers_it(tiny32):
    style, content = (seeded_picture(*s, dtype=torch.float32) for s in ((16, 24), (20, 12)))
    with torch.no_grad():
        features, other = tiny32(style, tiny32.names), tiny32(content, tiny32.names)
    term = covariance_term(
        "conv2_1", features["conv2_1"], features["conv3_1"], other["conv3_1"], half_width=1
    )
    start = seeded_picture(20, 12, seed=4, dtype=torch.float32) * 0.5
    result = synthesize(Objective(tiny32, Terms((term,))), start, steps=40)
    assert result.loss < 0.03 * result.steps[0].loss


# --- cancellation


def test_near_the_optimum_it_changes_to_the_explicit_form_for_good_and_says_so(monkeypatch):
    P, Q = drawn(1, 6, 9, 8), drawn(1, 3, 9, 8, seed=1)
    term = covariance_term("conv4_1", P, Q, Q, evaluator="kernel")
    far = measured(term, 2 * P)
    assert term.measure.evaluator == "kernel" and not term.measure.remarks
    close = (P + 1e-8).requires_grad_()
    near = measured(term, close)
    near.backward()
    assert close.grad.any() and torch.isfinite(close.grad).all()
    (remark,) = term.measure.remarks
    assert remark.startswith("conv4_1: the kernel form") and "\n" not in remark
    assert remark.endswith("explicit from here on")
    exact = covariance_distance(P + 1e-8, Q, P, Q, evaluator="explicit")
    exact /= covariance_distance(0 * P, Q, P, Q, evaluator="explicit")
    torch.testing.assert_close(near.detach(), exact)
    monkeypatch.setattr(terms, "by_kernel", None)  # never called again
    torch.testing.assert_close(measured(term, 2 * P), far)
    assert measured(term, P).tolist() == [0]
    assert term.measure.remarks == [remark] and term.measure.evaluator == "explicit"


@pytest.mark.parametrize("eps", [1e-1, 1e-2, 1e-3])
def test_float32_features_in_the_kernel_form_are_as_good_as_float64(eps):
    """The target's square belongs to the rounded numbers, or it would not cancel with them."""
    P, Q = drawn(1, 16, 12, 10).float(), drawn(1, 8, 12, 10, seed=1).float()
    F = P + eps * drawn(*P.shape, seed=2).float()
    for scale in (1e-4, 1.0, 3e3):
        found = measured(covariance_term("a", scale * P, Q, Q, evaluator="kernel"), scale * F)
        exact = measured(
            covariance_term("a", scale * P.double(), Q.double(), Q.double(), evaluator="explicit"),
            scale * F.double(),
        )
        torch.testing.assert_close(found.double(), exact, rtol=2e-4 * 1e-3 / eps, atol=0)


# --- edges


@pytest.mark.parametrize("evaluator", ["explicit", "kernel", "auto"])
def test_a_target_of_nothing_gives_the_plain_distance(evaluator):
    F, R, P, Q = pictures()
    zero = covariance_term("a", 0 * P, Q, R, evaluator=evaluator)
    expected = covariance_distance(F, R, 0 * P, Q)
    torch.testing.assert_close(measured(zero, F), expected)
    flat = covariance_term("a", P, torch.ones_like(Q), R, centred=True, evaluator=evaluator)
    expected = covariance_distance(F, R, P, torch.ones_like(Q), centred=True)
    torch.testing.assert_close(measured(flat, F), expected)


def test_what_rounding_leaves_of_a_target_is_nothing_to_be_relative_to():
    """Under a window over all positions a centred response has no covariance with anything."""
    F, R, P, Q = (one.float() for one in pictures(grid=(7, 9), other=(8, 6)))
    term = covariance_term("a", P, Q, R, half_width=12, centred=True)
    assert (measured(term, F) < 1e-10).all()


@pytest.mark.parametrize("scale", [1e-4, 1e4, 2.0**-40, 2.0**40])
@pytest.mark.parametrize("evaluator", ["explicit", "kernel"])
def test_it_does_not_depend_on_the_scale_in_float32(scale, evaluator):
    F, R, P, Q = (one.float() for one in pictures(channels=16, responses=8))
    options = {"half_width": 1, "evaluator": evaluator}
    plain = measured(covariance_term("a", P, Q, R, **options), F)
    louder = covariance_term("a", scale * P, scale * Q, scale * R, **options)
    torch.testing.assert_close(measured(louder, scale * F), plain, rtol=1e-4, atol=0)


def test_the_measure_is_named_and_bad_requests_are_refused_at_once():
    F, R, P, Q = pictures()
    assert isinstance(covariance_term("a", P, Q, R).measure, CovarianceMeasure)
    with pytest.raises(UsageError, match="unknown evaluator 'fast'"):
        covariance_term("a", P, Q, R, evaluator="fast")
    with pytest.raises(UsageError, match="Known: uniform, gaussian"):
        covariance_term("a", P, Q, R, kernel="box")
    with pytest.raises(ValueError, match="responses of R and Q: 1 and 2"):
        covariance_term("a", P, Q, R[:, :1])
