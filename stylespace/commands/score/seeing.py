"""What a protocol sees of a picture: resized as it says, read by its network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.commands.score.measures import MEASURES
from stylespace.errors import StyleError, StylespaceError, UsageError, WeightsError
from stylespace.images import resize_to
from stylespace.images.resizing import middle
from stylespace.networks.loading import load_network
from stylespace.networks.network import Network
from stylespace.networks.weights import file_hash
from stylespace.settings.protocols import Protocol
from stylespace.styles.sources import StyleSource, enlargement, open_picture, open_styles
from stylespace.styles.style import Style


def network_of(
    protocol: Protocol, weights: str | None, device: str, *, progress: bool = False
) -> Network | None:
    """Load the network of a protocol, in float32; None where pixels are compared.

    weights: a file of them, None for the network's own.

    Raises:
        WeightsError: they are not there, or not those of the protocol.
    """
    if not protocol.network:
        return None
    options: dict[str, Any] = {"weights": weights, "device": device, "progress": progress}
    try:
        network = load_network(protocol.network, protocol.pooling, protocol.padding, **options)
    except WeightsError as error:  # another network is another protocol
        raise WeightsError(str(error).replace("--network", "a protocol of")) from None
    check_network(protocol, network)
    return network


def check_network(protocol: Protocol, network: Network) -> None:
    """Refuse a network that is not the one of a protocol.

    Raises:
        WeightsError: other weights. UsageError: another network, pooling or padding.
    """
    asked = (protocol.network, protocol.pooling, protocol.padding)
    given = (network.name, network.pooling, network.padding)
    if asked != given:
        raise UsageError(
            f"{protocol.name} sees by {' '.join(asked)}, not by {' '.join(given)}: leave the "
            "network out."
        )
    if not (network.sha256 == protocol.weights or _is_file(network.source, protocol.weights)):
        raise WeightsError(
            f"{protocol.name} is defined on the weights {protocol.weights[:20]}... of "
            f"{network.name}, and these are {network.source}, SHA-256 {network.sha256[:12]}...: "
            "leave --weights out, or give that file."
        )


def _is_file(source: str, weights: str) -> bool:
    """Say whether filters come from a file that is named after its hash, as torchvision's are."""
    if not weights.endswith(".pth"):
        return False
    if source.endswith(f"/{weights}") and "://" in source:
        return True  # it was checked when it was loaded
    promised = Path(weights).stem.rsplit("-", 1)[-1]
    return Path(source).is_file() and file_hash(Path(source)).startswith(promised)


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as a protocol sees it.

    image: (1, 3, H, W), resized; None of a style file. kept: what the measure compares.
    remarks: what is degenerate about it.
    """

    name: str
    image: Tensor | None
    kept: Any
    remarks: tuple[str, ...] = ()


class Sight:
    """Sees pictures as a protocol does.

    Args:
        network: that of the protocol, None where pixels are compared.
    """

    def __init__(self, protocol: Protocol, network: Network | None) -> None:
        self.protocol, self.network = protocol, network
        self.measure = MEASURES[protocol.measure]

    def picture(self, name: str) -> Seen:
        """Return a picture by name.

        Raises:
            PictureError: it cannot be read. StyleError: a style file. UsageError: too narrow.
        """
        try:
            image = open_picture(name)
            resized = self.resized(image)
            longer = round(max(image.shape[2:]) * self._scale(image))
            return Seen(name, resized, self.kept(resized), tuple(enlargement(name, image, longer)))
        except StylespaceError as error:
            raise named(error, name) from None

    def reference(self, name: str) -> Seen:
        """Return a reference by name: a picture, or a style file where styles are compared.

        Raises:
            PictureError, StyleError: it cannot be read, or cannot be compared.
        """
        (source,) = open_styles([name]) if name.endswith(".safetensors") else (None,)
        if source is None or source.style is None:
            return self.picture(name)
        return Seen(name, None, self._of_file(source))

    def kept(self, image: Tensor) -> Any:
        """Return what the measure compares of a picture (1, 3, H, W) that is resized already.

        Raises:
            UsageError: too narrow for a layer.
        """
        if self.network is None or self.measure.see is None:
            return image
        height, width = image.shape[2:]
        if not self.network.fits(self.protocol.layers, height, width):
            raise UsageError(
                f"{width}x{height} pixels, as {self.protocol.name} sees it, is too narrow for "
                f"{self.protocol.layers[-1]}: crop the picture to a squarer one."
            )
        return self.measure.see(self.network, image, self.protocol.layers)

    def resized(self, image: Tensor) -> Tensor:
        """Return a picture (1, 3, H, W) at the protocol's size."""
        scale, size = self._scale(image), self.protocol.size
        height, width = (max(1, round(side * scale)) for side in image.shape[2:])
        image = resize_to(image, height, width)
        if self.protocol.resizing == "longer":
            return image
        return middle(image, size, size).contiguous()

    def _scale(self, image: Tensor) -> float:
        side = max if self.protocol.resizing == "longer" else min
        return self.protocol.size / side(image.shape[2:])

    def _of_file(self, source: StyleSource) -> Style:
        """Return the style of a file, where it is what the protocol would have measured.

        Raises:
            StyleError: it is of another space or size, or the protocol compares something else.
        """
        if not self.measure.of_styles or self.network is None or source.style is None:
            raise StyleError(
                f"{source.name!r} is a style file, and {self.protocol.name} compares more than "
                "Gram matrices: name the picture."
            )
        if difference := self.network.space.difference(source.style.space):
            raise StyleError(
                f"{source.name!r} was captured in another style space than that of "
                f"{self.protocol.name} ({difference}): name the picture."
            )
        height, width = source.aspect
        sides = (max(height, width),) if self.protocol.resizing == "longer" else (height, width)
        if set(sides) != {self.protocol.size}:
            raise StyleError(
                f"{source.name!r} was captured at {width}x{height} pixels, and "
                f"{self.protocol.name} takes {self.protocol.size}: capture it again with --size "
                f"{self.protocol.size}, or name the picture."
            )
        return source.at(self.network, self.protocol.layers, self.protocol.size)


def named(error: StylespaceError, name: str) -> StylespaceError:
    """Return the same error, saying which picture it is about."""
    text = str(error)
    return error if repr(name) in text else type(error)(f"{name!r}: {text}")
