"""The layers of networks that are not of the catalogue: of libraries, and of wrapped modules."""

from __future__ import annotations

from functools import cache

from torch import nn

from stylespace.errors import UsageError
from stylespace.networks.architectures import Layer
from stylespace.networks.graphs import Graph
from stylespace.networks.libraries import built, leaves
from stylespace.networks.network_entry import MODULE, NetworkEntry

_WRAPPED: dict[str, NetworkEntry] = {}
"""{module:NAME: its entry} of this process."""


def foreign_entry(network: str) -> NetworkEntry:
    """Return what is known of the layers of "torchvision:resnet50", or of a wrapped module.

    Raises:
        UsageError: no such network, or a module that was not wrapped in this process.
        WeightsError: the library is not installed.
    """
    if network.partition(":")[0] != MODULE:
        return _library_entry(network)
    if network not in _WRAPPED:
        raise UsageError(
            f"{network} is a module that was wrapped in Python, in another process: wrap it here "
            "with wrap_network and give it as network=..., for work in this process alone."
        )
    return _WRAPPED[network]


@cache
def _library_entry(network: str) -> NetworkEntry:
    graph = graph_of(built(network), network)
    needs = "pip install 'stylespace[timm]', a download, once"
    return entry_of(graph, needs=needs if network.startswith("timm:") else "a download, once")


def graph_of(module: nn.Module, network: str, *, channels_last: bool = False) -> Graph:
    """Return the layers of a module; see `Graph`."""
    return Graph(module, network, channels_last=channels_last, **leaves(module))


def entry_of(graph: Graph, *, origin: str = "download", needs: str = "") -> NetworkEntry:
    """Return the entry of a graph, with its default style layers; see `style_layers`."""
    return NetworkEntry(
        tuple(Layer(name, graph.channels[name], ()) for name in graph.names),
        type(graph.module).__name__,
        origin,
        needs,
        graph.strides,
        graph.other_names,
        graph.unusable,
        style_layers(graph),
    )


def enter_wrapped(network: str, entry: NetworkEntry) -> None:
    """Let settings know a wrapped module by its name while this process runs."""
    _WRAPPED[network] = entry


def style_layers(graph: Graph) -> tuple[str, ...]:
    """Return the last of the outermost layers before each subsampling, shallow to deep.

    Outermost: layer1 rather than what stands in its blocks. Layers before the first weights, and
    those of coarser branches, are none of them.
    """
    deepest: dict[int, str] = {}
    for name in graph.names[graph.names.index(graph.first_weighted) :]:
        stride = graph.strides[name]
        known = deepest.get(stride)
        outside = known is None or name.count(".") <= known.count(".")
        if outside and stride >= max(deepest, default=1):
            deepest[stride] = name
    return tuple(deepest.values())
