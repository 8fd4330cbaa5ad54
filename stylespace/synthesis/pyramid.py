"""Coarse to fine: a loop around the one loop, each scale starting from the picture before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from stylespace.errors import public
from stylespace.images import resize_to
from stylespace.synthesis.loop import ObjectiveFunction, Step, Synthesis, Watch, synthesize
from stylespace.synthesis.parameters import Parameters


@dataclass(frozen=True)
class Scale:
    """One step of the pyramid: size (H, W) in pixels and the evaluations spent there.

    parameters: what is optimised there, see `synthesize`.
    """

    height: int
    width: int
    steps: int
    parameters: str | Parameters = "pixels"


@public
def coarse_to_fine(
    objective_at: Callable[[int, int], ObjectiveFunction],
    start: Tensor,
    scales: Sequence[Scale],
    *,
    enlarge: Callable[[Tensor, int, int], Tensor] = resize_to,
    watch: Watch | None = None,
    **options: Any,
) -> Synthesis:
    """Run `synthesize` from coarse to fine, each scale starting from the picture before.

    Args:
        objective_at: (H, W) -> the objective for that size; called once a scale, when it begins.
        start: (B, 3, h, w), resized to the first scale.
        scales: from coarse to fine.
        enlarge: (picture of the scale before, H, W) -> the start of the next one.
        watch: as in `synthesize`; steps are counted over all scales.
        options: passed to `synthesize`.

    Returns:
        The last scale's picture, at the size of the last of `scales` even when the run ended
        early; `losses` belong to the scale that was reached.

    Example:
        >>> import stylespace as ss, torch
        >>> from stylespace.synthesis.pyramid import Scale
        >>> grey = lambda height, width: lambda image: {"grey": (image - 0.5).square().mean()}
        >>> scales = [Scale(8, 12, steps=3), Scale(16, 24, steps=2)]
        >>> ss.coarse_to_fine(grey, torch.zeros(1, 3, 8, 12), scales).image.shape
        torch.Size([1, 3, 16, 24])
    """
    total = sum(scale.steps for scale in scales)
    trace: list[Step] = []
    losses: tuple[float, ...] = ()
    image, stopped = resize_to(start, scales[0].height, scales[0].width), "steps"
    for scale in scales:
        try:
            part = synthesize(
                objective_at(scale.height, scale.width),
                enlarge(image, scale.height, scale.width) if trace else image,
                steps=scale.steps,
                parameters=scale.parameters,
                watch=_counted(trace, total, watch),
                **options,
            )
        except KeyboardInterrupt:  # between two scales; the picture of the last one is kept
            if not trace:
                raise
            stopped = "interrupted"
            break
        trace += [_after(trace, step, total) for step in part.steps]
        image, losses, stopped = part.image, part.losses, part.stopped
        if stopped in ("interrupted", "watch"):
            break
    full = resize_to(image, scales[-1].height, scales[-1].width)
    return Synthesis(full, losses, tuple(trace), stopped)


def _after(trace: Sequence[Step], step: Step, total: int) -> Step:
    """Count a step on from the last of a finished trace."""
    seconds = trace[-1].seconds if trace else 0.0
    return replace(
        step, number=len(trace) + step.number, total=total, seconds=seconds + step.seconds
    )


def _counted(trace: Sequence[Step], total: int, watch: Watch | None) -> Watch | None:
    """Return `watch` with steps counted over all scales."""
    done = tuple(trace)
    return watch and (lambda step: watch(_after(done, step, total)))
