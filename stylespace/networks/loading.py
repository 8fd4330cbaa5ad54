"""Networks by name: of the catalogue, of torchvision, of timm."""

from __future__ import annotations

import os
from typing import Any

import torch

from stylespace.errors import public
from stylespace.networks import catalogue
from stylespace.networks.devices import DTYPES, WINOGRAD, device_for, known_precision
from stylespace.networks.network import Network
from stylespace.networks.weights import load_weights


@public
def load_network(
    name: str = catalogue.DEFAULT,
    pooling: str = "average",
    padding: str = "zeros",
    weights: str | os.PathLike[str] | None = None,
    device: torch.device | str = "cpu",
    *,
    precision: str = "float32",
    progress: bool = False,
) -> Network:
    """Load a network with its weights.

    Args:
        name: see `stylespace.networks.catalogue.CATALOGUE`; or "torchvision:NAME" or "timm:NAME",
            which are taken as they are, see `stylespace.networks.wrapped`.
        pooling: "average" (plain, G15a) or "max"; every pooling of the network follows it. "own"
            of networks that are taken as they are, whose padding is "own" as well.
        padding: "zeros", "replicate", "reflect", or "circular" for seamless pictures, whose sides
            are multiples of the deepest layer's stride.
        weights: None for the network's own, "random:SEED", or a file (see `load_weights`).
        device: a torch device, or "auto": CUDA, then MPS, then the CPU.
        precision: of the convolutions: "float32", "winograd" (float32 with fewer multiplications,
            right to 1e-5), "bfloat16", "float64", or "auto" (bfloat16 where the device is fast at
            it, winograd on other processors). Statistics are always float32 or better, and styles
            are never captured from other features; see `Network.precise`.
        progress: show a download on stderr.

    Raises:
        UsageError: an unknown name. WeightsError: see `load_weights`.

    Example:
        >>> import stylespace as ss
        >>> ss.load_network(padding="reflect")
        <Network vgg19-norm: average pooling, reflect padding, embedded weights, float32 on cpu>
    """
    entry, device = catalogue.catalogue_entry(name), device_for(str(device))
    source = None if weights is None else os.fspath(weights)
    pooling, padding = catalogue.space_of(name, pooling, padding)
    if catalogue.is_foreign(name):
        from stylespace.networks.wrapped import load_foreign  # and torchvision: 160 MiB

        return load_foreign(name, source, device, precision, progress=progress)
    precision = known_precision(precision, device)
    loaded = load_weights(name, source, progress=progress)
    options: dict[str, Any] = {"pooling": pooling, "padding": padding, "device": device}
    options |= {"dtype": DTYPES[precision], "minimal": precision == WINOGRAD}
    return Network(name, entry.layers, loaded, **options)
