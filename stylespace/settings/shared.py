"""What the settings of several commands share: style space, machine, layers, scales."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from stylespace.assets import positive
from stylespace.errors import UsageError
from stylespace.networks import catalogue
from stylespace.networks.architectures import Layer
from stylespace.networks.network_entry import OWN
from stylespace.settings.fields import (
    FIRST_STEPS,
    FURTHER_STEPS,
    check_field,
    comma_list,
    setting,
    side_setting,
    steps_setting,
)

ALL = "all"
OPTIMIZERS = ("lbfgs", "adam")

COMMANDS: dict[str, type[Settings]] = {}
"""{command: its settings}: each class enters itself when it is defined."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every command shares: the style space and the machine."""

    command: ClassVar[str] = ""
    fixed: ClassVar[tuple[str, ...]] = ()  # settings that are no options: the command fixes them

    network: str = setting(
        catalogue.DEFAULT, "Network, or torchvision:NAME or timm:NAME; see `stylespace networks`."
    )
    weights: str | None = setting(
        None, "Weights instead of the network's own: a FILE, caffe:FILE or random:SEED."
    )
    pooling: str = setting(
        "average", "Pooling; own: of networks of libraries.", choices=(*catalogue.POOLINGS, OWN)
    )
    padding: str = setting(
        "zeros",
        "Padding of convolutions; own: of networks of libraries.",
        choices=(*catalogue.PADDINGS, OWN),
    )
    device: str = setting("auto", "auto, cpu, cuda, cuda:1, mps, ...")
    precision: str = setting(
        "auto",
        "Precision of the convolutions; winograd: float32 with fewer multiplications; auto: "
        "bfloat16 on CUDA devices and processors that are fast at it, or else winograd on these.",
        choices=("auto", "float32", "winograd", "bfloat16", "float64"),
    )
    seed: int = setting(0, "Seed of everything random.", minimum=0, maximum=2**63 - 1)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.command:
            COMMANDS[cls.command] = cls

    def __post_init__(self) -> None:
        for one in fields(self):
            check_field(one, getattr(self, one.name))
        catalogue.catalogue_entry(self.network)
        space = catalogue.space_of(self.network, self.pooling, self.padding)
        for name, value in zip(("pooling", "padding"), space, strict=True):
            object.__setattr__(self, name, value)
        self._check_random()

    @property
    def space_padding(self) -> str:
        """The padding of the style space; where a command chooses, style files have the first."""
        known = (*catalogue.PADDINGS, OWN)
        return self.padding if self.padding in known else catalogue.PADDINGS[0]

    def _check_random(self) -> None:
        """Refuse random:SEED with anything but a seed."""
        kind, _, seed = (self.weights or "").partition(":")
        if kind == "random" and not re.fullmatch(r"-?[0-9]{1,18}", seed):
            raise UsageError(
                f"--weights {self.weights!r}: the seed must be a whole number of at most 18 "
                "digits, such as random:0."
            )

    def inputs(self) -> tuple[str, ...]:
        """Return the names of the files that the command reads, that of --weights last."""
        if self.weights is None or self.weights.startswith("random:"):
            return ()
        return (self.weights.removeprefix("caffe:"),)

    def words_for(self, name: str) -> tuple[str, ...]:
        """Return the words that may be given in place of the file `name`, for a hint at them."""
        return ()

    @property
    def architecture(self) -> tuple[Layer, ...]:
        """The layers of the network."""
        return catalogue.catalogue_entry(self.network).layers

    def own_name(self, layer: str) -> str:
        """Return a layer's own name; relu3_1 stands for conv3_1.

        Raises:
            UsageError: no such layer, with the nearest name.
        """
        return catalogue.resolve_layer(layer, self.architecture, self.network)

    def style_sources(self) -> tuple[str, ...]:
        """Return the sources of the style that a picture is made of; none of other commands."""
        return ()

    def content_source(self) -> str:
        """Return the picture whose content is kept, or nothing."""
        return ""

    def other_aims(self) -> tuple[str, ...]:
        """Return what else than the Gram matrices of whole styles a picture is made to match."""
        return ()

    def weighted(self, names: tuple[str, ...]) -> dict[str, float]:
        """Return {layer: weight} for texts such as "conv1_1" or "conv1_1=2"; "all" is every layer.

        Raises:
            UsageError: unknown layer, a weight that is not a positive number, a layer twice.
        """
        result: dict[str, float] = {}
        for text in names:
            name, equals, weight = text.partition("=")
            every = [layer.name for layer in self.architecture]
            found = every if name == ALL else [self.own_name(name)]
            for layer in found:
                if layer in result:
                    raise UsageError(f"layer {layer} is named twice: name it once.")
                result[layer] = positive(weight, text) if equals else 1.0
        return result


@dataclass(frozen=True, kw_only=True)
class StyleLayers(Settings):
    """Commands that read a style: which layers it has."""

    layers: tuple[str, ...] = setting(
        (),
        "Style layers, with a weight as conv1_1=2; all; default: the first of each block "
        "(conv1_1,conv2_1,conv3_1,conv4_1,conv5_1).",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.style_layers()

    def style_layers(self) -> dict[str, float]:
        """Return {style layer: weight}, the network's default where none is named."""
        return self.weighted(self.layers or default_style_layers(self.network))


def default_style_layers(network: str) -> tuple[str, ...]:
    """Return the first layer of each block (G15a); of GoogLeNet the blocks after each pooling.

    Of a network that is taken as it is the last layer before each subsampling.
    """
    entry = catalogue.catalogue_entry(network)
    names = tuple(layer.name for layer in entry.layers)
    if entry.style_layers:
        return entry.style_layers
    if network.startswith("vgg"):
        return tuple(name for name in names if name.endswith("_1"))
    if network == "googlenet":
        return ("conv1", "conv2", "inception3a", "inception4a", "inception5a")
    return names


def default_content_layer(network: str) -> str:
    """Return the layer that holds the content (G15b: conv4_2 of VGG)."""
    if network.startswith("vgg"):
        return "conv4_2"
    if content := catalogue.catalogue_entry(network).content_layer:
        return content
    return "inception4b" if network == "googlenet" else "conv4"


def default_content_layers(network: str) -> tuple[str, ...]:
    """Return the layers that a transfer keeps the content by.

    Departs: from G15b, with conv3_2 of VGG beside conv4_2. Faces and outlines stay at half of the
    content's weight, so that the style comes twice as near (reports/defaults).
    """
    deepest = default_content_layer(network)
    return ("conv3_2", deepest) if network.startswith("vgg") else (deepest,)


def layer_rows(network: str) -> list[dict[str, Any]]:
    """Return a row for each layer of a network, shallow to deep, that says what it is taken for.

    `stride`: pixels between two positions. `default`: what takes the layer where none is named.

    Raises:
        UsageError, WeightsError: see `catalogue_entry`.
    """
    layers = catalogue.catalogue_entry(network).layers
    uses = {"style": default_style_layers(network), "content": default_content_layers(network)}
    strides = catalogue.strides(network)
    return [
        {
            "layer": layer.name,
            "channels": layer.channels,
            "stride": strides[layer.name],
            "default": [use for use, names in uses.items() if layer.name in names],
        }
        for layer in layers
    ]


@dataclass(frozen=True, kw_only=True)
class Making:
    """Commands that make a picture: how large and by which steps."""

    size: int = side_setting(256, "Longer side in pixels.")
    sizes: tuple[int, ...] = setting(
        (),
        "Scales from coarse to fine, ending at --size; default: halved while it helps.",
        minimum=1,
    )
    iterations: tuple[int, ...] = steps_setting(200)
    optimizer: str = setting("lbfgs", "Optimiser.", choices=OPTIMIZERS)
    tile: int | None = setting(
        None,
        "Side in pixels of the tiles in which larger pictures are evaluated, 0 for none; default: "
        "the largest that fit into memory, where whole pictures do not.",
        minimum=0,
        maximum=32768,
    )

    COARSEST: ClassVar[int] = 128
    FIRST_STEPS: ClassVar[int] = FIRST_STEPS
    FURTHER_STEPS: ClassVar[int] = FURTHER_STEPS

    def check_pyramid(self) -> None:
        """Refuse scales that do not climb to the size, or iterations that do not fit them.

        Raises:
            UsageError: see above.
        """
        sizes = self.pyramid()
        if list(sizes) != sorted(set(sizes)) or sizes[-1] != self.size:
            raise UsageError(
                f"--sizes {comma_list(sizes)} must climb and end at --size, which is {self.size}."
            )
        default = next(one.default for one in fields(self) if one.name == "iterations")
        if len(self.iterations) not in (1, len(sizes)) and self.iterations != default:
            raise UsageError(
                f"--iterations {comma_list(self.iterations)}: give one number, or one for each of "
                f"the {len(sizes)} scales {comma_list(sizes)}."
            )
        if self.sizes and len(self.iterations) == 1 and self.iterations[0] < len(sizes):
            raise UsageError(
                f"--iterations {self.iterations[0]} are fewer than the {len(sizes)} scales "
                f"{comma_list(sizes)}: give more, or fewer --sizes."
            )

    def pyramid(self) -> tuple[int, ...]:
        """Return the scales, coarse to fine."""
        if self.sizes:
            return self.sizes
        sizes = [self.size]
        most = self.iterations[0] if len(self.iterations) == 1 else math.inf
        while sizes[0] // 2 >= self.COARSEST and len(sizes) < most:
            sizes.insert(0, sizes[0] // 2)
        return tuple(sizes)

    def schedule(self, count: int | None = None) -> tuple[int, ...]:
        """Return the evaluations of the `count` finest scales (None: of all).

        As given, or half as many at each finer scale; see `steps_setting` where none are.
        """
        count = count or len(self.pyramid())
        if not self.iterations:
            first = self.FIRST_STEPS if count > 1 else self.FIRST_STEPS + self.FURTHER_STEPS
            return (first, *[self.FURTHER_STEPS] * (count - 1))
        if len(self.iterations) > 1:
            return self.iterations[-count:]
        total = self.iterations[0]
        shares = [2.0**-k for k in range(count)]
        steps = [1 + int((total - count) * share / sum(shares)) for share in shares]
        return (total - sum(steps[1:]), *steps[1:])
