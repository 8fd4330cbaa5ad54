"""The networks' layers as plain tables, and the arithmetic of their sizes; no tensors here.

An architecture is a tuple of `Layer`. A layer is a few operations and the ReLU that follows them;
its name means the activation after that ReLU. Pooling stands with the layer that reads its result,
so an evaluation never pools past the deepest layer asked for.

The tables restate torchvision's modules (a test compares them, value by value) because importing
torchvision costs seconds and 160 MiB that a picture does not need.

Source: VGG: Simonyan & Zisserman, arXiv:1409.1556; AlexNet: Krizhevsky, arXiv:1404.5997;
GoogLeNet: Szegedy et al., arXiv:1409.4842; shift-tolerant AlexNet: Ghildyal & Liu,
arXiv:2207.13686.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """A convolution with bias; `key` names its tensors in a state dict of torchvision's layout."""

    key: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    normalised: bool = False  # `key`.conv without bias and `key`.bn, folded into one on loading


@dataclass(frozen=True)
class Pooling:
    """Average or maximum over a window, as the network is told."""

    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False


@dataclass(frozen=True)
class Blur:
    """Fixed binomial filter [1 2 1]x[1 2 1]/16: anti-aliased subsampling.

    Its border is reflected, or wrapped where the whole network's is.
    """

    kernel: int = 3
    stride: int = 2
    padding: int = 2


@dataclass(frozen=True)
class Inception:
    """Branches side by side, joined over channels; a ReLU after every convolution."""

    branches: tuple[tuple[Convolution | Pooling, ...], ...]


Window = Convolution | Pooling | Blur
Operation = Window | Inception


@dataclass(frozen=True)
class Layer:
    """Operations in order, then a ReLU."""

    name: str
    channels: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Reach:
    """What a position sees: position i reads pixels i * stride - before .. i * stride + after."""

    stride: int = 1
    before: int = 0
    after: int = 0

    @property
    def field(self) -> int:
        """Side of the receptive field in pixels."""
        return self.before + self.after + 1

    def through(self, operation: Operation) -> Reach:
        """Return the reach behind one more operation."""
        if isinstance(operation, Inception):
            ends = [_reach(branch, self) for branch in operation.branches]
            before, after = max(end.before for end in ends), max(end.after for end in ends)
            return Reach(ends[0].stride, before, after)
        return Reach(
            self.stride * operation.stride,
            self.before + self.stride * operation.padding,
            self.after + self.stride * (operation.kernel - 1 - operation.padding),
        )


def _reach(operations: tuple[Operation, ...], start: Reach) -> Reach:
    return functools.reduce(Reach.through, operations, start)


def reaches(layers: tuple[Layer, ...]) -> dict[str, Reach]:
    """Return each layer's reach into the picture, by name."""
    result, reach = {}, Reach()
    for layer in layers:
        reach = _reach(layer.operations, reach)
        result[layer.name] = reach
    return result


def circular_border(operation: Window) -> tuple[int, int]:
    """Return the positions that circular padding adds before and after a side.

    Position i reads what it reads under any padding, from i * stride - padding on. A side that
    the stride divides has length / stride of them: one period, and the next begins again.

    Departs: from the published networks, which read some borders on one side only or drop them.
    """
    return operation.padding, max(0, operation.kernel - operation.stride - operation.padding)


def output_length(operation: Operation, length: int, *, padding: str = "zeros") -> int:
    """Return the positions along one side behind `operation`; 0 or less where it does not fit.

    padding: "reflect" needs more positions than it pads, "circular" as many; see
    `circular_border` for what that one keeps.
    """
    if isinstance(operation, Inception):
        return min(_chain_length(branch, length, padding) for branch in operation.branches)
    if padding == "circular":
        border = circular_border(operation)
        span = length + sum(border) - operation.kernel
        return span // operation.stride + 1 if length >= max(*border, operation.stride) else 0
    if (padding == "reflect" or isinstance(operation, Blur)) and length <= operation.padding:
        return 0
    span = length + 2 * operation.padding - operation.kernel
    if span < 0:
        return 0
    if not getattr(operation, "ceil", False):
        return span // operation.stride + 1
    count = -(-span // operation.stride) + 1
    starts_outside = (count - 1) * operation.stride >= length + operation.padding
    return count - starts_outside


def _chain_length(operations: tuple[Operation, ...], length: int, padding: str) -> int:
    for operation in operations:
        length = output_length(operation, length, padding=padding)
    return length


def lengths(layers: tuple[Layer, ...], length: int, *, padding: str = "zeros") -> dict[str, int]:
    """Return the positions along one side at every layer for a picture side of `length` pixels."""
    result = {}
    for layer in layers:
        length = _chain_length(layer.operations, length, padding) if length > 0 else 0
        result[layer.name] = length
    return result


def convolutions(layers: tuple[Layer, ...]) -> Iterator[Convolution]:
    """Yield every convolution in the order of evaluation."""
    for layer in layers:
        for operation in layer.operations:
            chains = operation.branches if isinstance(operation, Inception) else ((operation,),)
            yield from (op for chain in chains for op in chain if isinstance(op, Convolution))


def vgg(depths: tuple[int, ...]) -> tuple[Layer, ...]:
    """Build a VGG from the number of convolutions in each of its five blocks."""
    layers, inputs, index = [], 3, 0
    for block, depth in enumerate(depths):
        outputs = min(64 * 2**block, 512)
        for number in range(depth):
            pool = (Pooling(2, 2),) if block and not number else ()
            convolution = Convolution(f"features.{index}", inputs, outputs)
            layers.append(Layer(f"conv{block + 1}_{number + 1}", outputs, (*pool, convolution)))
            inputs, index = outputs, index + 2
        index += 1
    return tuple(layers)


def _alexnet(key: str, indices: tuple[int, ...], *, tolerant: bool) -> tuple[Layer, ...]:
    """Build an AlexNet: strided as published, or shift-tolerant (blur before each subsampling)."""
    first = Convolution(key.format(1, indices[0]), 3, 64, 11, 1 if tolerant else 4, 2)
    reduce = (Pooling(3, 1), Blur()) if tolerant else (Pooling(3, 2),)
    table = (
        (reduce, Convolution(key.format(2, indices[1]), 64, 192, 5, 1, 2)),
        (reduce, Convolution(key.format(3, indices[2]), 192, 384)),
        ((), Convolution(key.format(4, indices[3]), 384, 256)),
        ((), Convolution(key.format(5, indices[4]), 256, 256)),
    )
    start = Layer("conv1", 64, (first, Blur()) if tolerant else (first,))
    rest = (
        Layer(f"conv{number}", convolution.outputs, (*before, convolution))
        for number, (before, convolution) in enumerate(table, start=2)
    )
    return (start, *rest)


def _inception(name: str, inputs: int, widths: tuple[int, ...]) -> Inception:
    """Build one block; widths: 1x1, 3x3 reduced, 3x3, "5x5" reduced, "5x5", pool projection.

    torchvision's "5x5" branch is a 3x3 convolution, as in its source and its weights.
    """
    one, three_in, three, five_in, five, pool = widths

    def part(branch: str, inputs: int, outputs: int, kernel: int) -> Convolution:
        """Return a convolution of a branch."""
        return Convolution(
            f"{name}.{branch}", inputs, outputs, kernel, 1, kernel // 2, normalised=True
        )

    return Inception(
        (
            (part("branch1", inputs, one, 1),),
            (part("branch2.0", inputs, three_in, 1), part("branch2.1", three_in, three, 3)),
            (part("branch3.0", inputs, five_in, 1), part("branch3.1", five_in, five, 3)),
            (Pooling(3, 1, 1, ceil=True), part("branch4.1", inputs, pool, 1)),
        )
    )


INCEPTIONS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


def googlenet() -> tuple[Layer, ...]:
    """Build GoogLeNet up to its last inception block."""
    pool, last = Pooling(3, 2, ceil=True), Pooling(2, 2, ceil=True)
    layers = [
        Layer("conv1", 64, (Convolution("conv1", 3, 64, 7, 2, 3, normalised=True),)),
        Layer("conv2", 64, (pool, Convolution("conv2", 64, 64, 1, 1, 0, normalised=True))),
        Layer("conv3", 192, (Convolution("conv3", 64, 192, 3, 1, 1, normalised=True),)),
    ]
    before = {"inception3a": (pool,), "inception4a": (pool,), "inception5a": (last,)}
    inputs = 192
    for name, widths in INCEPTIONS.items():
        block = _inception(name, inputs, widths)
        inputs = widths[0] + widths[2] + widths[4] + widths[5]
        layers.append(Layer(name, inputs, (*before.get(name, ()), block)))
    return tuple(layers)


VGG16 = vgg((2, 2, 3, 3, 3))
VGG19 = vgg((2, 2, 4, 4, 4))
ALEXNET = _alexnet("features.{1}", (0, 3, 6, 8, 10), tolerant=False)
ALEXNET_ST = _alexnet("net.slice{0}.{1}", (0, 5, 9, 11, 13), tolerant=True)
GOOGLENET = googlenet()
