"""The weights of networks that are taken as they are: where they come from, and their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylespace.errors import WeightsError
from stylespace.networks.catalogue import DEFAULT
from stylespace.networks.libraries import torchvision_weights
from stylespace.networks.state_dicts import read_state, unusual
from stylespace.networks.weights import downloaded_file

COUNTER = "num_batches_tracked"
"""End of the name of what batch normalisation counts while it is trained."""


def state_of(
    network: str, module: nn.Module, weights: str | None, *, progress: bool
) -> tuple[dict[str, Tensor], str]:
    """Return the state dict of a library's network, and its source in words.

    weights: None for its ImageNet weights, or a .pth or .safetensors file.

    Raises:
        WeightsError: missing, damaged, with code in it, not fetched, or in Caffe's layout.
    """
    if weights is not None and weights.startswith("caffe:"):
        raise WeightsError(f"{weights!r}: Caffe's layout is known of the networks by name alone.")
    if weights is not None:
        return read_state(Path(weights)), weights
    if network.startswith("timm:"):
        return _timm_state(network, module)
    url = torchvision_weights(network).url
    return read_state(downloaded_file(network, url, progress=progress)), url


def _timm_state(network: str, module: nn.Module) -> tuple[dict[str, Tensor], str]:
    """Fetch the tensors that timm keeps on its hub, as .safetensors, once."""
    from huggingface_hub import hf_hub_download

    told: Any = module.pretrained_cfg
    place = told.get("hf_hub_id")
    cause = "timm names no weights of it"
    if place:
        try:
            return read_state(Path(hf_hub_download(place, "model.safetensors"))), place
        except Exception as error:  # a hub answers in many ways that it cannot be reached
            cause = " ".join(str(error).split())[:200]
    raise WeightsError(
        f"the weights of {network} could not be fetched ({cause}). Without a network: --weights "
        f"FILE, --weights random:0, or --network {DEFAULT}, which is embedded."
    )


def fit(network: str, trunk: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Put a state dict into the part of a network that has layers; its head may be another.

    Raises:
        WeightsError: of another network, or not finite.
    """
    found = {}
    for key, own in trunk.state_dict().items():
        if key.endswith(COUNTER):
            continue
        if problem := _misfit(key, own, state):
            raise WeightsError(f"{source}: not weights of {network}: {problem}.")
        if not torch.isfinite(state[key]).all():
            raise WeightsError(f"{source}: {key!r} holds values that are not finite: get it again.")
        found[key] = state[key]
    trunk.load_state_dict(found, strict=False)


def _misfit(key: str, own: Tensor, state: Mapping[str, Tensor]) -> str:
    if key not in state:
        return f"{key!r} is missing"
    if own.dtype.is_floating_point and (kind := unusual(state[key])):
        return f"{key!r} is {kind}, expected a dense tensor of real numbers"
    shapes = tuple(state[key].shape), tuple(own.shape)
    return "" if shapes[0] == shapes[1] else f"{key!r} is {shapes[0]}, expected {shapes[1]}"


def state_hash(trunk: nn.Module, numbers: Sequence[float]) -> str:
    """Return the SHA-256 over names and values of all tensors, and of the normalisation.

    numbers: means and deviations that pictures are brought to, which make the space as well.
    """
    digest = hashlib.sha256(repr(tuple(map(float, numbers))).encode())
    for key, tensor in sorted(trunk.state_dict().items()):
        if not key.endswith(COUNTER):
            digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            plain = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(plain.view(torch.uint8).numpy().data)
    return digest.hexdigest()
