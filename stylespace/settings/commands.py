"""The settings of every command: defaults, types, ranges and help."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import ClassVar

from stylespace.architectures import Layer
from stylespace.catalogue import (
    DEFAULT,
    PADDINGS,
    POOLINGS,
    catalogue_entry,
    check_entry,
    resolve_layer,
)
from stylespace.errors import UsageError
from stylespace.settings.fields import (
    check_field,
    comma_list,
    positive,
    setting,
    weighted_source,
)

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every command shares: the style space and the machine."""

    command: ClassVar[str] = ""

    network: str = setting(DEFAULT, "Network; see `stylespace networks`.")
    weights: str | None = setting(
        None, "Weights instead of the network's own: a FILE, caffe:FILE or random:SEED."
    )
    pooling: str = setting("average", "Pooling.", choices=POOLINGS)
    padding: str = setting("zeros", "Padding of convolutions.", choices=PADDINGS)
    device: str = setting("auto", "auto, cpu, cuda, cuda:1, mps, ...")
    precision: str = setting(
        "auto",
        "Precision of the convolutions; auto: bfloat16 on CUDA devices that have it.",
        choices=("auto", "float32", "bfloat16", "float64"),
    )
    seed: int = setting(0, "Seed of everything random.", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        for one in fields(self):
            check_field(one, getattr(self, one.name))
        catalogue_entry(self.network)

    @property
    def architecture(self) -> tuple[Layer, ...]:
        """The layers of the network."""
        return catalogue_entry(self.network).layers

    def weighted(self, names: tuple[str, ...]) -> dict[str, float]:
        """Return {layer: weight} for texts such as "conv1_1" or "conv1_1=2"; "all" is every layer.

        Raises:
            UsageError: unknown layer, a weight that is not a positive number, a layer twice.
        """
        result: dict[str, float] = {}
        for text in names:
            name, _, weight = text.partition("=")
            every = [layer.name for layer in self.architecture]
            found = every if name == ALL else [resolve_layer(name, self.architecture, self.network)]
            for layer in found:
                if layer in result:
                    raise UsageError(f"layer {layer} is named twice: name it once.")
                result[layer] = positive(weight, text) if weight else 1.0
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
    """Return the first layer of each block (G15a); of GoogLeNet the blocks after each pooling."""
    names = tuple(layer.name for layer in catalogue_entry(network).layers)
    if network.startswith("vgg"):
        return tuple(name for name in names if name.endswith("_1"))
    if network == "googlenet":
        return ("conv1", "conv2", "inception3a", "inception4a", "inception5a")
    return names


def default_content_layer(network: str) -> str:
    """Return the layer that holds the content (G15b: conv4_2 of VGG)."""
    if network.startswith("vgg"):
        return "conv4_2"
    return "inception4b" if network == "googlenet" else "conv4"


@dataclass(frozen=True, kw_only=True)
class Making:
    """Commands that make a picture: how large and by which steps."""

    size: int = setting(256, "Longer side in pixels.", minimum=1, maximum=32768)
    sizes: tuple[int, ...] = setting(
        (),
        "Scales from coarse to fine, ending at --size; default: halved while it helps.",
        minimum=1,
    )
    iterations: tuple[int, ...] = setting(
        (200,), "Evaluations over all scales, or one number for each scale.", minimum=1
    )
    optimizer: str = setting("lbfgs", "Optimiser.", choices=("lbfgs", "adam"))

    COARSEST: ClassVar[int] = 128

    def check_ladder(self) -> None:
        """Refuse scales that do not climb to the size, or iterations that do not fit them.

        Raises:
            UsageError: see above.
        """
        sizes = self.ladder()
        if list(sizes) != sorted(set(sizes)) or sizes[-1] != self.size:
            raise UsageError(f"sizes {comma_list(sizes)} must climb and end at size {self.size}.")
        if len(self.iterations) not in (1, len(sizes)):
            raise UsageError(
                f"iterations {comma_list(self.iterations)}: give one number, or one for each of "
                f"the {len(sizes)} scales {comma_list(sizes)}."
            )
        if len(self.iterations) == 1 and self.iterations[0] < len(sizes):
            raise UsageError(
                f"iterations {self.iterations[0]} are fewer than the {len(sizes)} scales."
            )

    def ladder(self) -> tuple[int, ...]:
        """Return the scales, coarse to fine."""
        if self.sizes:
            return self.sizes
        sizes = [self.size]
        while sizes[0] // 2 >= self.COARSEST:
            sizes.insert(0, sizes[0] // 2)
        return tuple(sizes)

    def schedule(self) -> tuple[int, ...]:
        """Return the evaluations of each scale: half as many at each finer one unless given."""
        count = len(self.ladder())
        if len(self.iterations) == count:
            return self.iterations
        total = self.iterations[0]
        shares = [2.0**-k for k in range(count)]
        steps = [max(1, int(total * share / sum(shares))) for share in shares]
        return (total - sum(steps[1:]), *steps[1:])


@dataclass(frozen=True, kw_only=True)
class ProbeSettings(Making, Settings):
    """A picture that maximises a Gram entry."""

    command: ClassVar[str] = "probe"

    layer: str = setting("conv3_1", "Layer of the entry.")
    entry: tuple[str, ...] = setting(
        (),
        "Entry of the Gram matrix as I,J; repeat it for several, or LAYER:I,J.",
        repeat=True,
    )
    size: int = setting(224, "Side of the square picture in pixels.", minimum=1, maximum=32768)
    optimizer: str = setting("adam", "Optimiser.", choices=("lbfgs", "adam"))
    parameters: str = setting(
        "fourier",
        "What is optimised: fourier (smooth shapes), sigmoid or pixels (the paper's mode, with "
        "--optimizer lbfgs).",
        choices=("fourier", "sigmoid", "pixels"),
    )
    selectivity: float = setting(
        0.0, "0: largest entry; 1: largest share of the whole Gram matrix.", minimum=0, maximum=1
    )

    COARSEST: ClassVar[int] = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ladder()
        resolve_layer(self.layer, self.architecture, self.network)
        if not self.entry:
            raise UsageError("no entry: name one, such as --entry 12,40.")
        self.entries()

    def entries(self) -> tuple[tuple[str, int, int], ...]:
        """Return (layer, i, j) for every entry.

        Raises:
            UsageError: malformed, an unknown layer, or outside the layer.
        """
        result = []
        for text in self.entry:
            match = re.fullmatch(r"(?:(\w+):)?(-?\d+)\s*,\s*(-?\d+)", text.strip(), re.ASCII)
            if not match:
                raise UsageError(f"entry {text!r} is not two numbers: write it as 12,40.")
            layer = resolve_layer(match[1] or self.layer, self.architecture, self.network)
            i, j = int(match[2]), int(match[3])
            check_entry(layer, (i, j), self.network)
            result.append((layer, i, j))
        return tuple(result)


@dataclass(frozen=True, kw_only=True)
class Sourced(Making, StyleLayers):
    """Commands that make a picture out of a style: at which size the style is read."""

    source_size: int | None = setting(
        None, "Longer side of the style pictures; default: --size.", minimum=1, maximum=32768
    )
    style_scale: float = setting(
        1.0, "Factor on the style pictures' size: larger strokes above 1.", above=0, maximum=64
    )
    tv_weight: float = setting(0.0, "Weight of total variation: smoother pictures.", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ladder()

    def source_side(self, size: int) -> int:
        """Return the longer side of the style pictures at the scale of that size."""
        full = self.source_size or self.size
        return max(1, round(full * self.style_scale * size / self.size))


@dataclass(frozen=True, kw_only=True)
class TextureSettings(Sourced):
    """A texture from a painting's Gram matrices."""

    command: ClassVar[str] = "texture"

    sources: tuple[str, ...] = setting(
        (), "Picture, sample:NAME or .style.safetensors, with a weight as PATH=0.3.", argument=True
    )
    match: str = setting("gram", "What is matched.", choices=("gram",))
    mean_weight: float = setting(0.0, "Weight of the channel means beside the Gram.", minimum=0)
    iterations: tuple[int, ...] = setting(
        (300,), "Evaluations over all scales, or one number for each scale.", minimum=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sources(self.sources)


@dataclass(frozen=True, kw_only=True)
class TransferSettings(Sourced):
    """The content of one picture in the style of others."""

    command: ClassVar[str] = "transfer"

    content: str = setting("", "Content: a picture or sample:NAME.", argument=True)
    styles: tuple[str, ...] = setting(
        (), "Styles: picture, sample:NAME or .style.safetensors, PATH=0.3 weighs.", argument=True
    )
    size: int = setting(512, "Longer side in pixels.", minimum=1, maximum=32768)
    iterations: tuple[int, ...] = setting(
        (250,), "Evaluations over all scales, or one number for each scale.", minimum=1
    )
    content_layers: tuple[str, ...] = setting(
        (), "Content layers, with a weight as conv4_2=1; default: conv4_2 (VGG)."
    )
    content_weight: float = setting(0.05, "Weight of the content terms.", minimum=0)
    style_weight: float = setting(1.0, "Weight of the style terms.", minimum=0)
    init: str = setting("content", "Start: content, style, noise, or a FILE.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.content:
            raise UsageError("no content picture: name one.")
        _check_sources(self.styles)
        self.content_layer_weights()

    def content_layer_weights(self) -> dict[str, float]:
        """Return {content layer: weight}."""
        return self.weighted(self.content_layers or (default_content_layer(self.network),))


@dataclass(frozen=True, kw_only=True)
class CaptureSettings(StyleLayers):
    """A style file from one or several paintings."""

    command: ClassVar[str] = "capture"

    sources: tuple[str, ...] = setting(
        (), "Pictures or sample:NAME, with a weight as PATH=0.3.", argument=True
    )
    size: int = setting(512, "Longer side of each picture in pixels.", minimum=1, maximum=32768)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_sources(self.sources)


COMMANDS = {
    kind.command: kind
    for kind in (ProbeSettings, TextureSettings, TransferSettings, CaptureSettings)
}


def _check_sources(sources: tuple[str, ...]) -> None:
    if not sources:
        raise UsageError("no style: name a picture, sample:NAME or a .style.safetensors file.")
    for text in sources:
        weighted_source(text)
