"""Terms: named measurements of a picture, which add up to an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from stylespace.networks.tiles import Tile

Features = Mapping[str, Tensor]


@dataclass(frozen=True)
class Parts:
    """How a term is measured tile by tile.

    part: tile -> (B, ...), which adds up over all tiles of a picture. value: of that sum, (B,).
    plain: the sum itself, (B,), is the value. margin: positions around its own that a tile needs.
    borders: nothing lies beyond those of the picture, even where a network wraps.
    """

    part: Callable[[Tile], Tensor]
    value: Callable[[Tensor], Tensor] = lambda total: total
    plain: bool = False
    margin: int = 0
    borders: bool = False


@dataclass(frozen=True)
class Term:
    """One named measurement of a picture.

    measure: (image (B, 3, H, W), features {layer: (B, C, h, w)}) -> (B,).
    layers: whose activations it reads; "pre:conv3_1" for those before the ReLU.
    parts: the same in tiles; None for a term that is no sum over positions, nor made of such.

    Example:
        >>> import stylespace as ss
        >>> dark = ss.Term("dark", lambda image, features: image.mean((1, 2, 3)))
        >>> (0.5 * dark).weight
        0.5
    """

    name: str
    measure: Callable[[Tensor, Features], Tensor]
    layers: tuple[str, ...] = ()
    weight: float = 1.0
    parts: Parts | None = None

    def __mul__(self, factor: float) -> Term:
        return replace(self, weight=self.weight * factor)

    __rmul__ = __mul__

    def __add__(self, other: Term | Terms) -> Terms:
        return Terms((self,)) + other


@dataclass(frozen=True)
class Terms:
    """A sum of terms; adds and scales like a number. Names must differ.

    Example:
        >>> import stylespace as ss
        >>> dark = ss.Term("dark", lambda image, features: image.mean((1, 2, 3)))
        >>> red = ss.Term("red", lambda image, features: -image[:, 0].mean((1, 2)))
        >>> [(part.name, part.weight) for part in (dark + 2 * red).parts]
        [('dark', 1.0), ('red', 2.0)]
    """

    parts: tuple[Term, ...] = field(default=())

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"terms named twice: {', '.join(sorted(twice))}")

    def __add__(self, other: Term | Terms) -> Terms:
        return Terms(self.parts + (other.parts if isinstance(other, Terms) else (other,)))

    def __mul__(self, factor: float) -> Terms:
        return Terms(tuple(part * factor for part in self.parts))

    __rmul__ = __mul__
