"""A style: per layer the mean and the Gram matrix, with what is needed to compare it to others."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import (
    StyleError,
    StylespaceError,
    UsageError,
    check_known,
    check_type,
    memory_for,
    public,
)
from stylespace.files import hint_beside, write_whole
from stylespace.images import IN_MEMORY, picture_tensor, read_image
from stylespace.images.colour import is_grey
from stylespace.images.memory import pixels_hash
from stylespace.networks.network import Network
from stylespace.networks.network_entry import OWN
from stylespace.networks.space import Space
from stylespace.styles.moments import LayerStyle, moments_in_tiles
from stylespace.styles.style_files import FORMAT, checked_layer, read_style_file

WHOLE = 1024
"""Pictures up to this side are captured at once; larger ones in tiles, with the same result."""
TILE = 768


@dataclass(frozen=True, eq=False, repr=False)
class Style:
    """A point in style space: {layer: LayerStyle}, where it lies, and where it comes from.

    space: network, pooling, padding and weights; styles of different spaces do not compare.
    provenance: {"pictures": [...]}: of each its name, width and height in pixels as measured,
    weight in the blend, the SHA-256 of its pixels, and what old files do not tell: the precision
    of its features and whether it is grey.

    Example:
        >>> import stylespace as ss
        >>> style = ss.Style.capture(ss.load_network(), "sample:coffee", ["conv1_1", "conv3_1"])
        >>> style.pick("conv3_1")
        <Style of sample:coffee: conv3_1 of vgg19-norm>
    """

    layers: Mapping[str, LayerStyle]
    space: Space
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Return its layers, network and pictures in one line."""
        names = ", ".join(str(one["name"]) or "?" for one in self.provenance.get("pictures", []))
        return f"<Style of {names or '?'}: {', '.join(self.layers)} of {self.space.network}>"

    @staticmethod
    @public
    def capture(
        network: Network,
        image: str | os.PathLike[str] | IN_MEMORY | Style,
        layers: Sequence[str],
        *,
        tile: int | None = None,
        source: str | None = None,
    ) -> Style:
        """Measure a picture's style.

        Args:
            network: the network that spans the style space; one in half precision measures with
                its filters in float32, see `Network.precise`.
            image: a tensor (1, 3, H, W) or (3, H, W) or an array (H, W, 3) in [0, 1], a picture
                of Pillow's, a path or sample:NAME; of a style or a style file its layers are
                taken.
            layers: layer names.
            tile: side of the tiles in pixels, in which the picture is evaluated to bound the
                memory; the result is the same up to rounding. None: tiles above 1024 pixels.
            source: the picture's name, kept in `provenance`; None for its path.

        Raises:
            UsageError: an unknown layer, or a picture too small for one. PictureError: no picture,
                see `picture_tensor`. StyleError: a style of another style space.

        Example:
            >>> import stylespace as ss, torch
            >>> style = ss.Style.capture(ss.load_network(), torch.rand(1, 3, 48, 64), ["conv1_1"])
            >>> style.layers["conv1_1"].gram.shape, style.layers["conv1_1"].positions
            (torch.Size([64, 64]), 3072)
        """
        if isinstance(image, str | os.PathLike):
            source = os.fspath(image) if source is None else source
            image = _opened(image)
        if isinstance(image, Style):
            image.check_space(network.space)
            return image.pick(network.resolve(layers)).to(network.device)
        return measured_style(
            network, picture_tensor(image), layers, tile=tile, source=source or ""
        )

    @staticmethod
    @public
    def blend(parts: Sequence[tuple[Style, float]]) -> Style:
        """Return the weighted average of styles; exact, since raw moments add linearly.

        Weights are divided by their sum. The number of positions is averaged alike.

        Raises:
            StyleError: no parts, weights that are not positive, different spaces or layers.
            UsageError: parts that are no pairs.

        Example:
            >>> import stylespace as ss
            >>> network, names = ss.load_network(), ("sample:gogh-auvers", "sample:durer-lion")
            >>> first, other = (ss.Style.capture(network, one, ["conv1_1"]) for one in names)
            >>> ss.Style.blend([(first, 3), (other, 1)])
            <Style of sample:gogh-auvers, sample:durer-lion: conv1_1 of vgg19-norm>
        """
        if not all(isinstance(part, tuple | list) and len(part) == 2 for part in parts):
            raise UsageError("a blend is made of pairs: Style.blend([(style, 0.7), (other, 0.3)]).")
        for style, weight in parts:
            check_type("style", style, Style)
            check_type("weight", weight, float)
        if not parts or not all(0 < weight < math.inf for _, weight in parts):
            raise StyleError("a blend needs styles with weights above 0.")
        first, total = parts[0][0], sum(weight for _, weight in parts)
        for style, _ in parts[1:]:
            style.check_space(first.space)
            if set(style.layers) != set(first.layers):
                raise StyleError(
                    f"styles of different layers do not blend: {', '.join(first.layers)} and "
                    f"{', '.join(style.layers)}."
                )
        shares = [(style, weight / total) for style, weight in parts]
        layers = {
            name: LayerStyle(
                _sum(share * style.layers[name].mean for style, share in shares),
                _sum(share * style.layers[name].gram for style, share in shares),
                round(sum(share * style.layers[name].positions for style, share in shares)),
            )
            for name in first.layers
        }
        pictures = [
            {**picture, "weight": picture["weight"] * share}
            for style, share in shares
            for picture in style.provenance.get("pictures", [])
        ]
        return Style(layers, first.space, {"pictures": pictures})

    @property
    def grams(self) -> dict[str, Tensor]:
        """The Gram matrix of each layer, {layer: (C, C)}."""
        return {name: layer.gram for name, layer in self.layers.items()}

    def to(self, device: torch.device) -> Style:
        """Return the same style with its tensors on a device."""
        moved = {
            name: LayerStyle(layer.mean.to(device), layer.gram.to(device), layer.positions)
            for name, layer in self.layers.items()
        }
        return Style(moved, self.space, self.provenance)

    @public
    def check_space(self, space: Space) -> None:
        """Refuse a style of another network, pooling, padding or weights, naming the difference.

        Raises:
            StyleError: the spaces differ.
        """
        if difference := space.difference(self.space):
            raise StyleError(
                f"the style lives in another style space ({difference}): add "
                f"{space.options_for(self.space)}, or capture it again with the options of here."
            )

    @public
    def pick(self, layers: Sequence[str]) -> Style:
        """Return the style of some of its layers, one by its name or several.

        Raises:
            UsageError: a layer that the style does not hold.
        """
        layers = [layers] if isinstance(layers, str) else layers
        for name in layers:
            check_known("layer of the style", name, self.layers)
        return Style({name: self.layers[name] for name in layers}, self.space, self.provenance)

    @public
    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the style as safetensors, whole or not at all; the same style, the same bytes.

        Raises:
            OutputError: the file exists and `force` is not given, or it cannot be written.

        Example:
            >>> import stylespace as ss
            >>> style = ss.Style.capture(ss.load_network(), "sample:durer-lion", ["conv1_1"])
            >>> style.save("lion.style.safetensors")
            >>> ss.Style.load("lion.style.safetensors")
            <Style of sample:durer-lion: conv1_1 of vgg19-norm>
        """
        write_whole(path, self.encoded(), force=force)

    def encoded(self) -> bytes:
        """Return the bytes of its file."""
        from safetensors.torch import save

        tensors: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            tensors[f"{name}.mean"] = layer.mean.cpu().contiguous()
            tensors[f"{name}.gram"] = layer.gram.cpu().contiguous()
        header = {
            "format": FORMAT,
            "space": asdict(self.space),
            "positions": {name: layer.positions for name, layer in self.layers.items()},
            "provenance": dict(self.provenance),
        }
        text = json.dumps(header, sort_keys=True)
        return save(tensors, metadata={"stylespace": text})

    @staticmethod
    @public
    def load(path: str | os.PathLike[str]) -> Style:
        """Read a style file.

        Raises:
            StyleError: missing (nearest name given), cut short, not a style file, or with values
                that no picture has: other channels than the network's, a Gram matrix that is not
                symmetric or has cosines above 1, negative energies or means.
        """
        path = Path(path)
        try:
            with memory_for(f"{path} was read"):
                tensors, header = read_style_file(path)
            space = Space(**header["space"])
            layers = {
                name: checked_layer(tensors, name, count, space.network)
                for name, count in header["positions"].items()
            }
            return Style(layers, space, header["provenance"])
        except FileNotFoundError:
            hint = hint_beside(path)
            raise StyleError(
                f"style file {str(path)!r} is missing.{hint} Check the path."
            ) from None
        except StylespaceError:
            raise
        except Exception as error:  # a damaged file fails in whatever place it is damaged
            cause = str(error) if type(error) in (ValueError, OSError) else type(error).__name__
            raise StyleError(
                f"{path}: damaged or not a style file ({cause}): capture it again."
            ) from None


def measured_style(
    network: Network,
    image: Tensor,
    layers: Sequence[str],
    *,
    tile: int | None = None,
    source: str = "",
) -> Style:
    """Return the style of a picture (1, 3, H, W), whatever its values; see `Style.capture`."""
    network = network.precise
    names, (height, width) = network.resolve(layers), image.shape[2:]
    network.check_size(names, height, width)
    whole = max(height, width) <= WHOLE or network.padding == OWN
    tile = tile or network.tile or (0 if whole else TILE)
    with torch.no_grad():
        moments = moments_in_tiles(network.in_tiles(tile), image, names)
    picture = {"name": source, "width": width, "height": height, "weight": 1.0}
    picture |= {"sha256": pixels_hash(image), "precision": network.precision}
    picture["grey"] = is_grey(image)
    return Style(moments, network.space, {"pictures": [picture]})


def _opened(path: str | os.PathLike[str]) -> Tensor | Style:
    """Open a file, or sample:NAME: the picture, or of a style file the style."""
    style = os.fspath(path).endswith(".safetensors")
    return Style.load(path) if style else read_image(path)


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    return sum(tensors, start=torch.zeros(()))
