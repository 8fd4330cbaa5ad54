"""Shifted Gram matrices, which also see channels that are silent together (NN16b)."""

from functools import partial

from torch import Tensor

from stylespace.losses.objective import averaged_term, relative_to
from stylespace.losses.representations.base import FromMoments
from stylespace.losses.terms import Term
from stylespace.styles.gram import shifted_gram
from stylespace.styles.moments import LayerStyle


def shifted_term(layer: str, target: Tensor, weight: float = 1.0, *, shift: float = -1.0) -> Term:
    """Relative distance of the Gram matrix of F + shift to target (C, C), shifted alike.

    A negative shift tells a channel that is silent together with another from one that is not,
    where plain products are 0 for both.

    Source: NN16b section 3 (activation shift). Departs: relative to the target.
    """
    statistic = partial(shifted_gram, shift=shift)
    relative = relative_to(target[None].detach())
    return averaged_term(f"shifted.{layer}", layer, statistic, relative, weight)


class ShiftedGram(FromMoments):
    """A style as its shifted Gram matrices. One evaluation takes .8 copies, at 256 px."""

    copies = 1

    @staticmethod
    def term(layer: str, style: LayerStyle, weight: float) -> Term:
        """See `FromMoments.term`; the target is G + s mu 1^T + s 1 mu^T + s^2.

        The shift s is the style's mean activation, downwards: NN16b's -1 in a network whose
        channels have a mean of 1, and of the same effect in any other.
        """
        shift = -float(style.mean.mean())
        target = style.gram + shift * (style.mean[:, None] + style.mean) + shift**2
        return shifted_term(layer, target, weight, shift=shift)


REPRESENTATION = ShiftedGram
