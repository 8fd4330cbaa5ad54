"""The usual distributions of positive values, location 0, by maximum likelihood.

Everything is computed in logarithms of values over the largest one: nothing overflows, and values
that are nearly equal keep their digits. Distribution functions and quantiles are scipy's special
functions; fits are closed or the root of one equation.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, gammainc, gammaincinv, gammaln, ndtr, ndtri

Parameters = dict[str, float]
STEEP = 1e-3
"""Log of arithmetic over geometric mean below which the gamma shape is a series (to 1e-10)."""
LARGE = 1e8
"""Gamma shape above which Stirling's formula is better than the difference it stands for."""


@dataclass(frozen=True, eq=False)
class PositiveSample:
    """Positive values by their logarithms.

    logs: (n,) ascending, of value over the largest value; the last is 0. unit: the largest value.
    log_mean: logarithm of the mean. mean_log: mean of the logarithms. excess: the former less the
    latter, >= 0, to full precision.
    """

    logs: np.ndarray
    unit: float
    log_mean: float
    mean_log: float
    excess: float


def positive_sample(values: np.ndarray) -> PositiveSample:
    """Return positive values (n,), n >= 1, in any order, as a sample."""
    logs = np.sort(np.log(values))
    logs, unit = logs - logs[-1], float(values.max())
    log_mean = math.log(np.exp(logs).mean())
    away = logs - log_mean
    # Both means are of numbers near 0 where the values are nearly equal: their difference cancels.
    excess = float((np.expm1(away) - away).mean())
    return PositiveSample(logs, unit, log_mean, float(logs.mean()), excess)


@dataclass(frozen=True)
class Family:
    """A family of distributions of positive values.

    fitted: parameters of a sample in its unit, and its mean log-likelihood. below: distribution
    function at the exponentials of logs (n,). quantile: at levels in [0, 1].
    """

    fitted: Callable[[PositiveSample], tuple[Parameters, float]]
    below: Callable[[np.ndarray, Parameters], np.ndarray]
    quantile: Callable[[np.ndarray, Mapping[str, float]], np.ndarray]


def in_unit(parameters: Parameters, unit: float) -> Parameters:
    """Return the parameters of values that are `unit` times as large."""
    moved = dict(parameters)
    if "mean_log" in moved:
        moved["mean_log"] += math.log(unit)
    if "scale" in moved:  # never 0: of the smallest numbers there are, half is 0
        moved["scale"] = max(moved["scale"] * unit, math.ulp(0.0))
    return moved


def _exponential(sample: PositiveSample) -> tuple[Parameters, float]:
    return {"scale": math.exp(sample.log_mean)}, -sample.log_mean - 1


def _log_normal(sample: PositiveSample) -> tuple[Parameters, float]:
    width = float(sample.logs.std())
    likelihood = -sample.mean_log - math.log(width) - (1 + math.log(2 * math.pi)) / 2
    return {"mean_log": sample.mean_log, "deviation_log": width}, likelihood


def _log_normal_below(logs: np.ndarray, at: Parameters) -> np.ndarray:
    return ndtr((logs - at["mean_log"]) / at["deviation_log"])


def _log_normal_quantile(levels: np.ndarray, at: Mapping[str, float]) -> np.ndarray:
    return np.exp(at["mean_log"] + at["deviation_log"] * ndtri(levels))


def _gamma(sample: PositiveSample) -> tuple[Parameters, float]:
    shape = _gamma_shape(sample.excess)
    likelihood = -sample.log_mean - (shape - 1) * sample.excess + _stirling(shape)
    return {"shape": shape, "scale": math.exp(sample.log_mean) / shape}, likelihood


def _gamma_shape(excess: float) -> float:
    """Return k with log k - digamma(k) = excess, which is between 1 / (2 excess) and 1 / excess.

    Source: Alzer 1997 (the bounds).
    """
    if excess < STEEP:  # log k - digamma(k) = 1 / (2 k) + 1 / (12 k^2) - ..., which cancels
        return (1 + math.sqrt(1 + 4 * excess / 3)) / (4 * excess)
    return brentq(lambda k: math.log(k) - digamma(k) - excess, 0.5 / excess, 1 / excess)


def _stirling(shape: float) -> float:
    """Return k log k - k - log Gamma(k)."""
    if shape > LARGE:
        return math.log(shape / (2 * math.pi)) / 2
    return shape * math.log(shape) - shape - float(gammaln(shape))


def _gamma_below(logs: np.ndarray, at: Parameters) -> np.ndarray:
    return gammainc(at["shape"], np.exp(logs - math.log(at["scale"])))


def _gamma_quantile(levels: np.ndarray, at: Mapping[str, float]) -> np.ndarray:
    return at["scale"] * gammaincinv(at["shape"], levels)


def _weibull(sample: PositiveSample) -> tuple[Parameters, float]:
    shape = _weibull_shape(sample)
    log_scale = math.log(np.exp(shape * sample.logs).mean()) / shape
    likelihood = math.log(shape) + shape * (sample.mean_log - log_scale) - sample.mean_log - 1
    return {"shape": shape, "scale": math.exp(log_scale)}, likelihood


def _weibull_shape(sample: PositiveSample) -> float:
    """Return the root c of the profile likelihood's slope, which rises with c.

    sum x^c log x / sum x^c - 1 / c - mean log x = 0; the search begins where the deviation of the
    logarithms would have it.

    Source: Cohen 1965.
    """

    def rise(c: float) -> float:
        powers = np.exp(c * sample.logs)
        return float(powers @ sample.logs / powers.sum()) - 1 / c - sample.mean_log

    low = high = math.pi / math.sqrt(6) / float(sample.logs.std())
    while rise(low) > 0:
        low /= 2
    while rise(high) < 0:
        high *= 2
    return brentq(rise, low, high)


def _weibull_below(logs: np.ndarray, at: Parameters) -> np.ndarray:
    """Also of the exponential distribution, which has no shape: that of shape 1."""
    return -np.expm1(-np.exp(at.get("shape", 1.0) * (logs - math.log(at["scale"]))))


def _weibull_quantile(levels: np.ndarray, at: Mapping[str, float]) -> np.ndarray:
    return at["scale"] * (-np.log1p(-levels)) ** (1 / at.get("shape", 1.0))


FAMILIES = {
    "exponential": Family(_exponential, _weibull_below, _weibull_quantile),
    "log-normal": Family(_log_normal, _log_normal_below, _log_normal_quantile),
    "gamma": Family(_gamma, _gamma_below, _gamma_quantile),
    "Weibull": Family(_weibull, _weibull_below, _weibull_quantile),
}
"""By name; those of fewer parameters first, so that they stand first of equal AIC."""
