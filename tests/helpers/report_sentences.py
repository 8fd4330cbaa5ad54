"""The sentences of a report, each recomputed from the numbers of results.json by another route."""

import math
import re
from collections import Counter

import numpy as np
import pytest

from stylespace.reports.findings import COMPARED

NUMBER = r"-?(?:\d[\d,]*\.?\d*(?:e[-+]\d+)?)(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
SHARE = rf"(?:less than |more than )?{NUMBER} %"
PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def interval(text):
    """The values that a printed number may stand for."""
    scale = 0.01 if text.endswith(" %") else 1.0
    bare = text.removesuffix(" %")
    if bare.startswith("less than "):
        return 0.0, float(bare.split()[-1]) * scale
    if bare.startswith("more than "):
        return float(bare.split()[-1]) * scale, 1.0
    mantissa, _, exponent = bare.partition(" × 10")
    scale *= 10.0 ** int(exponent.translate(PLAIN) or 0)
    exact = float(mantissa.replace(",", ""))
    if exact == 0:
        return 0.0, 0.0  # nothing else is written so
    # as many digits are meant, though zeros at the end are left out
    significant = 2 if text.endswith(" %") and exact < 10 else 3
    unit = 10.0 ** (math.floor(math.log10(abs(exact))) - significant + 1)
    return (exact - 0.51 * unit) * scale, (exact + 0.51 * unit) * scale


def holds(text, value):
    low, high = interval(text)
    return low - 1e-12 <= value <= high + 1e-12


class Numbers:
    """The tables of results.json, looked up one row at a time."""

    def __init__(self, found):
        self.tables = found
        self.subjects = [row["subject"] for row in found["subjects"]]
        self.kinds = {row["subject"]: row["kind"] for row in found["subjects"]}
        self.layers = list(dict.fromkeys(row["layer"] for row in found["statistics"]))
        self.values = {
            (row["subject"], row["layer"], row["number"]): row["value"]
            for row in found["statistics"]
        }

    def of(self, number, layer, subjects=None):
        return [self.values[one, layer, number] for one in subjects or self.subjects]


def check_layers(text, found, number, layers=None):
    """Check `conv1_1 LOW to HIGH, conv1_2 BOTH`."""
    parts = re.findall(rf"(\w+_\d) ({SHARE}|{NUMBER})(?: to ({SHARE}|{NUMBER}))?(?:, |$)", text)
    assert [layer for layer, *_ in parts] == (found.layers if layers is None else layers)
    for layer, low, high in parts:
        values = found.of(number, layer)
        assert holds(low, min(values)), (layer, low, values)
        assert holds(high or low, max(values)), (layer, high, values)


def check_sparsity(found, each, count):
    check_layers(each, found, "off_diagonal.near_zero")
    assert int(count or 1) == len(found.subjects)


def check_fits(found, count, what, told, low, high):
    groups = {}
    for row in found.tables["fits"]:
        if row["part"] == "off-diagonal":
            groups.setdefault((row["subject"], row["layer"]), []).append(row)
    best = []
    for rows in groups.values():
        good = [row for row in rows if row["ks"] <= 0.05]
        best.append(min(good, key=lambda row: row["aic"])["distribution"] if good else None)
    closest = [min(row["ks"] for row in rows) for rows in groups.values()]
    assert int(count) == len(groups)
    assert what == ("Gram matrices" if len(found.subjects) > 1 else "layers")
    said = {
        name: int(number)
        for name, number in re.findall(r"([a-zA-Z -]+?) in (\d+)(?:, | and |$)", told)
    }
    names = {None: "none of the four distributions"}
    assert said == {names.get(name, name): n for name, n in Counter(best).items()}
    assert holds(low, 100 * min(closest)) and holds(high, 100 * max(closest))


def check_ranks(found, each):
    check_layers(each, found, "effective_rank")


def check_alive(found):
    assert all(v == 0 for (*_, number), v in found.values.items() if number == "dead_channels")


def check_dead(found, where, each):
    several = ", counted in each subject by itself"
    assert where == (several if len(found.subjects) > 1 else " here")
    dead = [layer for layer in found.layers if any(found.of("dead_channels", layer))]
    check_layers(each, found, "dead_channels", dead)


def check_strongest(found, each):
    parts = re.findall(rf"(\w+_\d) (\d+),(\d+) \(cosine ({NUMBER})\)", each)
    assert [layer for layer, *_ in parts] == found.layers
    for layer, i, j, cosine in parts:
        rows = [row for row in found.tables["pairs"] if row["layer"] == layer]
        row = max(rows, key=lambda row: row["value"])
        assert (row["i"], row["j"]) == (int(i), int(j)) and holds(cosine, row["cosine"])


def check_stable(found, stable, count, best=None, most=None, worst=None, least=None):
    steady = {}
    for row in found.tables["statistics"]:
        changes = [row[key] for key in ("two_thirds", "crop", "jpeg") if row.get(key) is not None]
        if changes:
            within = all(abs(one - row["value"]) <= 0.1 * abs(row["value"]) for one in changes)
            steady.setdefault(row["number"], []).append(within)
    assert int(count) == sum(map(len, steady.values()))
    assert abs(int(stable) - sum(map(sum, steady.values()))) <= 1  # six digits are written
    shares = {name: sum(values) / len(values) for name, values in steady.items()}
    if best is not None:
        assert holds(most, shares[best]) and shares[best] == max(shares.values())
        assert holds(least, shares[worst]) and shares[worst] == min(shares.values())


def check_nearest(found, near, near_value, far, far_value):
    rows = [
        row
        for row in found.tables["distances"]
        if (row["kind"], row["layer"]) == ("gram", "together")
    ]
    for pick, pair, value in ((min, near, near_value), (max, far, far_value)):
        row = pick(rows, key=lambda row: row["distance"])
        assert pair == f"{row['subject']} and {row['other']}" and holds(value, row["distance"])


def check_contrast(found, words, high, more, low, count, total, layer, first, second):
    number = next(name for name, said in COMPARED.items() if said == (words, more))
    sizes = {
        one: (abs(found.values[high, one, number]), abs(found.values[low, one, number]))
        for one in found.layers
    }
    assert int(total) == len(found.layers)
    assert int(count) == sum(a > b for a, b in sizes.values())
    factors = {
        one: 1.0 if a == b else math.inf if min(a, b) == 0 else max(a, b) / min(a, b)
        for one, (a, b) in sizes.items()
    }
    assert factors[layer] == max(factors.values()) and sizes[layer][0] > sizes[layer][1]
    assert holds(first, found.values[high, layer, number])
    assert holds(second, found.values[low, layer, number])


def check_kinds(found, words, paintings, photographs, apart, layer, *said):
    number = next(name for name, (one, _) in COMPARED.items() if one == words)
    groups = [
        [name for name, kind in found.kinds.items() if kind == wanted]
        for wanted in ("painting", "photograph")
    ]
    assert [int(paintings), int(photographs)] == list(map(len, groups))
    values = {one: [found.of(number, one, group) for group in groups] for one in found.layers}
    separate = [one for one, (a, b) in values.items() if max(a) < min(b) or max(b) < min(a)]
    assert apart == (f"in {', '.join(separate)}" if separate else "in no layer")
    factors = {}
    for one, pair in values.items():
        sizes = sorted(abs(np.mean(group)) for group in pair)
        factors[one] = (
            1.0 if sizes[0] == sizes[1] else sizes[1] / sizes[0] if sizes[0] else math.inf
        )
    assert factors[layer] == pytest.approx(max(factors.values()))
    for group, (mean, spread) in zip(values[layer], (said[:2], said[2:]), strict=True):
        assert holds(mean, np.mean(group))
        low, _, high = spread.partition(" to ")
        assert holds(low, min(group)) and holds(high or low, max(group))


SENTENCES = {
    r"Share of off-diagonal Gram entries near zero, up to 1 % of the mean energy: "
    r"(.*?)(?: over the (\d+) subjects)?\.": check_sparsity,
    r"Of (\d+) (layers|Gram matrices), the off-diagonal entries above zero are fitted best by "
    rf"(.*); the closest distribution function is off by ({NUMBER}) to ({NUMBER}) % "
    r"\(Kolmogorov-Smirnov distance\)\.": check_fits,
    r"Effective rank of the Gram matrices, in channels: (.*)\.": check_ranks,
    r"No channel of these layers is dead\.": check_alive,
    r"Channels that never fire(, counted in each subject by itself| here): (.*)\.": check_dead,
    r"The two channels that fire together most: (.*)\.": check_strongest,
    r"(\d+) of (\d+) numbers change by at most 10 % when the picture is resized to two thirds, "
    rf"cropped or saved as JPEG 75(?:; (\S+) does in ({SHARE}) of the cases, (\S+) in ({SHARE}))?"
    r"\.": check_stable,
    r"Nearest to each other by the gram distance are (.*) "
    rf"\(({NUMBER})\), farthest (.*) \(({NUMBER})\)\.": check_nearest,
    r"The (.*) of (\S+) is (\w+) than that of (\S+) in (\d+) of (\d+) layers, most clearly at "
    rf"(\w+): ({NUMBER}) against ({NUMBER})\.": check_contrast,
    r"The (.*) sets (\d+) paintings? and (\d+) photographs? apart (.*); the means differ most at "
    rf"(\w+): ({NUMBER}) \((.*)\) against ({NUMBER}) \((.*)\)\.": check_kinds,
}


def checked(sentence, found):
    """Check a sentence against the numbers; return which kind it is."""
    kinds = [(pattern, re.fullmatch(pattern, sentence)) for pattern in SENTENCES]
    ((pattern, match),) = [(p, m) for p, m in kinds if m]  # of exactly one kind
    SENTENCES[pattern](found, *match.groups())
    return SENTENCES[pattern]
