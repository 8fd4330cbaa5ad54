"""Parts of sentences about values: where the largest and the smallest are, how medians compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch

from stylespace.figures.formatting import number, zeros
from stylespace.styles.statistics import diagonal, off_diagonal


def sentences(*parts: str) -> str:
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


def place_of(matrix: np.ndarray, value: float) -> str:
    """Return the first pair i,j above the diagonal that has a value."""
    row, column = np.argwhere(np.triu(matrix == value, 1))[0]
    return f"{row},{column}"


def extremes(matrix: np.ndarray) -> Iterator[str]:
    """Yield the largest and smallest entries off the diagonal and on it, with their channels."""
    values, own = off_diagonal(torch.as_tensor(matrix)).numpy(), np.diagonal(matrix)
    if len(values):
        place = f" at channels {place_of(matrix, values.max())}" if values.max() else ""
        yield f"The largest off-diagonal entry is {number(values.max())}{place}"
        above = values[values > 0]
        if len(above):
            least = f"{number(above.min())} at {place_of(matrix, above.min())}"
            yield f"The smallest above 0 is {least}; {zeros(zero_share(values))}"
    channels = {f"channel {place}": float(value) for place, value in enumerate(own)}
    yield f"On the diagonal: {span(channels)}; {zeros(zero_share(own))}"


def medians(matrix: np.ndarray) -> str:
    """Return how the medians of the diagonal and of the other entries compare."""
    gram = torch.as_tensor(matrix)
    own, others = (
        np.median(part(gram)) if len(part(gram)) else 0.0 for part in (diagonal, off_diagonal)
    )
    told = f"the median is {number(own)} on the diagonal"
    if len(matrix) == 1:
        return told
    ratio = f", {number(own / others, 2)} times as much" if others else ""
    return f"{told} and {number(others)} off it{ratio}"
