"""Inner products of all pairs of two blocks of positions, weighted by the windows they share."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pair_weights(
    rows: tuple[Tensor, Tensor], columns: tuple[Tensor, Tensor], weights: Tensor
) -> Tensor:
    """Return W(p, q) = sum_x lambda(x) w(p - x) w(q - x) for all pairs of two blocks.

    Args:
        rows: (t, m) and (h, m), what the p and the q weigh along one axis in the windows.
        columns: (u, n) and (w, n), along the other.
        weights: (B, m, n), lambda.

    Returns:
        (B, t u, h w).
    """
    across = (weights[:, :, None] * columns[0]) @ columns[1].mT  # (B, m, u, w)
    along = (rows[0][:, None] * rows[1]).flatten(0, 1)  # (t h, m)
    (t, h), (u, w) = (map(len, axis) for axis in (rows, columns))
    both = (along @ across.flatten(2)).view(-1, t, h, u, w)
    return both.transpose(2, 3).reshape(-1, t * u, h * w)


def weighted_products(
    own: Tensor, others: Tensor, weights: Tensor, signs: Sequence[int]
) -> tuple[Tensor, list[Tensor]]:
    """Return what pairs of positions (p, q) add to the distance, and to its gradients at p.

    Gradient: sum_q W [(<u(p), v(q)> + sign <v(p), v(q)>) u(q) + (<u(p), u(q)> + sign <v(p), u(q)>)
    v(q)]: u + v = 2F and u - v = -2P, so the products of the value are used again.

    Args:
        own: (B, 2 T, C), u then v at the p. others: (B, 2 H, C), the same at the q.
        weights: (B or 1, T, H). signs: 1 for the gradient in F, -1 for that in P.

    Returns:
        (B,) and one (B, T, C) for each sign.
    """
    batch, t, h = len(own), own.shape[1] // 2, others.shape[1] // 2
    inner = torch.bmm(own, others.mT).view(batch, 2, t, 2, h)
    uu, uv, vu, vv = inner[:, 0, :, 0], inner[:, 0, :, 1], inner[:, 1, :, 0], inner[:, 1, :, 1]
    gradients = []
    for sign in signs:
        factors = own.new_empty(batch, t, 2, h)
        torch.add(uv, vv, alpha=sign, out=factors[:, :, 0])
        torch.add(uu, vu, alpha=sign, out=factors[:, :, 1])
        factors *= weights[:, :, None]
        gradients.append(torch.bmm(factors.view(batch, t, 2 * h), others))
    value = uu.mul_(vv).addcmul_(uv, vu).mul_(weights)
    return value.sum((1, 2)) / 2, gradients
