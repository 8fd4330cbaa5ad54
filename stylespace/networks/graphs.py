"""A module as a graph of named layers, by torchvision's feature extraction.

Names are torchvision's: a node is called by the module that it stands in ("layer2.1.relu_2"), and a
module's own name means its last node ("layer2.1", and "layer2" for the last of its blocks).
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from stylespace.errors import UsageError

PAIRS = ((224, 448), (448, 672))
"""Heights and widths of two pictures, by which the axes of positions are told from the channels."""
RECTIFIERS = (nn.ReLU, nn.ReLU6, F.relu, F.relu6, torch.relu, torch.relu_, "relu", "relu_")
OPS = [kind for _, kind in inspect.getmembers(torchvision.ops, inspect.isclass)]
LEAVES = [kind for kind in OPS if issubclass(kind, nn.Module)]
"""Modules of torchvision that its own feature extraction does not look into."""

BATCH = 2
"""Pictures at once when shapes are followed."""
Shape = tuple[int, ...]


class Graph:
    """The layers of a module: what they are called, how large they are, what they hold.

    Attributes:
        module: in evaluation mode, its weights without gradients.
        names: of the layers, shallow to deep; other_names: {name: the layer's own}.
        channels, strides: {layer: number of channels, pixels between two positions}.
        unusable: {name: why it is no layer}.
        trunk: the part of the module up to its deepest layer.
    """

    def __init__(
        self,
        module: nn.Module,
        title: str,
        *,
        channels_last: bool = False,
        leaves: Sequence[type] = (),
        functions: Sequence[Any] = (),
    ) -> None:
        self.module, self.title = module.eval().requires_grad_(False), title
        tracer = NodePathTracer(
            autowrap_modules=(math, torchvision.ops),
            autowrap_functions=functions,
            leaf_modules=[*LEAVES, *leaves],
        )
        self._graph = self._traced(tracer)
        self._shadow: nn.Module | None = None
        self._paths = {node: tracer.node_to_qualname.get(node, "") for node in self._graph.nodes}
        self._last: set[str] = set()
        self._name_layers(channels_last=channels_last)
        self.trunk = self._cut([self._nodes[self.names[-1]]])
        self._extractors: dict[tuple[tuple[str, bool], ...], fx.GraphModule] = {}
        self._grids: dict[tuple[int, int], dict[str, tuple[int, int]]] = {}

    def _traced(self, tracer: NodePathTracer) -> fx.Graph:
        try:
            return tracer.trace(self.module)
        except Exception as error:  # a module may do anything with what it is given instead
            told = " ".join(str(error).split())[:160]
            raise UsageError(
                f"{self.title} cannot be followed layer by layer ({type(error).__name__}: {told}): "
                "take a network without decisions on values, or wrap a part of it."
            ) from None

    def _name_layers(self, *, channels_last: bool) -> None:
        """Fill in the attributes, from the shapes of what every node gives for two pictures."""
        first, second = (self._shapes(*pair) for pair in PAIRS)
        nodes = {node: path for node, path in self._paths.items() if path and node.op[0] == "c"}
        whole: dict[
            str, fx.Node
        ] = {}  # every name of torchvision's: of a node, or of a module for its last node
        for node, path in nodes.items():
            parts = path.split(".")
            whole |= {".".join(parts[: k + 1]): node for k in range(len(parts))}
        shortest: dict[fx.Node, str] = {}
        for name, node in sorted(whole.items(), key=lambda item: item[0].count(".")):
            shortest.setdefault(node, name)
        self.other_names = {n: shortest[node] for n, node in whole.items() if n != shortest[node]}
        self._nodes: dict[str, fx.Node] = {}
        self.channels: dict[str, int] = {}
        self.strides: dict[str, int] = {}
        self.unusable: dict[str, str] = {}
        for node in (node for node in nodes if node in shortest):
            name, one, other = shortest[node], first.get(node, ()), second.get(node, ())
            last = _is_channels_last(one, other)
            if why := _problem(one, other, last=last, declared=channels_last):
                self.unusable[name] = why
                continue
            self._last |= {name} if last else set()
            self._nodes[name] = node
            self.channels[name] = one[3 if last else 1]
            self.strides[name] = _stride(one, other, last=last)
        if not self._nodes:
            raise UsageError(f"{self.title} has no layer that gives (B, C, h, w): take another.")

    def placed(self, device: torch.device, dtype: torch.dtype) -> Graph:
        """Return the same layers of a copy of the module on a device, in a precision."""
        weight = next(self.module.parameters(), torch.empty(0))
        if (weight.device, weight.dtype) == (device, dtype):
            return self
        other = copy.copy(self)
        other.module = copy.deepcopy(self.module).to(device, dtype)
        other._extractors = {}
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers, shallow to deep."""
        return tuple(self._nodes)

    @property
    def first_weighted(self) -> str:
        """The first layer that its own weights made, or the first of all."""
        called = ((name, self._called(node)) for name, node in self._nodes.items())
        weighted = (name for name, one in called if one and any(True for _ in one.parameters()))
        return next(weighted, self.names[0])

    def _called(self, node: fx.Node) -> nn.Module | None:
        """Return the module that a node calls, if it is one."""
        return self.module.get_submodule(str(node.target)) if node.op == "call_module" else None

    def __call__(self, x: Tensor, addresses: Iterable[tuple[str, bool]]) -> dict[Any, Tensor]:
        """Return {(layer, whether before its ReLU): (B, C, h, w)} of x (B, 3, H, W)."""
        key = tuple(sorted(addresses))
        if key not in self._extractors:
            self._extractors[key] = self._cut([self._node(*address) for address in key])
        values = zip(key, self._extractors[key](x), strict=True)
        return {one: x.permute(0, 3, 1, 2) if one[0] in self._last else x for one, x in values}

    def _node(self, name: str, before: bool) -> fx.Node:
        """Return the node of a layer, or the one that its ReLU reads, if it is one."""
        node = self._nodes[name]
        call = self._called(node) or node.target
        rectifies = call in RECTIFIERS or type(call) in RECTIFIERS
        return node.all_input_nodes[0] if before and rectifies else node

    def _cut(self, nodes: Sequence[fx.Node]) -> fx.GraphModule:
        """Return the module up to the deepest of some nodes, that gives what they give.

        Each is copied where it is made, before an operation in place can write over it. Nothing
        before is left out: an operation in place may be one whose result is not read.
        """
        cut = fx.Graph()
        made: dict[fx.Node, fx.Node] = {}
        results: dict[fx.Node, fx.Node] = {}
        for node in self._graph.nodes:
            made[node] = cut.node_copy(node, lambda known: made[known])
            if node in nodes:
                results[node] = cut.call_method("clone", (made[node],))
            if len(results) == len(set(nodes)):
                break
        cut.output(tuple(results[node] for node in nodes))
        return fx.GraphModule(self.module, cut)

    def grids(self, height: int, width: int) -> dict[str, tuple[int, int]]:
        """Return {layer: (h, w)} for a picture of height x width pixels; (0, 0) where it fails."""
        size = height, width
        if size not in self._grids:
            shapes, start = self._shapes(height, width), {name: 1 for name in self._last}
            found = ((name, shapes.get(node, ())) for name, node in self._nodes.items())
            self._grids[size] = {
                name: (shape[start.get(name, 2)], shape[start.get(name, 2) + 1])
                if shape
                else (0, 0)
                for name, shape in found
            }
        return self._grids[size]

    def kept(self, height: int, width: int) -> dict[str, int]:
        """Return {layer: numbers that its node and those since the layer before it make}."""
        shapes, total, result = self._shapes(height, width), 0, {}
        layers = {node: name for name, node in self._nodes.items()}
        for node in self._graph.nodes:
            total += math.prod(shapes.get(node, (0,))) // BATCH
            if node in layers:
                result[layers[node]], total = total, 0
        return result

    def _shapes(self, height: int, width: int) -> dict[fx.Node, Shape]:
        """Return {node: shape of what it gives for two pictures}, up to where they do not fit."""
        if self._shadow is None:
            self._shadow = _on_meta(self.module)
        followed = _Followed(self._shadow, graph=self._graph)
        followed.extra_traceback = False
        weight = next(self._shadow.parameters(), torch.empty(0))
        with suppress(Exception), torch.no_grad():
            followed.run(torch.empty(BATCH, 3, height, width, dtype=weight.dtype, device="meta"))
        return followed.shapes


def _on_meta(module: nn.Module) -> nn.Module:
    """Return a copy of a module whose tensors have shapes and no values."""
    held = (value for one in module.modules() for value in vars(one).values())
    tensors = [value for value in held if isinstance(value, Tensor)]
    memo: dict[int, Any] = {id(x): x.to("meta") for x in (*tensors, *module.buffers())}
    for weight in module.parameters():
        memo[id(weight)] = nn.Parameter(weight.to("meta"), requires_grad=False)
    return copy.deepcopy(module, memo)


class _Followed(fx.Interpreter):
    """A run that keeps the shape of what every node gives; of what is made in place nothing."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.shapes: dict[fx.Node, Shape] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run a node and keep its shape."""
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.shapes[n] = tuple(result.shape)
        return result


def _problem(one: Shape, other: Shape, *, last: bool, declared: bool) -> str:
    """Say why shapes for two pictures are not those of a layer, or nothing."""
    if not (one and other):
        return "gives no activations for pictures of any size"
    shown = f"gives ({', '.join(map(str, ('B', *one[1:])))})"
    if len(one) != 4 or (one[0], other[0]) != (BATCH, BATCH):
        return f"{shown}, where (B, C, h, w) is needed: name another"
    if last:
        return (
            ""
            if declared
            else (
                "gives (B, h, w, C), where (B, C, h, w) is needed: name another, or in Python "
                "wrap_network(..., channels_last=True)"
            )
        )
    if one[1] != other[1]:
        return f"{shown}, whose channels depend on the picture: name another"
    if one[2] == other[2] or one[3] == other[3]:
        return f"{shown} whatever the picture, which leaves no positions: name another"
    return ""


def _is_channels_last(one: Shape, other: Shape) -> bool:
    """Say whether the last axis alone, after that of pictures, stays between two pictures."""
    if len(one) != 4 or len(other) != 4:
        return False
    return one[1] != other[1] and one[2] != other[2] and one[3] == other[3]


def _stride(one: Shape, other: Shape, *, last: bool) -> int:
    """Return the pixels between two positions, along the height of two pictures."""
    axis, pixels = 1 if last else 2, PAIRS[1][0] - PAIRS[0][0]
    return max(1, round(pixels / (other[axis] - one[axis])))
