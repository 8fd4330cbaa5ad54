"""Which entries of a Gram matrix: single ones, the diagonal, random ones, the largest, blocks."""

import random
import re
from collections.abc import Callable
from itertools import combinations_with_replacement

from stylespace.errors import UsageError
from stylespace.networks.catalogue import check_entry

Pair = tuple[int, int]
Top = Callable[[str, int, bool], list[Pair]]
"""(layer, how many, of the diagonal or off it) -> a painting's largest entries."""

FORMS = "diagonal, random:N, top:N or top-diagonal:N (of --from), or a block A-B,C-D"


def split_entry(text: str) -> tuple[str, int, int]:
    """Split "12,40" or "conv3_1:12,40" into layer (or nothing), i, j.

    Raises:
        UsageError: it is neither.
    """
    match = re.fullmatch(
        r"(?:([\w.]+):)?\s*(-?\d{1,40})\s*,\s*(-?\d{1,40})", text.strip(), re.ASCII
    )
    if not match:
        raise UsageError(f"--entry {text!r} is not two whole numbers: write it as 12,40.")
    return match[1] or "", int(match[2]), int(match[3])


def split_block(text: str) -> tuple[range, range] | None:
    """Return the rows and columns of "A-B,C-D", both ends included; None for another form.

    Raises:
        UsageError: a range that runs backwards.
    """
    side = r"\s*(\d{1,9})\s*-\s*(\d{1,9})\s*"
    match = re.fullmatch(f"{side},{side}", text, re.ASCII)
    if not match:
        return None
    a, b, c, d = map(int, match.groups())
    if a > b or c > d:
        ends = f"{min(a, b)}-{max(a, b)},{min(c, d)}-{max(c, d)}"
        raise UsageError(f"block {text!r} has a range that ends before it begins: write {ends}.")
    return range(a, b + 1), range(c, d + 1)


def check_block(text: str, block: tuple[range, range], layer: str, network: str) -> None:
    """Refuse a block that reaches outside its layer.

    Raises:
        UsageError: with the layer's number of channels.
    """
    last = max(block[0][-1], block[1][-1])
    try:
        check_entry(layer, (last, last), network)
    except UsageError as error:
        raise UsageError(f"block {text!r}: {error}") from None


def needs_painting(text: str) -> bool:
    """Say whether a choice is made by a painting."""
    return text.strip().startswith(("top:", "top-diagonal:"))


def check_choice(text: str, layer: str, channels: int, network: str) -> None:
    """Refuse a choice that is none, or more than the layer has.

    Raises:
        UsageError: with the forms, or the layer's number of entries.
    """
    block = split_block(text)
    if block:
        check_block(text, block, layer, network)
    elif text.strip() != "diagonal":
        kind, count = _counted(text)
        most = {
            "random": channels * (channels + 1) // 2,
            "top": channels * (channels - 1) // 2,
            "top-diagonal": channels,
        }[kind]
        if not 0 < count <= most:
            raise UsageError(
                f"--entries {text}: {layer} has {most} such entries; ask for up to that."
            )


def pairs_of(
    text: str, layer: str, channels: int, *, seed: int, top: Top | None = None
) -> list[Pair]:
    """Return the pairs of a choice that `check_choice` let pass; of (i, j) and (j, i) the first.

    top: chooses by a painting; without it those choices are left out.
    """
    block = split_block(text)
    if block:
        rows, columns = block  # which hold (j, i) as well, and before, or not
        return [(i, j) for i in rows for j in columns if not (j < i and j in rows and i in columns)]
    if text.strip() == "diagonal":
        return [(i, i) for i in range(channels)]
    kind, count = _counted(text)
    if kind == "random":
        every = list(combinations_with_replacement(range(channels), 2))
        return random.Random(f"{seed}:{layer}").sample(every, count)
    return [] if top is None else top(layer, count, kind == "top-diagonal")


def _counted(text: str) -> tuple[str, int]:
    """Split "random:8" into kind and number."""
    match = re.fullmatch(r"(random|top|top-diagonal):(\d{1,9})", text.strip(), re.ASCII)
    if not match:
        raise UsageError(f"--entries {text!r} is no choice of entries: use {FORMS}.")
    return match[1], int(match[2])
