"""Chained layers: what in a layer goes with what in the next (NN16b)."""

from collections.abc import Mapping

from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.objective import matching_term
from stylespace.losses.representations.base import FromFeatures
from stylespace.losses.terms import Term, Terms
from stylespace.styles.gram import chained_gram


def chained_term(deep: str, shallow: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of the products of two layers to target (C, D), `chained_gram`'s.

    The squared distance of one cross-layer matrix to its target: never negative, and 0 at it.
    A difference of two layers' Gram losses, which goes by the same name elsewhere, is neither.

    Args:
        deep: name of the coarser layer, of C channels. shallow: of the finer one, of D.
        target: (C, D).

    Source: NN16b section 3 (chain). Departs: relative to the target.
    """
    name = f"chained.{deep}.{shallow}"
    return matching_term(name, chained_gram, target[None], (deep, shallow), weight)


class ChainedLayers(FromFeatures):
    """A style as the products of neighbouring layers. One evaluation takes 2.4 copies, at 256 px.

    A pair weighs what its deeper layer does, and all pairs together what all layers do.
    """

    copies = 3

    @classmethod
    def of_features(cls, features: Mapping[str, Tensor], weights: Mapping[str, float]) -> Terms:
        """See `FromFeatures.of_features`.

        Raises:
            UsageError: a single layer.
        """
        if len(weights) < 2:
            raise UsageError(
                f"representation 'chained' of {', '.join(weights) or 'no layer'}: it matches pairs "
                "of neighbouring layers, so name at least two."
            )
        names = sorted(weights, key=lambda name: -features[name][0, 0].numel())  # fine to coarse
        pairs = list(zip(names[1:], names[:-1], strict=True))
        scale = sum(weights.values()) / sum(weights[deep] for deep, _ in pairs)
        targets = {pair: chained_gram(*(features[name] for name in pair))[0] for pair in pairs}
        return Terms(
            tuple(chained_term(*pair, targets[pair], scale * weights[pair[0]]) for pair in pairs)
        )


REPRESENTATION = ChainedLayers
