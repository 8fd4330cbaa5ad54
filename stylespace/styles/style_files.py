"""Style files: what one holds, and whether activations of a network can have it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylespace.errors import StyleError
from stylespace.files import check_header, parsed_json
from stylespace.networks.catalogue import CATALOGUE, channels
from stylespace.networks.network_entry import is_foreign
from stylespace.networks.space import Space
from stylespace.styles.moments import LayerStyle

FORMAT = "stylespace style 1"
MOST = 10**12
"""Positions of a layer, and pixels of a picture's side, beyond which a header is not believed."""
ROUNDING = 1e-3
"""By how much, as a cosine, moments may miss what holds for all exact ones."""


def read_style_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the header of a style file.

    Raises:
        StyleError: it is something else. Exception: whatever a damaged file makes of its reader.
    """
    from safetensors import safe_open

    check_header(path)
    with safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get("stylespace")
        if text is None:
            raise StyleError(f"{path}: not a style file of stylespace: make one with capture.")
        return {key: file.get_tensor(key) for key in file.keys()}, parsed_header(text)  # noqa: SIM118


def parsed_header(text: str) -> dict[str, Any]:
    """Return the header of a style file, checked: format, space, positions, provenance.

    Raises:
        ValueError: what it says cannot be. KeyError, TypeError, AttributeError: it is damaged.
    """
    header = parsed_json(text)
    if header["format"] != FORMAT:
        raise ValueError(f"format {header['format']!r}")
    Space(**header["space"])
    if not all(map(_is_count, header["positions"].values())):
        raise ValueError("positions that are no whole number above 0")
    _check_header(header["space"], header["provenance"])
    return header


def _check_header(space: Mapping[str, str], provenance: Mapping[str, Any]) -> None:
    """Raise ValueError unless the space is in words and pictures have name, size and weight."""
    if not all(isinstance(value, str) for value in space.values()):
        raise ValueError("a space that is not in words")
    for picture in provenance.get("pictures", []):
        if not (_is_count(picture["height"]) and _is_count(picture["width"])):
            raise ValueError("a picture without a size")
        if not (isinstance(picture["name"], str) and 0 < picture["weight"] < math.inf):
            raise ValueError("a picture without a name or a weight")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value <= MOST


def checked_layer(
    tensors: Mapping[str, Tensor], name: str, positions: int, network: str
) -> LayerStyle:
    """Return a layer's moments; ValueError unless activations can have them."""
    mu, g = tensors[f"{name}.mean"], tensors[f"{name}.gram"]
    if mu.ndim != 1 or g.shape != (len(mu), len(mu)):
        raise ValueError(f"{name!r}: shapes do not fit")
    if network in CATALOGUE and channels(network).get(name) != len(mu):
        raise ValueError(f"{name!r}: {len(mu)} channels, unlike that layer of {network}")
    if not (mu.dtype.is_floating_point and g.dtype.is_floating_point):
        raise ValueError(f"{name!r}: {mu.dtype} and {g.dtype}, where real numbers are needed")
    if not (torch.isfinite(mu).all() and torch.isfinite(g).all()):
        raise ValueError(f"{name!r}: values are not finite")
    if problem := _impossible(mu.double(), g.double(), signed=is_foreign(network)):
        raise ValueError(f"{name!r}: {problem}")
    return LayerStyle(mu, g, positions)


def _impossible(mu: Tensor, g: Tensor, *, signed: bool) -> str:
    """Say why no activations have these moments, mean (C,) and Gram (C, C).

    signed: of layers that are not after a ReLU, where means may be negative.
    """
    energies = g.diagonal()
    if (energies < 0).any():
        return "a diagonal entry is negative"
    if not signed and (mu < 0).any():
        return "a mean is negative"
    rest = 1e-12 * energies.amax()  # what rounds to 0 beside the largest
    if (mu**2 > (1 + ROUNDING) * energies + rest).any():
        return "a mean is larger than the diagonal allows"
    bound = energies.sqrt()[:, None] * energies.sqrt() + rest
    if ((g - g.T).abs() > ROUNDING * bound).any():
        return "the Gram matrix is not symmetric"
    if (g.abs() > (1 + ROUNDING) * bound).any():
        return "an entry is larger than the diagonal allows"
    return ""
