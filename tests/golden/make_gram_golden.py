"""Write gram.json: numbers of Gram matrices by numpy alone, in float64, nothing of stylespace.

    python tests/golden/make_gram_golden.py

Picture: RGB in [0, 1], 72 rows by 104 columns; channel c, row y, column x is
    0.5 + 0.25 sin(0.31 (c + 1) x + 0.17 y) + 0.2 cos(0.23 (c + 1) y - 0.11 x).
Networks: vgg19-norm and vgg16-hed of data/weights on BGR 0..255 minus the mean, zero padding, ReLU,
plain 2x2 average pooling (an odd last row is dropped). Gram: F F^T / N over the N positions.
Per layer: N, mean of channels 0..7, G at the 8 channels of the greatest mean, ||G||_F and trace.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[1] / "data/weights"
HEIGHT, WIDTH = 72, 104
CONVOLUTIONS = {
    "vgg19-norm": ((0, 2), (5, 7), (10, 12, 14, 16), (19, 21, 23, 25), (28, 30, 32, 34)),
    "vgg16-hed": ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)),
}


def picture():
    """(3, H, W) of the formula above."""
    c, y, x = np.meshgrid(np.arange(3), np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
    sine, cosine = np.sin(0.31 * (c + 1) * x + 0.17 * y), np.cos(0.23 * (c + 1) * y - 0.11 * x)
    return 0.5 + 0.25 * sine + 0.2 * cosine


def convolved(x, weight, bias):
    """3x3 correlation with zero padding: a sum over the nine shifts, (C, H, W) to (K, H, W)."""
    _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    shifts = [(i, j) for i in range(3) for j in range(3)]
    parts = [
        np.tensordot(weight[:, :, i, j], padded[:, i : i + height, j : j + width], 1)
        for i, j in shifts
    ]
    return sum(parts) + bias[:, None, None]


def pooled(x):
    """Mean of each 2x2 square, (C, H, W) to (C, H // 2, W // 2)."""
    channels, height, width = x.shape[0], x.shape[1] // 2, x.shape[2] // 2
    squares = x[:, : 2 * height, : 2 * width].reshape(channels, height, 2, width, 2)
    return squares.mean(axis=(2, 4))


def first_features(weights, convolutions):
    """{layer name: (C, h, w) after the ReLU} of the first convolution of each block."""
    mean = np.array([103.939, 116.779, 123.68])[:, None, None]
    x, features = 255 * picture()[::-1] - mean, {}
    for block, indices in enumerate(convolutions, start=1):
        x = pooled(x) if block > 1 else x
        for place, index in enumerate(indices, start=1):
            kernel, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
            x = np.maximum(convolved(x, kernel, bias), 0)
            features[f"conv{block}_{place}"] = x
    return {name: feature for name, feature in features.items() if name.endswith("_1")}


def numbers(feature):
    """Plain numbers of one layer."""
    flat = feature.reshape(len(feature), -1)
    gram = flat @ flat.T / flat.shape[1]
    channels = np.sort(np.argsort(flat.mean(axis=1))[-8:])
    return {
        "positions": flat.shape[1],
        "mean": flat.mean(axis=1)[:8].tolist(),
        "channels": channels.tolist(),
        "block": gram[np.ix_(channels, channels)].tolist(),
        "norm": float(np.linalg.norm(gram)),
        "trace": float(np.trace(gram)),
    }


def golden():
    """Everything that gram.json holds."""
    networks = {}
    for network, convolutions in CONVOLUTIONS.items():
        arrays = load_file(WEIGHTS / f"{network}.safetensors")
        weights = {name: array.astype(np.float64) for name, array in arrays.items()}
        features = first_features(weights, convolutions)
        networks[network] = {name: numbers(feature) for name, feature in features.items()}
    return {"height": HEIGHT, "width": WIDTH, "networks": networks}


if __name__ == "__main__":
    (HERE / "gram.json").write_text(json.dumps(golden(), indent=1) + "\n")
