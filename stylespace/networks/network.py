"""The network of the catalogue's tables: a picture in, the activations of named layers out."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylespace.errors import UsageError, check_known, public
from stylespace.networks import architectures, catalogue
from stylespace.networks.devices import WINOGRAD
from stylespace.networks.operations import Ways, applied, placed, wide
from stylespace.networks.space import Space
from stylespace.networks.tiles import Tile, assembled, tiles
from stylespace.networks.weights import Weights

PRE = "pre:"
"""Prefix of a layer's name for its values before the ReLU: "pre:conv3_1"."""


class Network:
    """A convolutional network as a function from pictures to named activations.

    Attributes:
        name, pooling, padding: the choices that make the style space, with the weights.
        tile: side in pixels of the tiles in which larger pictures are evaluated; 0 for whole ones.
        layers: the architecture, shallow to deep.
        device, dtype: where and in which precision convolutions run.
        filters: {convolution key: (weight, bias)}, without gradients.
        values: of filters, where convolutions take fewer multiplications; see `winograd`.

    Example:
        >>> import stylespace as ss
        >>> network = ss.load_network()
        >>> features = network(ss.read_image("sample:chelsea"), ["conv1_1", "conv3_1"])
        >>> features["conv3_1"].shape, network.grid("conv3_1", 300, 451)
        (torch.Size([1, 256, 75, 112]), (75, 112))
    """

    def __init__(
        self,
        name: str,
        layers: tuple[architectures.Layer, ...],
        weights: Weights,
        *,
        pooling: str = "average",
        padding: str = "zeros",
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        minimal: bool = False,
    ) -> None:
        check_known("pooling", pooling, catalogue.POOLINGS)
        check_known("padding", padding, catalogue.PADDINGS)
        self.name, self.layers, self.pooling, self.padding = name, layers, pooling, padding
        self.source, self.sha256 = weights.source, weights.sha256
        self.device, self.dtype = torch.device(device), dtype
        self.filters = {
            key: tuple(placed(tensor, self.device, dtype) for tensor in pair)
            for key, pair in weights.tensors.items()
        }
        self._mean = torch.tensor(weights.mean, device=device, dtype=wide(dtype))[:, None, None]
        self._std = torch.tensor(weights.std, device=device, dtype=wide(dtype))[:, None, None]
        self.tile = 0
        self.values: dict[str, Tensor] | None = {} if minimal else None
        self._wide: Network | None = None
        if minimal:
            self._wide = self._with(values=None)
        if dtype.itemsize < 4:
            self._wide = Network(
                name, layers, weights, pooling=pooling, padding=padding, device=device
            )

    def __repr__(self) -> str:
        """Return the choices that make the style space, and where it runs, in one line."""
        kind, here = f"{self.pooling} pooling, {self.padding} padding", self.precision
        return f"<Network {self.name}: {kind}, {self.source} weights, {here} on {self.device}>"

    @public
    def with_padding(self, padding: str) -> Network:
        """Return a network with other padding that shares these filters; this one stays.

        Raises:
            UsageError: an unknown padding.
        """
        check_known("padding", padding, catalogue.PADDINGS)
        return self._with(padding=padding)

    def in_tiles(self, side: int) -> Network:
        """Return a network that evaluates pictures in tiles, and shares these filters.

        Objectives on it, captured styles and features without a gradient are those of whole
        pictures up to rounding, in memory that does not grow with the picture but for what is
        asked for; see `stylespace.networks.tiles`.

        side: what a tile owns, in pixels, rounded down to the strides; 0 for whole pictures.
        """
        return self if side == self.tile else self._with(tile=side)

    def _with(self, **changes: Any) -> Network:
        other = copy.copy(self)
        vars(other).update(changes)
        other._wide = self._wide and self._wide._with(**changes)
        return other

    def tiled(self, height: int, width: int) -> bool:
        """Say whether a picture of height x width pixels is evaluated in tiles."""
        return 0 < self.tile < max(height, width)

    @property
    def precise(self) -> Network:
        """The network that measures what is kept, reported or compared.

        Itself; of one in half precision, or by fewer multiplications, the same filters in float32.
        """
        return self._wide or self

    @property
    def precision(self) -> str:
        """Of the convolutions, in words: "float32", "winograd", "bfloat16" or "float64"."""
        return str(self.dtype).removeprefix("torch.") if self.values is None else WINOGRAD

    @property
    def space(self) -> Space:
        """The style space that this network spans."""
        return Space(self.name, self.pooling, self.padding, self.sha256)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all layers, shallow to deep."""
        return tuple(layer.name for layer in self.layers)

    def resolve(self, layers: Iterable[str]) -> tuple[str, ...]:
        """Return own names, without repeats, shallow to deep; relu3_1 stands for conv3_1.

        One name will do for several. "pre:conv3_1" stands for the same layer.

        Raises:
            UsageError: an unknown layer (nearest name given) or no layer at all.
        """
        layers = [layers] if isinstance(layers, str) else layers
        plain = [name.removeprefix(PRE) for name in layers]
        wanted = {self._own_name(name) for name in plain}
        if not wanted:
            raise UsageError("no layers: name at least one.")
        return tuple(name for name in self.names if name in wanted)

    def _own_name(self, layer: str) -> str:
        return catalogue.resolve_layer(layer, self.layers, self.name)

    def channels(self, layer: str) -> int:
        """Return the number of channels of a layer."""
        (name,) = self.resolve([layer])
        return next(known.channels for known in self.layers if known.name == name)

    def reach(self, layer: str) -> architectures.Reach:
        """Return stride and receptive field of a layer in pixels."""
        return architectures.reaches(self.layers)[self.resolve([layer])[0]]

    def grid(self, layer: str, height: int, width: int) -> tuple[int, int]:
        """Return the (h, w) positions of a layer for a picture of height x width pixels."""
        (name,) = self.resolve([layer])
        lengths = functools.partial(architectures.lengths, self.layers, padding=self.padding)
        return lengths(height)[name], lengths(width)[name]

    def minimum_side(self, layer: str) -> int:
        """Return the smallest picture side in pixels that gives the layer a position."""
        side = 1
        while self.grid(layer, side, side)[0] < 1:
            side += 1
        return side

    def fits(self, layers: Iterable[str], height: int, width: int) -> bool:
        """Say whether a picture of height x width pixels is large enough for every layer."""
        return all(min(self.grid(layer, height, width)) >= 1 for layer in layers)

    def check_size(self, layers: Iterable[str], height: int, width: int) -> None:
        """Refuse a picture that is too small for one of the layers, naming both sizes.

        Raises:
            UsageError: too small.
        """
        for layer in reversed(self.resolve(layers)):
            if min(self.grid(layer, height, width)) < 1:
                smallest = self.minimum_side(layer)
                raise UsageError(
                    f"a picture of {width}x{height} pixels is too small for {layer} of {self.name},"
                    f" which needs {smallest}x{smallest}: take a larger --size or shallower layers."
                )

    @public
    def __call__(self, image: Tensor, layers: Sequence[str] | str) -> dict[str, Tensor]:
        """Return the activations of the named layers, evaluated up to the deepest of them.

        Args:
            image: (B, 3, H, W), sRGB in [0, 1]; values outside are computed as they are.
            layers: names, in any order, such as "conv3_1" (or "relu3_1", the same);
                "pre:conv3_1" for the values before the ReLU.

        Returns:
            {name: (B, C, h, w)} keyed by the names asked for; float32 or better. Gradients flow
            to the picture unless it is evaluated in tiles, see `in_tiles`.

        Raises:
            UsageError: unknown layer, or a picture too small for one (both sizes named).
        """
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"image must be (B, 3, H, W), got {tuple(image.shape)}")
        if not image.is_floating_point():
            raise ValueError(f"image must hold values in [0, 1], got {image.dtype}: divide it.")
        layers = [layers] if isinstance(layers, str) else layers
        self.check_size(layers, image.shape[2], image.shape[3])
        if not self.tiled(*image.shape[2:]):
            return self.whole(image, layers)
        tiles = self.tiles(image, dict.fromkeys(layers, 0))
        with torch.no_grad():
            return assembled((tile, self.whole(tile.image, layers)) for tile in tiles)

    def tiles(self, image: Tensor, margins: Mapping[str, int]) -> Iterator[Tile]:
        """Cut a picture (B, 3, H, W) into tiles that can measure {layer: margin}; see `tiles`."""
        side, wraps = self.tile or max(image.shape[2:]), self.padding == "circular"
        grids = {name: self.grid(name, *image.shape[2:]) for name in margins if name}
        return tiles(image, self.reads(margins), grids, side, wraps=wraps)

    def reads(self, margins: Mapping[str, int]) -> dict[str, tuple[architectures.Reach, int]]:
        """Return {layer: (its reach, margin)}, as `tiles` and `halo_of` take them."""
        one = architectures.Reach()  # of a pixel
        return {name: (self.reach(name) if name else one, n) for name, n in margins.items()}

    def whole(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return what a call does, of a picture at once."""
        asked = {name: (self.resolve([name])[0], name.startswith(PRE)) for name in layers}
        activations = self._evaluate(self._prepared(image), set(asked.values()))
        return {name: activations[address] for name, address in asked.items()}

    def _prepared(self, image: Tensor) -> Tensor:
        x = (image.to(self.device, self._mean.dtype) - self._mean) / self._std
        return x.to(self.dtype).contiguous(memory_format=torch.channels_last)

    def _evaluate(self, x: Tensor, wanted: set[tuple[str, bool]]) -> dict[tuple[str, bool], Tensor]:
        """Return {(layer, whether before its ReLU): activations}."""
        activations: dict[tuple[str, bool], Tensor] = {}
        ways = Ways(self.filters, self.pooling, self.padding, self.values)
        for layer in self.layers:
            for operation in layer.operations:
                x = applied(operation, x, ways)
            before, after = (layer.name, True), (layer.name, False)
            if before in wanted:
                activations[before] = x.to(wide(x.dtype))
            x = F.relu(x) if before in wanted else F.relu_(x)
            if after in wanted:
                activations[after] = x.to(wide(x.dtype))
            if len(activations) == len(wanted):
                break
        return activations
