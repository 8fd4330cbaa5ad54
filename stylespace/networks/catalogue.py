"""The catalogue of networks: names, layers, and where each one's weights come from; no torch."""

from dataclasses import dataclass

from stylespace.errors import UsageError, check_known, unknown
from stylespace.networks import architectures
from stylespace.networks.architectures import Layer

DEFAULT = "vgg19-norm"
POOLINGS = ("average", "max")
PADDINGS = ("zeros", "replicate", "reflect", "circular")


@dataclass(frozen=True)
class NetworkEntry:
    """One network. origin: "embedded", "package" or "download"."""

    layers: tuple[Layer, ...]
    about: str
    origin: str = "download"
    needs: str = "a download, once"


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
    """Return the entry of a network; an unknown name is answered with the nearest."""
    check_known("network", name, CATALOGUE)
    return CATALOGUE[name]


def resolve_layer(name: str, layers: tuple[Layer, ...], network: str) -> str:
    """Return a layer's own name for `name`; relu3_1 stands for conv3_1.

    Raises:
        UsageError: no such layer, with the nearest name.
    """
    names = [layer.name for layer in layers]
    plain = name.replace("relu", "conv", 1) if name.startswith("relu") else name
    if plain not in names:
        raise unknown(f"layer of {network}", name, names)
    return plain


def channels(network: str) -> dict[str, int]:
    """Return {layer: channels} of a network."""
    return {layer.name: layer.channels for layer in catalogue_entry(network).layers}


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
