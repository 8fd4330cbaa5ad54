"""Where a network's weights come from, and the checks they pass before they are used."""

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor

from stylespace import assets
from stylespace.errors import WeightsError
from stylespace.networks import architectures
from stylespace.networks.architectures import Convolution, Layer
from stylespace.networks.catalogue import CATALOGUE, DEFAULT
from stylespace.networks.state_dicts import read_state, unusual

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255, 1 / 255, 1 / 255))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # torchvision's GoogLeNet rescales ImageNet's to this

CAFFE_FILES = ("d01eb7cb", "00b39a1b")
"""Parts of the names of two widely used files with torchvision's layout and Caffe's values."""

STLPIPS_FILE = "weights/vST0.0/alex_shift_tolerant.pth"
STLPIPS_SHA256 = "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"


@dataclass(frozen=True)
class Weights:
    """Filters ready for use: RGB order, one weight and bias per convolution.

    tensors: {convolution key: (weight (O, I, k, k), bias (O,))}, float32.
    mean, std: what is taken off the picture in [0, 1], and what divides it, per RGB channel.
    source: where they come from, in words. sha256: of the tensors, whatever file held them.
    """

    tensors: dict[str, tuple[Tensor, Tensor]]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    source: str
    sha256: str


def load_weights(name: str, weights: str | None = None, *, progress: bool = False) -> Weights:
    """Return the weights of network `name`.

    Args:
        name: a network of the catalogue.
        weights: None for the network's own; "random:SEED"; a .pth or .safetensors file in
            torchvision's or Caffe's layout; "caffe:FILE" for a file with torchvision's names and
            Caffe's values (BGR, 0..255).
        progress: show a download on stderr.

    Raises:
        WeightsError: missing, damaged, of another network, with code in them, or not fetched.

    Source: random filters: U16 (He normal, zero bias).
    """
    entry = CATALOGUE[name]
    if weights is not None and weights.startswith("random:"):
        return random_weights(entry.layers, seed_of(weights))
    if weights is not None:
        path = Path(weights.removeprefix("caffe:"))
        caffe = weights.startswith("caffe:") or any(part in path.name for part in CAFFE_FILES)
        return _fitted(name, read_state(path), str(path), caffe=caffe)
    own = {"embedded": _embedded, "package": _stlpips, "download": _downloaded}
    return own[entry.origin](name, progress)


def seed_of(weights: str) -> int:
    """Return the seed of random:SEED.

    Raises:
        WeightsError: it is none.
    """
    text = weights.removeprefix("random:")
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise WeightsError(
            f"{weights!r}: the seed must be a whole number of up to 18 digits: random:0."
        )
    return int(text)


def random_weights(layers: tuple[Layer, ...], seed: int) -> Weights:
    """Return seeded He-normal filters with zero bias: the same on every device (U16)."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for c in architectures.convolutions(layers):
        shape = (c.outputs, c.inputs, c.kernel, c.kernel)
        scale = (2 / (c.inputs * c.kernel**2)) ** 0.5
        weight = torch.randn(shape, generator=generator) * scale
        tensors[c.key] = (weight, torch.zeros(c.outputs))
    return Weights(tensors, *IMAGENET, f"random:{seed}", tensors_hash(tensors))


def _embedded(name: str, progress: bool) -> Weights:
    path = assets.weights_path(name)
    if file_hash(path) != assets.weights_sha256(name):
        raise WeightsError(f"the embedded weights {path} are damaged: reinstall stylespace.")
    return _fitted(name, read_state(path), "embedded", caffe=True)


def _stlpips(name: str, progress: bool) -> Weights:
    """Read the AlexNet of the installed package stlpips-pytorch, without importing its code."""
    return _fitted(name, read_state(stlpips_file(name)), "stlpips-pytorch 0.0.2")


def stlpips_file(name: str) -> Path:
    """Return the file of stlpips-pytorch; `name` needs it.

    Raises:
        WeightsError: the package is not installed, or another version of it.
    """
    spec = importlib.util.find_spec("stlpips_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            f"{name} needs the package stlpips-pytorch: pip install 'stylespace[judge]'."
        )
    path = Path(next(iter(spec.submodule_search_locations))) / STLPIPS_FILE
    if not path.is_file() or file_hash(path) != STLPIPS_SHA256:
        raise WeightsError(
            f"{name}: the weights in stlpips-pytorch are missing or of another version: "
            "pip install stlpips-pytorch==0.0.2."
        )
    return path


def _downloaded(name: str, progress: bool) -> Weights:
    url = weights_url(name)
    return _fitted(name, read_state(downloaded_file(name, url, progress=progress)), url)


def downloaded_file(name: str, url: str, *, progress: bool) -> Path:
    """Return the file of a network's weights, fetched once; its name carries its hash.

    Raises:
        WeightsError: it cannot be fetched, or is damaged.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    promised = path.stem.rsplit("-", 1)[-1]
    if not path.is_file():
        _fetch(name, url, path, promised, progress=progress)
    if not file_hash(path).startswith(promised):
        raise WeightsError(f"{path}: damaged (its hash is not {promised}...): delete it and retry.")
    return path


def weights_url(name: str) -> str:
    """Return the address of torchvision's ImageNet weights; its file name carries their hash."""
    import torchvision  # imported here alone: seconds and 160 MiB that other weights do not need

    return torchvision.models.get_model_weights(name).IMAGENET1K_V1.url


def _fetch(name: str, url: str, path: Path, promised: str, *, progress: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=promised, progress=progress)
    except (OSError, RuntimeError, HTTPException) as error:
        cause = " ".join(str(getattr(error, "reason", error)).split())
        raise WeightsError(
            f"the weights of {name} could not be fetched from {url} ({cause}). Without a network: "
            f"--weights FILE with that file, or --network {DEFAULT}, which is embedded."
        ) from None


def _fitted(name: str, state: dict[str, Tensor], source: str, *, caffe: bool = False) -> Weights:
    """Pick the network's tensors out of a state dict and bring them to RGB order."""
    layers = CATALOGUE[name].layers
    keys, named_as_caffe = _layout(layers, state)
    if problem := _misfit(layers, state):
        fits = [known for known, entry in CATALOGUE.items() if not _misfit(entry.layers, state)]
        hint = f" It fits: {', '.join(fits)}." if fits else ""
        raise WeightsError(f"{source}: not weights of {name}: {problem}.{hint}")
    caffe = caffe or named_as_caffe
    tensors = {c.key: _tensors(c, state, keys[c.key]) for c in architectures.convolutions(layers)}
    for key, pair in tensors.items():
        if not all(torch.isfinite(tensor).all() for tensor in pair):
            raise WeightsError(f"{source}: {key!r} holds values that are not finite: get it again.")
    if caffe:
        first = next(architectures.convolutions(layers)).key
        weight, bias = tensors[first]
        tensors[first] = (weight.flip(1).contiguous(), bias)  # BGR -> RGB
    mean, std = CAFFE if caffe else HALF if name == "googlenet" else IMAGENET
    return Weights(tensors, mean, std, source, tensors_hash(tensors))


def _layout(layers: tuple[Layer, ...], state: Mapping[str, Tensor]) -> tuple[dict[str, str], bool]:
    """Return {convolution key: key in the file} and whether the names are Caffe's (conv1_1)."""
    keys = {c.key: c.key for c in architectures.convolutions(layers)}
    inside = {layer.name: list(architectures.convolutions((layer,))) for layer in layers}
    named = {found[0].key: name for name, found in inside.items() if len(found) == 1}
    for prefix in ("", "features.", "net."):
        renamed = {key: prefix + named.get(key, key) for key in keys}
        if all(f"{key}.weight" in state for key in renamed.values()):
            return renamed, any("conv1_1" in key for key in renamed.values())
    plain = {key: renumbered(key, state) for key in keys}
    return (plain, False) if all(f"{k}.weight" in state for k in plain.values()) else (keys, False)


def renumbered(key: str, state: Mapping[str, Tensor]) -> str:
    """Return the key of the same AlexNet filter in the layout of the strided or tolerant file."""
    strided = ("features.0", "features.3", "features.6", "features.8", "features.10")
    tolerant = ("net.slice1.0", "net.slice2.5", "net.slice3.9", "net.slice4.11", "net.slice5.13")
    twin = dict(zip(strided, tolerant, strict=True)) | dict(zip(tolerant, strided, strict=True))
    return key if f"{key}.weight" in state else twin.get(key, key)


def _misfit(layers: tuple[Layer, ...], state: Mapping[str, Tensor]) -> str:
    """Say what is wrong with a state dict for these layers, or nothing."""
    keys, _ = _layout(layers, state)
    for c in architectures.convolutions(layers):
        for key, expected in _shapes(c, keys[c.key]).items():
            if key not in state:
                return f"{key!r} is missing"
            if kind := unusual(state[key]):
                return f"{key!r} is {kind}, expected a dense tensor of real numbers"
            if tuple(state[key].shape) != expected:
                return f"{key!r} is {tuple(state[key].shape)}, expected {expected}"
    return ""


NORM = ("weight", "bias", "running_mean", "running_var")


def _shapes(c: Convolution, key: str) -> dict[str, tuple[int, ...]]:
    """Return {name: shape} of the tensors that a state dict holds for a convolution."""
    filters, each = (c.outputs, c.inputs, c.kernel, c.kernel), (c.outputs,)
    if not c.normalised:
        return {f"{key}.weight": filters, f"{key}.bias": each}
    return {f"{key}.conv.weight": filters, **{f"{key}.bn.{name}": each for name in NORM}}


def _tensors(c: Convolution, state: Mapping[str, Tensor], key: str) -> tuple[Tensor, Tensor]:
    """Return weight and bias in float32; a batch normalisation is folded into them."""
    if not c.normalised:
        return state[f"{key}.weight"].float(), state[f"{key}.bias"].float()
    norm = {name: state[f"{key}.bn.{name}"].double() for name in NORM}
    factor = norm["weight"] / (norm["running_var"] + 1e-3).sqrt()  # eps of torchvision's GoogLeNet
    weight = state[f"{key}.conv.weight"].double() * factor[:, None, None, None]
    bias = norm["bias"] - norm["running_mean"] * factor
    return weight.float(), bias.float()


def tensors_hash(tensors: Mapping[str, tuple[Tensor, Tensor]]) -> str:
    """Return the SHA-256 over names and float32 values, independent of the file format."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        for tensor in tensors[key]:
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
