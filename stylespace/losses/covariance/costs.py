"""What an evaluation of the covariance loss takes, known before it starts."""

from stylespace.errors import unknown
from stylespace.losses.covariance.explicit import ENTRIES, ROWS
from stylespace.losses.covariance.pairs import SIDE

EVALUATORS = ("auto", "explicit", "kernel")
DOUBLE = 2.7
"""Time of a multiplication of the kernel form, in float64 and tiles, by one of the explicit form.

Measured on a CPU, for 64 to 512 channels and 8 to 512 responses: 10 and 27 billion a second.
"""


def covariance_costs(
    channels: int,
    responses: int,
    positions: int,
    target_positions: int,
    *,
    gradient: bool = True,
    stored: bool = False,
) -> dict[str, float]:
    """Return the cost of one evaluation by either form, in multiplications of the explicit one.

    For values alone, two pictures of N positions and nothing stored, the forms cost the same at
    N = K C^2 / (2.7 (C + K)) positions: below it the kernel form is cheaper.

    Args:
        channels: C. responses: K. positions, target_positions: N = h w of either picture.
        gradient: with the gradient of F. stored: the target's own part is known, as in a term.
    """
    c, k, n, m = channels, responses, positions, target_positions
    pairs = n**2 / 2 + n * m + (0 if stored else m**2 / 2)
    return {
        "explicit": float(k * c**2 * ((2 if gradient else 1) * n + (0 if stored else m))),
        "kernel": DOUBLE * ((c + k) * pairs + (c * (n**2 + n * m) if gradient else 0)),
    }


def covariance_memory(
    channels: int,
    responses: int,
    positions: int,
    target_positions: int,
    *,
    evaluator: str = "auto",
    gradient: bool = True,
    stored: bool = False,
    itemsize: int = 4,
    device: str = "cpu",
) -> int:
    """Return the bytes of one evaluation beyond the features and responses that it is given.

    The positions of both pictures, once by themselves, since a network may keep them in another
    order, and once in one row with their responses, in the precision of the evaluator; their
    gradients, twice while they are scaled; blocks of constant size. "auto" is the larger of both
    evaluators, since it may change from one to the other. What a term stores, K C^2 numbers up to
    `terms.STORED` bytes, is not an evaluation's.

    Args:
        channels: C. responses: K. positions, target_positions: N = h w of either picture.
        evaluator: "explicit", "kernel" or "auto". gradient, stored: as in `covariance_costs`.
        itemsize: bytes of a number of F, at least 4. device: "cpu", "cuda", ...

    Raises:
        UsageError: an unknown evaluator.
    """
    c, k, joined = channels, responses, positions + target_positions
    gradients = 2 * c if gradient else 0
    held = positions * (c + 2 * k + gradients) if stored else joined * (2 * (c + k) + gradients)
    rows = max(c, min(k * c, ROWS.get(device, ROWS["cuda"])))
    block = 3 * rows * c + max(rows, ENTRIES.get(device, ENTRIES["cuda"]))
    tile = min(joined, SIDE.get(device, SIDE["cuda"])) ** 2
    narrow = max(4, itemsize) * joined * 2 * (c + k)
    sizes = {
        "explicit": max(4, itemsize) * (held + block),
        "kernel": 8 * (joined * (c + k + gradients) + 4 * tile) + narrow,
    }
    return max(sizes.values()) if evaluator == "auto" else sizes[checked(evaluator)]


def checked(evaluator: str) -> str:
    """Return the name of an evaluator.

    Raises:
        UsageError: there is none of that name.
    """
    if evaluator not in EVALUATORS:
        raise unknown("evaluator", evaluator, EVALUATORS)
    return evaluator
