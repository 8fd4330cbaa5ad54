"""Means: how much each channel of a layer fires, alone."""

from torch import Tensor

from stylespace.losses.objective import averaged_term, relative_to
from stylespace.losses.representations.base import FromMoments
from stylespace.losses.terms import Term
from stylespace.styles.gram import mean
from stylespace.styles.moments import LayerStyle


def mean_term(layer: str, target: Tensor, weight: float = 1.0) -> Term:
    """Relative distance of a layer's channel means to target (C,)."""
    relative = relative_to(target[None].detach())
    return averaged_term(f"mean.{layer}", layer, mean, relative, weight)


class Means(FromMoments):
    """A style as the means of its channels."""

    @staticmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """See `FromMoments.term`."""
        return mean_term(layer, style.mean, weight)


REPRESENTATION = Means
