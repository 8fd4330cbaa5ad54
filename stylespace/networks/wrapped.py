"""Networks that are taken as they are: of torchvision, of timm, or a module of one's own."""

from __future__ import annotations

import bisect
import copy
import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from stylespace.errors import UsageError, public, shown
from stylespace.networks import catalogue
from stylespace.networks.architectures import Reach
from stylespace.networks.devices import DTYPES, WINOGRAD, device_for, known_precision
from stylespace.networks.foreign import enter_wrapped, entry_of, graph_of
from stylespace.networks.foreign_weights import fit, state_hash, state_of
from stylespace.networks.graphs import Graph
from stylespace.networks.libraries import Numbers, built, normalisation
from stylespace.networks.measured_reach import LARGEST, measured_reach
from stylespace.networks.network import Network
from stylespace.networks.network_entry import MODULE, OWN, NetworkEntry
from stylespace.networks.weights import IMAGENET, Weights, seed_of


class WrappedNetwork(Network):
    """A module as a function from pictures to named activations, as it is.

    Its pooling and padding are its own, and pictures are seen whole: the reach of its layers is
    measured, not known, so that nothing promises that tiles add up.

    Attributes:
        graph: its layers. The others: see `Network`.
    """

    def __init__(
        self,
        name: str,
        entry: NetworkEntry,
        graph: Graph,
        weights: Weights,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(name, entry.layers, weights, device=device, dtype=dtype)
        self.pooling = self.padding = OWN
        self.entry, self.graph = entry, graph.placed(self.device, dtype)
        self._reaches: dict[str, Reach] = {}
        if self._wide is not None:
            self._wide = WrappedNetwork(name, entry, graph, weights, device=device)

    @public
    def with_padding(self, padding: str) -> Network:
        """Return the network itself, whose padding is its own.

        Raises:
            UsageError: any other is asked for.
        """
        if padding != OWN:
            raise UsageError(
                f"{self.name} keeps its own padding, and {padding} padding is needed for that (as "
                f"by seamless textures and regions): take --network {catalogue.DEFAULT} for it."
            )
        return self

    def in_tiles(self, side: int) -> Network:
        """Return the network itself, which sees pictures whole.

        Raises:
            UsageError: tiles are asked for.
        """
        if side:
            raise UsageError(
                f"{self.name} sees pictures whole: leave --tile {side} out, or take --network "
                f"{catalogue.DEFAULT}, which can be evaluated in tiles."
            )
        return self

    def _own_name(self, layer: str) -> str:
        return self.entry.resolve(layer, self.name)

    def grid(self, layer: str, height: int, width: int) -> tuple[int, int]:
        """Return the (h, w) positions of a layer; (0, 0) where it fails on such a picture."""
        (name,) = self.resolve([layer])
        return self.graph.grids(height, width)[name]

    def minimum_side(self, layer: str) -> int:
        """Return the smallest side in pixels of a square that gives the layer a position.

        Up to LARGEST; a network that takes few sizes alone may refuse larger ones.
        """
        side = 1
        while side < LARGEST and self.grid(layer, side, side)[0] < 1:
            side *= 2
        sides = range(side // 2 + 1, side)
        key = functools.partial(self._side_fits, layer)
        return side // 2 + 1 + bisect.bisect_left(sides, True, key=key)

    def _side_fits(self, layer: str, side: int) -> bool:
        return self.fits([layer], side, side)

    def check_size(self, layers: Iterable[str], height: int, width: int) -> None:
        """Refuse a picture that is too small for one of the layers, or of no size that it takes.

        Raises:
            UsageError: see above.
        """
        for layer in self.resolve(layers):
            fits = self.fits([layer], height, width)
            if not fits and min(height, width) >= self.minimum_side(layer):
                raise UsageError(
                    f"{layer} of {self.name} takes no pictures of {width}x{height} pixels: take "
                    "sides that its windows divide, such as --size 224, or a shallower layer."
                )
        super().check_size(layers, height, width)

    def reach(self, layer: str) -> Reach:
        """Return stride and receptive field of a layer in pixels, measured along a row.

        A position sees a pixel where a number that is none there becomes none here. A layer that
        sees the whole picture at once reaches LARGEST pixels.
        """
        (name,) = self.resolve([layer])
        if name not in self._reaches:
            self._reaches[name] = measured_reach(self.precise, name, self.entry.strides[name])
        return self._reaches[name]

    def reads(self, margins: Mapping[str, int]) -> dict[str, tuple[Reach, int]]:
        """Return {layer: (its stride, margin)}: of a picture that is seen whole no more counts."""
        strides = {name: self.entry.strides[self.resolve([name])[0]] for name in margins if name}
        return {name: (Reach(strides.get(name, 1)), n) for name, n in margins.items()}

    def kept_bytes(self, layers: Sequence[str], height: int, width: int) -> list[int]:
        """Return the bytes that each layer keeps for the backward pass, up to the deepest asked.

        All that the module makes is counted, as what it needs again is not known.
        """
        kept, last = self.graph.kept(height, width), self.resolve(layers)[-1]
        return [self.dtype.itemsize * kept[n] for n in self.names[: self.names.index(last) + 1]]

    def _evaluate(self, x: Tensor, wanted: set[tuple[str, bool]]) -> dict[tuple[str, bool], Tensor]:
        """Return {(layer, whether before its ReLU): activations}."""
        wide = self._mean.dtype
        return {address: values.to(wide) for address, values in self.graph(x, wanted).items()}


@public
def wrap_network(
    module: nn.Module,
    layers: Sequence[str] = (),
    *,
    mean: Sequence[float] = IMAGENET[0],
    std: Sequence[float] = IMAGENET[1],
    name: str = "",
    channels_last: bool = False,
    device: torch.device | str = "cpu",
    precision: str = "float32",
) -> Network:
    """Make a module of one's own a network: any that maps pictures to activations.

    It is copied, in evaluation mode and without gradients of its weights. Its layers are what
    torchvision's feature extraction names; `names` lists them, shallow to deep.

    Args:
        module: (B, 3, H, W) -> anything; its decisions must not depend on values.
        layers: those of a style where none are named, and the content's among them; none: the
            last before each subsampling.
        mean, std: what is taken off the picture in [0, 1], and what divides it, of red, green and
            blue.
        name: it is called module:NAME; default: its class and the first digits of its hash.
        channels_last: layers that give (B, h, w, C) are layers as well.
        device, precision: see `load_network`; no precision of fewer multiplications.

    Returns:
        A network for every function that takes one, in this process: with workers=1 where pictures
        are many, and not in recipes that are run again.

    Raises:
        UsageError: a layer that it does not have (nearest name given), or one that holds no
            (B, C, h, w); or a module that cannot be followed.

    Example:
        >>> import stylespace as ss, torch
        >>> first, second = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 16, 3, stride=2)
        >>> module = torch.nn.Sequential(first, torch.nn.ReLU(), second)
        >>> network = ss.wrap_network(module, layers=["1", "2"])
        >>> features = network(torch.rand(1, 3, 9, 12), ["1", "2"])
        >>> {name: tuple(x.shape) for name, x in features.items()}
        {'1': (1, 8, 7, 10), '2': (1, 16, 3, 4)}
    """
    device = device_for(str(device))
    title = f"{MODULE}:{name or type(module).__name__}"
    graph = graph_of(copy.deepcopy(module), title, channels_last=channels_last)
    weights = _weights(graph, (_numbers("mean", mean), _numbers("std", std)), "wrapped")
    title = title if name else f"{title}-{weights.sha256[:8]}"
    entry = entry_of(graph, origin="wrapped", needs="the module itself, in Python")
    named = {entry.resolve(layer, title) for layer in layers}
    if named:
        entry = replace(entry, style_layers=tuple(one for one in graph.names if one in named))
    enter_wrapped(title, entry)
    return WrappedNetwork(
        title, entry, graph, weights, device=device, dtype=_dtype(precision, device)
    )


def load_foreign(
    network: str, weights: str | None, device: torch.device, precision: str, *, progress: bool
) -> Network:
    """Load a network of a library; see `load_network`.

    Raises:
        UsageError: an unknown name, or a precision that it does not have. WeightsError: see
        `state_of`.
    """
    entry = catalogue.catalogue_entry(network)
    if entry.origin == "wrapped":
        raise UsageError(f"{network} was wrapped in Python: give it as network=..., itself.")
    seed = seed_of(weights) if weights and weights.startswith("random:") else None
    graph = graph_of(built(network, seed or 0), network)
    source = weights or ""
    if seed is None:
        state, source = state_of(network, graph.module, weights, progress=progress)
        fit(network, graph.trunk, state, source)
    loaded = _weights(graph, normalisation(network, graph.module), source)
    dtype = _dtype(precision, device)
    return WrappedNetwork(network, entry, graph, loaded, device=device, dtype=dtype)


def _weights(graph: Graph, normalised: tuple[Numbers, Numbers], source: str) -> Weights:
    """Return what is recorded of a module's weights, without filters."""
    mean, std = normalised
    return Weights({}, mean, std, source, state_hash(graph.trunk, (*mean, *std)))


def _numbers(name: str, values: Sequence[float]) -> Numbers:
    """Return three finite numbers, of std above 0.

    Raises:
        UsageError: others.
    """
    found = tuple(map(float, values))
    least = 0.0 if name == "std" else -math.inf
    if len(found) != 3 or not all(least < one < math.inf for one in found):
        raise UsageError(
            f"{shown(name, values)}: three numbers are needed, as 0.485, 0.456, 0.406."
        )
    return found


def _dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of a precision; "auto" takes plain float32 for fewer multiplications.

    Raises:
        UsageError: winograd.
    """
    if precision == WINOGRAD:
        raise UsageError(
            "--precision winograd is for the networks of the catalogue alone: leave it out, or "
            "take float32, bfloat16 or float64."
        )
    return DTYPES[known_precision(precision, device)]
