"""Gram matrices: which channels of a layer fire together, wherever they do (G15a)."""

from torch import Tensor

from stylespace.losses.objective import averaged_term, relative_to
from stylespace.losses.representations.base import FromMoments
from stylespace.losses.terms import Term
from stylespace.styles.gram import gram
from stylespace.styles.moments import LayerStyle


def gram_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's Gram matrix to target (C, C) or (B, C, C).

    Source: G15a eq. 3. Departs: relative to the target instead of 1 / (4 N^2 C^2).
    """
    goal = target if target.ndim == 3 else target[None]
    return averaged_term(f"gram.{layer}", layer, gram, relative_to(goal.detach()), weight)


class GramMatrices(FromMoments):
    """A style as its Gram matrices."""

    @staticmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """See `FromMoments.term`."""
        return gram_term(layer, style.gram, weight)


REPRESENTATION = GramMatrices
