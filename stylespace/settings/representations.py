"""The representations of style by name, and what settings have to know of each; no torch.

The representation itself is the module of that name in `stylespace.losses.representations`.
"""

from dataclasses import dataclass


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
}
