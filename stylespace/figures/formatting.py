"""Numbers, shares, names and parts of sentences as figures and alternative texts write them."""

import functools
import math
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np

FONT = "DejaVu Sans"
"""The font that comes with matplotlib."""
LONGEST = 30
"""Characters of a name beyond which its middle is left out."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """Return a number as tables have it: `0.0123`, `1.23e+04`.

    What is below 1 or 100, as a share that is not all, never reads as if it were.
    """
    text = f"{value:.{digits}g}"
    if text not in ("1", "100") or value >= float(text):
        return text
    unit = 10.0 ** (len(text) - 1 - digits)
    return f"{math.floor(value / unit) * unit:.{digits}g}"


def number(value: float, digits: int = 3) -> str:
    """Return a number to some significant digits: `0.0123`, `12,300`, `1.23 × 10⁻⁷`."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    rounded = f"{value:.{digits - 1}e}"
    mantissa, exponent = float(rounded.partition("e")[0]), int(rounded.partition("e")[2])
    if -4 <= exponent < 6:
        text = f"{float(rounded):,.{max(digits - 1 - exponent, 0)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{mantissa:g} × 10{str(exponent).translate(SUPERSCRIPTS)}"


def share(part: float) -> str:
    """Return a share in [0, 1] as a percentage; what is not 0 or all never reads as if it were."""
    if 0 < part < 0.001:
        return "less than 0.1 %"
    if 0.999 < part < 1:
        return "more than 99.9 %"
    return f"{100 * part:.3g} %" if part >= 0.1 else f"{100 * part:.2g} %"


def zeros(part: float) -> str:
    """Return how many entries are 0, from their share: `none is 0`, `44 % are 0`, `all are 0`."""
    if part in (0, 1):
        return "none is 0" if part == 0 else "all are 0"
    return f"{share(part)} are 0"


def shortened(name: str, longest: int = LONGEST) -> str:
    """Return a name of at most that many characters, the middle left out."""
    if len(name) <= longest:
        return name
    head = longest // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"


def legible(name: str, longest: int = LONGEST) -> str:
    """Return a name as matplotlib can write it.

    Dollar signs start no formula, a leading underscore hides nothing from a legend, and characters
    that the font lacks are squares.
    """
    flat = " ".join(unicodedata.normalize("NFC", name).split())
    known = _characters()
    seen = "".join(one if ord(one) in known else "□" for one in flat)
    short = shortened(seen, longest)
    return ("\u2009" if short.startswith("_") else "") + short.replace("$", r"\$")


@functools.cache
def _characters() -> frozenset[int]:
    """Return the code points of the font that comes with matplotlib."""
    from matplotlib import font_manager

    path = font_manager.findfont(font_manager.FontProperties(family=FONT))
    return frozenset(font_manager.get_font(path).get_charmap())


def as_sentences(*parts: str) -> str:
    """Return parts as sentences, each with a full stop; empty ones are left out."""
    return " ".join(f"{part}." for part in parts if part)


def span(values: Mapping[str, float], written: Callable[[float], str] = number) -> str:
    """Return the ends of named values, as in `largest 3 (a), smallest 1 (b)`."""
    top, bottom = max(values, key=values.__getitem__), min(values, key=values.__getitem__)
    if len(values) == 1:
        return f"{written(values[top])} ({top})"
    if values[top] == values[bottom]:
        return f"{written(values[top])} in all"
    return f"largest {written(values[top])} ({top}), smallest {written(values[bottom])} ({bottom})"


def zero_share(values: np.ndarray) -> float:
    """Return the share of values (n,) that are 0; 0 of none."""
    return float((values == 0).mean()) if len(values) else 0.0
