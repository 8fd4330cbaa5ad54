"""Fitted distributions against scipy's own fits, densities and Kolmogorov-Smirnov distance."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from grams import captured
from scipy import stats
from scipy.special import digamma
from timing import quickest

from stylespace.styles.statistics.families import _gamma_shape, positive_sample
from stylespace.styles.statistics.fitting import FITS, Fits, FittedDistribution, _verdict, fits
from stylespace.styles.statistics.matrices import off_diagonal

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ("log-normal", "gamma", "Weibull", "exponential")


def scipys(fit):
    """The same distribution as scipy has it."""
    p = fit.parameters
    return {
        "log-normal": lambda: stats.lognorm(p["deviation_log"], scale=math.exp(p["mean_log"])),
        "gamma": lambda: stats.gamma(p["shape"], scale=p["scale"]),
        "Weibull": lambda: stats.weibull_min(p["shape"], scale=p["scale"]),
        "exponential": lambda: stats.expon(scale=p["scale"]),
    }[fit.name]()


def drawn(name, count=3000, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "log-normal": lambda: rng.lognormal(1.0, 1.6, count),
        "gamma": lambda: rng.gamma(0.6, 7.0, count),
        "Weibull": lambda: 3 * rng.weibull(0.7, count),
        "exponential": lambda: rng.exponential(2.0, count),
    }[name]()


def fitted(values):
    return fits(torch.as_tensor(values))


def by_name(values):
    return {fit.name: fit for fit in fitted(values).candidates}


# --- the candidates


@pytest.mark.parametrize("name", NAMES)
def test_candidates_are_scipys_maximum_likelihood_fits(name):
    values = drawn(name, 500)
    found = by_name(values)
    assert set(found) == set(NAMES)
    expected = {
        "log-normal": stats.lognorm(*stats.lognorm.fit(values, floc=0)),
        "gamma": stats.gamma(*stats.gamma.fit(values, floc=0)),
        "Weibull": stats.weibull_min(*stats.weibull_min.fit(values, floc=0)),
        "exponential": stats.expon(*stats.expon.fit(values, floc=0)),
    }
    for key, fit in found.items():
        own, theirs = (one.logpdf(values).sum() for one in (scipys(fit), expected[key]))
        assert own >= theirs - 1e-6
        at = np.quantile(values, [0.1, 0.5, 0.9])
        np.testing.assert_allclose(scipys(fit).cdf(at), expected[key].cdf(at), atol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_distance_and_criterion_are_scipys(name):
    values = drawn(name, 400).round(1) + 0.1  # with ties
    for fit in fitted(values).candidates:
        theirs = scipys(fit)
        assert fit.ks == pytest.approx(stats.kstest(values, theirs.cdf).statistic, abs=1e-9)
        expected = 2 * len(fit.parameters) - 2 * theirs.logpdf(values).sum()
        assert fit.aic == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_no_other_parameters_are_more_likely(name):
    values = drawn("Weibull", 300)
    fit = by_name(values)[name]
    best = scipys(fit).logpdf(values).sum()
    for key, value in fit.parameters.items():
        for factor in (0.999, 1.001):
            other = dataclasses.replace(fit, parameters={**fit.parameters, key: factor * value})
            assert scipys(other).logpdf(values).sum() < best


@pytest.mark.parametrize("name", NAMES)
def test_the_true_family_has_the_best_criterion_and_its_parameters(name):
    found = fitted(drawn(name, 20000))
    own = by_name(drawn(name, 20000))[name]
    # An exponential is a gamma and a Weibull of shape 1 as well: these may be better by chance.
    assert own.aic - found.candidates[0].aic < (4 if name == "exponential" else 1e-9)
    true = {
        "log-normal": {"mean_log": 1.0, "deviation_log": 1.6},
        "gamma": {"shape": 0.6, "scale": 7.0},
        "Weibull": {"shape": 0.7, "scale": 3.0},
        "exponential": {"scale": 2.0},
    }[name]
    assert own.parameters == pytest.approx(true, rel=0.05)
    assert found.best.ks < 0.015


def test_exponential_is_found_where_gamma_and_weibull_are_exponential():
    levels = (np.arange(2000) + 0.5) / 2000
    found = fitted(-np.log1p(-levels))
    assert found.candidates[0].name == "exponential" and found.best.ks < 0.001
    shapes = [fit.parameters["shape"] for fit in found.candidates if "shape" in fit.parameters]
    np.testing.assert_allclose(shapes, 1, atol=0.005)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e290])
def test_scale_moves_scales_alone(scale):
    values = drawn("gamma", 200)
    for one, two in zip(fitted(values).candidates, fitted(scale * values).candidates, strict=True):
        assert one.name == two.name and two.ks == pytest.approx(one.ks, abs=1e-9)
        assert two.aic - one.aic == pytest.approx(400 * math.log(scale), rel=1e-9)
        moved = dict(one.parameters)
        if "scale" in moved:
            moved["scale"] *= scale
        if "mean_log" in moved:
            moved["mean_log"] += math.log(scale)
        assert two.parameters == pytest.approx(moved, rel=1e-9, abs=0)


def test_gamma_shape_on_both_sides_of_its_series():
    for shape in (1e-3, 0.1, 1.0, 30.0, 480.0, 520.0, 1e4):
        excess = math.log(shape) - float(digamma(shape))
        assert _gamma_shape(excess) == pytest.approx(shape, rel=1e-8)
    assert _gamma_shape(1e-18) == pytest.approx(5e17, rel=1e-12)


def test_nearly_equal_values_keep_their_digits():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=1000)
    for width in (1e-2, 1e-4, 3e-6):
        found = by_name(np.exp(width * noise))
        assert positive_sample(np.exp(width * noise)).excess == pytest.approx(
            width**2 * noise.var() / 2, rel=2 * width
        )
        assert found["gamma"].parameters["shape"] == pytest.approx(
            1 / (width**2 * noise.var()), rel=3 * width
        )
        assert found["gamma"].ks == pytest.approx(found["log-normal"].ks, abs=3 * width)
        assert found["gamma"].aic == pytest.approx(found["log-normal"].aic, abs=100 * width)


# --- quantiles


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_are_scipys(name):
    fit = by_name(drawn("Weibull", 100))[name]
    p = np.array([[0.0, 0.001, 0.3], [0.5, 0.999, 1.0]])
    np.testing.assert_allclose(fit.quantile(p), scipys(fit).ppf(p), rtol=1e-9)
    assert fit.quantile(p).shape == (2, 3)
    assert fit.quantile(np.array([0.0, 1.0])).tolist() == [0, math.inf]


@pytest.mark.parametrize("p", [[-0.1], [1.1], [0.5, math.nan]])
def test_shares_outside_the_unit_interval_are_refused(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        by_name(drawn("gamma", 50))["gamma"].quantile(np.array(p))


def test_quantiles_of_extreme_shapes_do_not_warn():
    p = np.linspace(0, 1, 7)
    for fit in fitted(np.logspace(-300, 300, 40)).candidates:
        assert not np.isnan(fit.quantile(p)).any()
    steep = FittedDistribution("Weibull", {"shape": 1e-3, "scale": 1.0}, 0.0, 0.0)
    assert steep.quantile(p)[0] == 0 and steep.quantile(p)[-1] == math.inf


# --- words


def test_zeros_are_told_apart():
    values = drawn("gamma", 300)
    found, alone = fitted(np.concatenate([values, np.zeros(100)])), fitted(values)
    assert (found.count, found.zero_share) == (300, 0.25)
    assert (alone.count, alone.zero_share) == (300, 0)
    assert found.candidates == alone.candidates and found.verdict == alone.verdict


def test_negative_entries_are_left_out():
    values = drawn("gamma", 300)
    found = fitted(np.concatenate([-values, values]))
    assert found.count == 300 and found.zero_share == 0
    assert found.candidates == fitted(values).candidates


def test_a_verdict_on_what_fits():
    found = fitted(drawn("log-normal", 4000))
    assert found.best is found.candidates[0] and found.best.name == "log-normal"
    off = f"{100 * found.best.ks:.1f}"
    assert found.verdict == (
        f"log-normal fits: its distribution function is never more than {off} % off"
    )


def test_several_fit_and_the_best_is_one_of_them():
    """Exponential values are gamma and Weibull ones as well, to within 5 %."""
    found = fitted(drawn("exponential", 4000))
    fitting = [fit.name for fit in found.candidates if fit.ks <= FITS]
    assert set(fitting) == {"exponential", "gamma", "Weibull"}
    assert [fit.name for fit in found.candidates if fit.fits] == fitting
    assert found.best.aic == min(fit.aic for fit in found.candidates if fit.fits)
    assert found.answer == fitting[0] and found.verdict.startswith(f"{fitting[0]} fits: ")
    end = f" % off; {fitting[1]} and {fitting[2]} fit too, with a higher AIC"
    assert found.verdict.endswith(end)
    two = dataclasses.replace(found, candidates=found.candidates[:2])
    assert _verdict(two).endswith(f"; {fitting[1]} fits too, with a higher AIC")


@pytest.mark.parametrize(("ks", "fitting"), [(0.0321, True), (FITS, True), (0.0501, False)])
def test_what_fits_is_said_by_its_distance_alone(ks, fitting):
    assert FittedDistribution("Weibull", {}, ks, math.inf).fits is fitting


def test_a_verdict_on_what_does_not_fit():
    rng = np.random.default_rng(0)
    found = fitted(np.concatenate([rng.uniform(1, 1.1, 500), rng.uniform(99, 100, 500)]))
    closest = min(found.candidates, key=lambda fit: fit.ks)
    assert found.best is None and closest.ks > 0.2 and found.closest is closest
    assert not found.undecided
    assert found.verdict == (
        f"none fits: the closest, {closest.name}, is up to {100 * closest.ks:.0f} % off"
    )


def test_a_verdict_on_too_few():
    """Twenty values, drawn from a gamma distribution, cannot be within 5 % of it."""
    found = fitted(drawn("gamma", 20, seed=1))
    assert found.best is None and min(fit.ks for fit in found.candidates) > FITS
    assert found.verdict.startswith("undecided: the closest, ")
    mean = stats.kstwo(20).mean()
    assert float(found.verdict.rsplit("(")[-1].split()[0]) == pytest.approx(100 * mean, abs=0.51)
    assert " as 20 entries drawn from it would be " in found.verdict
    assert found.undecided and FITS < found.closest.ks <= mean + 5e-3


@pytest.mark.parametrize("off", [0.9, 1.1])
def test_undecided_ends_where_a_sample_of_its_own_would_be(off):
    """Of 25 values: up to the mean distance that such samples have, by scipy's exact law."""
    edge = stats.kstwo(25).mean()
    candidates = tuple(FittedDistribution("gamma", {}, ks, 0.0) for ks in (0.9, off * edge))
    found = Fits(25, 0.0, candidates, "")
    assert found.closest is candidates[1] and found.undecided == (off < 1)
    assert not Fits(25_000, 0.0, candidates, "").undecided


def test_the_best_is_the_first_of_those_that_fit():
    fit = fitted(drawn("gamma", 300))
    off, on = (FittedDistribution("gamma", {}, ks, 0.0) for ks in (1.01 * FITS, FITS))
    assert dataclasses.replace(fit, candidates=(off, on, on)).best is on
    assert dataclasses.replace(fit, candidates=(off, off)).best is None
    assert not dataclasses.replace(fit, count=20, candidates=(off, on)).undecided


@pytest.mark.parametrize(
    ("values", "count", "zeros", "verdict"),
    [
        ([], 0, 0, "nothing to fit: all are 0"),
        ([0.0, 0.0], 0, 1, "nothing to fit: all are 0"),
        ([3.0], 1, 0, "nothing to fit: all entries above 0 are equal"),
        ([3.0, 0.0, 3.0], 2, 1 / 3, "nothing to fit: all entries above 0 are equal"),
        ([1.0, 1.0 + 1e-7], 2, 0, "nothing to fit: all entries above 0 are equal"),
    ],
)
def test_nothing_to_fit(values, count, zeros, verdict):
    found = fitted(torch.tensor(values, dtype=torch.float64))
    assert (found.count, found.zero_share, found.verdict) == (count, zeros, verdict)
    assert found.candidates == () and found.best is found.closest is None
    assert not found.undecided


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0],
        [1.0, 1.00001],
        [5e-324, 1e-323],
        [5e-324, 1e300],
        [1e-45] * 50 + [1.0],
        [1e308, 1.7e308],
        [1.0] * 1000 + [1e6],
    ],
)
def test_edge_cases_have_finite_fits(values):
    found = fitted(torch.tensor(values, dtype=torch.float64))
    assert len(found.candidates) == 4
    for fit in found.candidates:
        assert 0 < fit.ks < 1 and math.isfinite(fit.aic)
        assert all(map(math.isfinite, fit.parameters.values()))
        assert not np.isnan(fit.quantile(np.array([0, 0.5, 1]))).any()


def test_order_type_and_graph_do_not_matter():
    values = torch.from_numpy(drawn("Weibull", 200)).requires_grad_()
    assert fits(values) == fits(values.flip(0)) and values.grad is None
    one, two = fits(values.float()), fits(values)
    assert [a.name for a in one.candidates] == [b.name for b in two.candidates]
    assert one.candidates[0].ks == pytest.approx(two.candidates[0].ks, abs=1e-5)


def test_fits_of_a_captured_style_are_plain():
    for layer in captured(0).layers.values():
        found = fits(off_diagonal(layer.gram))
        assert found.count and json.loads(json.dumps(dataclasses.asdict(found)))["verdict"]


def test_131000_values_take_as_long_as_sorting_them_thirty_times():
    values = torch.from_numpy(drawn("gamma", 131_000))
    assert quickest(lambda: fits(values)) < 120 * quickest(lambda: np.sort(values.numpy()))
