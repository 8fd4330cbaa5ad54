"""Settings of every command as frozen dataclasses: defaults, types, ranges, help; no torch.

They are the one source of truth: the command line makes its options from their fields, the Python
functions take them as keyword arguments, and a recipe is one of them written as TOML.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from stylespace.architectures import Layer
from stylespace.catalogue import (
    DEFAULT,
    PADDINGS,
    POOLINGS,
    catalogue_entry,
    check_entry,
    resolve_layer,
)
from stylespace.errors import UsageError, unknown

ALL = "all"


def setting(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    argument: bool = False,
) -> Any:
    """Declare a field with its help text and the values it takes."""
    meta = {
        "help": text,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "argument": argument,
    }
    return field(default=default, metadata=meta)


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
            _check(one, getattr(self, one.name))
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
                result[layer] = _positive(weight, text) if weight else 1.0
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
        (), "Scales from coarse to fine, ending at --size; default: halved while it helps.", minimum=1
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
            raise UsageError(f"sizes {_comma(sizes)} must climb and end at size {self.size}.")
        if len(self.iterations) not in (1, len(sizes)):
            raise UsageError(
                f"iterations {_comma(self.iterations)}: give one number, or one for each of the "
                f"{len(sizes)} scales {_comma(sizes)}."
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
        (), "Entry of the Gram matrix as I,J; repeat it for several, or LAYER:I,J."
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


def weighted_source(text: str) -> tuple[str, float]:
    """Split "PATH=0.3" into path and weight; a path without weight weighs 1.

    Raises:
        UsageError: the weight is not a positive number.
    """
    match = re.fullmatch(r"(.+)=([^=/\\]*)", text, re.DOTALL)
    if not match:
        return text, 1.0
    return match[1], _positive(match[2], text)


def _check_sources(sources: tuple[str, ...]) -> None:
    if not sources:
        raise UsageError("no style: name a picture, sample:NAME or a .style.safetensors file.")
    for text in sources:
        weighted_source(text)


def _positive(number: str, text: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{text!r}: the weight after '=' must be a number above 0.")
    return value


def _comma(values: tuple[int, ...]) -> str:
    return ",".join(map(str, values))


def _check(one: dataclasses.Field, value: Any) -> None:
    """Refuse a value outside what its field takes, naming the field as its option."""
    meta, name = one.metadata, one.name.replace("_", "-")
    if meta["choices"] and value not in meta["choices"]:
        raise unknown(name, str(value), meta["choices"])
    for number in value if isinstance(value, tuple) else (value,):
        if not isinstance(number, int | float) or isinstance(number, bool):
            continue
        if not math.isfinite(number):
            raise UsageError(f"{name} {number} is not a finite number.")
        if meta["minimum"] is not None and number < meta["minimum"]:
            raise UsageError(f"{name} {number} must be at least {meta['minimum']:g}.")
        if meta["above"] is not None and number <= meta["above"]:
            raise UsageError(f"{name} {number} must be above {meta['above']:g}.")
        if meta["maximum"] is not None and number > meta["maximum"]:
            raise UsageError(f"{name} {number} must be at most {meta['maximum']:g}.")


def recipe_of(settings: Settings) -> dict[str, Any]:
    """Return a recipe: the command and every setting, as TOML and JSON can hold them."""
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(settings).items()
        if value is not None
    }
    return {"command": settings.command, **values}


def settings_from(recipe: Mapping[str, Any]) -> Settings:
    """Return the settings that a recipe holds.

    Raises:
        UsageError: no or an unknown command, an unknown key (nearest named), a wrong type.
    """
    values = dict(recipe)
    command = values.pop("command", None)
    if command not in COMMANDS:
        raise unknown("command in the recipe", str(command), COMMANDS)
    kind = COMMANDS[command]
    known = {one.name: one for one in fields(kind)}
    for key, value in values.items():
        if key not in known:
            raise unknown(f"setting of {command}", key, known)
        values[key] = _typed(known[key], value)
    return kind(**values)


def _typed(one: dataclasses.Field, value: Any) -> Any:
    """Return a recipe's value in its field's type."""
    if one.type.startswith("tuple"):
        inner = str if "str" in one.type else int
        items = value if isinstance(value, list | tuple) else [value]
        if all(type(item) is inner for item in items):
            return tuple(items)
    elif one.type.startswith("float") and type(value) in (int, float):
        return float(value)
    elif type(value).__name__ == one.type.removesuffix(" | None"):
        return value
    raise UsageError(f"setting {one.name} = {value!r} in the recipe must be of type {one.type}.")


def read_toml(text: str) -> Settings:
    """Return the settings of a recipe written as TOML.

    Raises:
        UsageError: not TOML, or see `settings_from`.
    """
    try:
        return settings_from(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the recipe is not TOML: {error}.") from None


def write_toml(settings: Settings) -> str:
    """Return the settings as a recipe in TOML."""
    import tomli_w

    return tomli_w.dumps(recipe_of(settings))
