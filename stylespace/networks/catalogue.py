"""The catalogue of networks: names, layers, and where each one's weights come from; no torch."""

from collections.abc import Mapping
from typing import Any

from stylespace.errors import UsageError, check_known, unknown
from stylespace.networks import architectures
from stylespace.networks.architectures import Layer
from stylespace.networks.network_entry import LIBRARIES, MODULE, OWN, NetworkEntry, is_foreign

DEFAULT = "vgg19-norm"
POOLINGS = ("average", "max")
PADDINGS = ("zeros", "replicate", "reflect", "circular")


CATALOGUE = {
    "vgg19-norm": NetworkEntry(
        architectures.VGG19,
        "VGG-19, ImageNet, every channel scaled to a mean activation of 1; 16 layers; the default",
        "embedded",
        "nothing",
    ),
    "vgg16-hed": NetworkEntry(
        architectures.VGG16,
        "VGG-16, ImageNet weights fine-tuned for edges; 13 layers",
        "embedded",
        "nothing",
    ),
    "alexnet-st": NetworkEntry(
        architectures.ALEXNET_ST,
        "AlexNet, anti-aliased and shift-tolerant",
        "package",
        "pip install 'stylespace[judge]'",
    ),
    "vgg19": NetworkEntry(architectures.VGG19, "VGG-19, ImageNet, torchvision"),
    "vgg16": NetworkEntry(architectures.VGG16, "VGG-16, ImageNet, torchvision"),
    "alexnet": NetworkEntry(architectures.ALEXNET, "AlexNet, ImageNet, torchvision"),
    "googlenet": NetworkEntry(
        architectures.GOOGLENET, "GoogLeNet (Inception v1), ImageNet, torchvision"
    ),
}


def catalogue_entry(name: str) -> NetworkEntry:
    """Return the entry of a network; an unknown name is answered with the nearest.

    Of a network of a library its module is built, without weights, which takes torch and a second.

    Raises:
        UsageError: unknown, or a module that was not wrapped. WeightsError: no such library here.
    """
    if is_foreign(name):
        check_known("library of networks", name.partition(":")[0], (*LIBRARIES, MODULE))
        from stylespace.networks.foreign import foreign_entry

        return foreign_entry(name)
    if name not in CATALOGUE:
        raise unknown("network", name, [*CATALOGUE, *(f"{one}:NAME" for one in LIBRARIES)])
    return CATALOGUE[name]


def space_of(network: str, pooling: str, padding: str) -> tuple[str, str]:
    """Return a network's pooling and padding: where it is taken as it is, the defaults are its own.

    Raises:
        UsageError: it has no such pooling or padding.
    """
    return (
        _choice(network, "pooling", pooling, (POOLINGS[0],)),
        _choice(network, "padding", padding, (PADDINGS[0], "auto")),
    )


def _choice(network: str, kind: str, value: str, defaults: tuple[str, ...]) -> str:
    if not is_foreign(network):
        if value == OWN:
            raise UsageError(f"{network} has no {kind} of its own: leave --{kind} {OWN} out.")
        return value
    if value not in (OWN, *defaults):
        raise _kept(network, kind, value)
    return OWN


def check_given(values: Mapping[str, Any]) -> None:
    """Refuse a pooling or padding, be it the default, that is given to a network taken as it is.

    values: settings as the command line or a recipe gives them.

    Raises:
        UsageError: see above.
    """
    network = str(values.get("network", DEFAULT))
    for kind in ("pooling", "padding"):
        value = values.get(kind, OWN)
        if is_foreign(network) and value not in (OWN, "auto"):
            raise _kept(network, kind, value)


def _kept(network: str, kind: str, value: str) -> UsageError:
    return UsageError(f"{network} keeps its own {kind}: leave --{kind} {value} out.")


def resolve_layer(name: str, layers: tuple[Layer, ...], network: str) -> str:
    """Return a layer's own name for `name`; relu3_1 stands for conv3_1.

    Raises:
        UsageError: no such layer, with the nearest name.
    """
    if is_foreign(network):
        return catalogue_entry(network).resolve(name, network)
    names = [layer.name for layer in layers]
    plain = name.replace("relu", "conv", 1) if name.startswith("relu") else name
    if plain not in names:
        raise unknown(f"layer of {network}", name, names)
    return plain


def channels(network: str) -> dict[str, int]:
    """Return {layer: channels} of a network."""
    return {layer.name: layer.channels for layer in catalogue_entry(network).layers}


def strides(network: str) -> dict[str, int]:
    """Return {layer: pixels between two positions} of a network."""
    entry = catalogue_entry(network)
    reaches = architectures.reaches(entry.layers) if not entry.strides else {}
    return {**entry.strides, **{name: reach.stride for name, reach in reaches.items()}}


def check_entry(layer: str, entry: tuple[int, int], network: str) -> None:
    """Refuse a Gram entry outside the layer's C x C matrix, naming C.

    Raises:
        UsageError: out of range.
    """
    layers = catalogue_entry(network).layers
    name = resolve_layer(layer, layers, network)
    count = channels(network)[name]
    if not all(0 <= index < count for index in entry):
        raise UsageError(
            f"entry {entry[0]},{entry[1]} is outside {name}, which has {count} channels: "
            f"both numbers go from 0 to {count - 1}."
        )
