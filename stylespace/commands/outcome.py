"""What a probe, a texture, an edit or a transfer hands back: a picture and what is known of it."""

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.figures.formatting import significant
from stylespace.images import encoded_png, written_image
from stylespace.networks.network import Network
from stylespace.settings import Settings
from stylespace.synthesis.loop import ObjectiveFunction, Synthesis


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """A picture, and everything that is known about it; a notebook shows it with its figures.

    image: (1, 3, H, W), values that 8 bits hold: what the figures are measured on.
    figures: named numbers of the written picture. synthesis: the run, with its trace.
    weights: SHA-256 of the network's filters. device, dtype: where and in which precision it ran.
    beside: what its figure shows beside the picture, or None where there is no figure.
    remarks: what a user should know about the inputs, a sentence each.
    alpha: (1, 1, H, W), the picture's opacity, or None where it is opaque.
    """

    settings: Any
    image: Tensor
    figures: Mapping[str, float]
    synthesis: Synthesis
    weights: str
    device: str = ""
    dtype: str = ""
    beside: Any = None
    remarks: tuple[str, ...] = ()
    alpha: Tensor | None = None

    def __repr__(self) -> str:
        """Return what it is of, its size and its first figures, in one line."""
        height, width = self.image.shape[2:]
        first = ", ".join(
            f"{name} {significant(value, 4)}" for name, value in list(self.figures.items())[:3]
        )
        return f"<Outcome of {self.settings.command}: {width}x{height}, {first}>"

    def _repr_png_(self) -> bytes:
        """Return the picture as a notebook shows it."""
        return encoded_png(self.image, self.alpha)

    def _repr_html_(self) -> str:
        """Return the picture, its figures and the remarks as a notebook shows them."""
        picture = base64.b64encode(self._repr_png_()).decode()
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{significant(value, 4)}</td></tr>"
            for name, value in self.figures.items()
        )
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self.remarks)
        image = f'<img src="data:image/png;base64,{picture}" alt="{html.escape(repr(self))}">'
        return f"{image}<table>{rows}</table>{remarks}"


def outcome_of(
    settings: Settings,
    image: Tensor,
    figures: Mapping[str, float],
    synthesis: Synthesis,
    network: Network,
    **more: Any,
) -> Outcome:
    """Put an outcome together from a run and the network that it ran on.

    more: `beside`, `remarks` and `alpha`, where there are any.
    """
    ran = network.sha256, network.device.type, network.precision
    return Outcome(settings, image, figures, synthesis, *ran, **more)


def total_loss(objective: ObjectiveFunction, image: Tensor) -> float:
    """Return the sum of an objective's terms on a picture."""
    with torch.no_grad():
        return float(sum(objective(image).values(), torch.zeros(())).sum())


def as_written(synthesis: Synthesis, network: Network) -> Tensor:
    """Return the picture that the file will hold, on the network's device."""
    return written_image(synthesis.image).to(network.device)
