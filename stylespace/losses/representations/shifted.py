"""Shifted Gram matrices, which also see channels that are silent together (NN16b)."""

from functools import partial

from torch import Tensor

from stylespace.losses.objective import Term, matching_term
from stylespace.losses.representations.base import FromMoments
from stylespace.styles.gram import shifted_gram
from stylespace.styles.moments import LayerStyle

SHIFT = -1.0
"""What NN16b adds to every activation."""


def shifted_term(layer: str, target: Tensor, weight: float = 1.0, *, shift: float = SHIFT) -> Term:
    """Relative distance of the Gram matrix of F + shift to target (C, C), shifted alike.

    A negative shift tells a channel that is silent together with another from one that is not,
    where plain products are 0 for both. In units of activation: 1 is much in a network whose
    activations are of size 1, and little in vgg16-hed.

    Source: NN16b section 3 (activation shift). Departs: relative to the target.
    """
    statistic = partial(shifted_gram, shift=shift)
    return matching_term(f"shifted.{layer}", statistic, target[None], (layer,), weight)


class ShiftedGram(FromMoments):
    """A style as its shifted Gram matrices. One evaluation takes .8 copies, at 256 px."""

    copies = 1

    @staticmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """See `FromMoments.term`; the target is G + s mu 1^T + s 1 mu^T + s^2."""
        shift = SHIFT * (style.mean[:, None] + style.mean)
        return shifted_term(layer, style.gram + shift + SHIFT**2, weight)


REPRESENTATION = ShiftedGram
