"""What is known of a network before its weights are loaded; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stylespace.errors import UsageError, nearest
from stylespace.networks.architectures import Layer

OWN = "own"
"""Pooling and padding of a network that is taken as it is."""
MODULE = "module"
"""What the name of a module begins with that was wrapped in Python: module:NAME."""
LIBRARIES = ("torchvision", "timm")
"""What the names of networks of other libraries begin with: torchvision:resnet50."""
CONTENT_STRIDE = 8
"""Pixels between two positions of the layer that holds the content: those of conv4_2 of VGG."""


def is_foreign(network: str) -> bool:
    """Say whether a name is of a network that is taken as it is: of a library, or wrapped."""
    return ":" in network


@dataclass(frozen=True)
class NetworkEntry:
    """One network. origin: "embedded", "package", "download" or "wrapped".

    Of networks that are taken as they are: strides {layer: pixels between two positions},
    other_names {name: the layer's own}, unusable {name: why it is no layer}, and style_layers,
    those that a style has where none are named.
    """

    layers: tuple[Layer, ...]
    about: str
    origin: str = "download"
    needs: str = "a download, once"
    strides: Mapping[str, int] = field(default_factory=dict)
    other_names: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    style_layers: tuple[str, ...] = ()

    @property
    def content_layer(self) -> str:
        """The deepest of style_layers with a position every CONTENT_STRIDE pixels or less.

        The first where there is none, and nothing without style_layers.
        """
        fine = [name for name in self.style_layers if self.strides[name] <= CONTENT_STRIDE]
        return fine[-1] if fine else "".join(self.style_layers[:1])

    def resolve(self, name: str, network: str) -> str:
        """Return a layer's own name; of torchvision's names for the same one the shortest.

        Raises:
            UsageError: no such layer (nearest name given), or one that holds no (B, C, h, w).
        """
        names = [layer.name for layer in self.layers]
        own = self.other_names.get(name, name)
        if own in names:
            return own
        if own in self.unusable:
            raise UsageError(f"layer {name!r} of {network} {self.unusable[own]}.")
        near = nearest(name, [*names, *self.other_names])
        listed = "its `names`" if self.origin == "wrapped" else f"`stylespace networks {network}`"
        raise UsageError(f"{network} has no layer {name!r}.{near} {listed} lists them.")
