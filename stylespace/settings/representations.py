"""The representations of style by name, and what settings have to know of each; no torch.

The representation itself is the module of that name in `stylespace.losses.representations`.
"""

import re
from dataclasses import dataclass

from stylespace.errors import UsageError

REDUCTIONS = ("pca", "nmf", "kmeans")


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a representation of style asks of the settings.

    picture: it is read from the style's picture, which means and Gram matrices do not tell.
    options: settings that it heeds and others do not. half_width: of its windows by default.
    placed: it compares places, so that the style picture is laid over the result.
    paired: it matches pairs of neighbouring layers.
    """

    picture: bool = False
    options: tuple[str, ...] = ()
    half_width: int = 0
    placed: bool = False
    paired: bool = False


REPRESENTATIONS = {
    "gram": Needs(),
    "local": Needs(
        picture=True, options=("window", "kernel", "stride", "mask"), half_width=3, placed=True
    ),
    "covariance": Needs(picture=True, options=("window", "kernel", "responses", "moment")),
    "centred": Needs(),
    "mean": Needs(),
    "shifted": Needs(),
    "chained": Needs(picture=True, paired=True),
    "sliced": Needs(picture=True),
    "softened": Needs(picture=True),
}


def reduction_of(text: str) -> tuple[str, int]:
    """Return how content responses are reduced, of a text such as pca:32: method, number of maps.

    Raises:
        UsageError: it is none.
    """
    method, _, number = text.partition(":")
    if method not in REDUCTIONS or not re.fullmatch(r"[1-9][0-9]{0,3}", number):
        raise UsageError(f"--responses {text!r}: write it as pca:32, nmf:16 or kmeans:8.")
    return method, int(number)
