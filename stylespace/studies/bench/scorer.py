"""The objective of neural-style 0.5.7 on a written picture; reads files, imports nothing of ours.

Its content loss is the mean squared difference of activations, its style loss the mean squared
difference of Gram matrices F F^T / (C h w), over pictures as BGR from 0 to 256 less Caffe's means.

Source: neural_style/neural_style.py of that version: preprocess, ContentLoss, GramMatrix,
StyleLoss. Departs: average pooling, and no total variation.
"""

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

MEANS = (103.939, 116.779, 123.68)
"""Of blue, green and red, in Caffe's range."""
LEVELS = 256
"""What the peer multiplies values in [0, 1] by."""
CONTENT = "relu4_2"
STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


def main() -> None:
    """Print the loss of a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("weights", "content", "style", "picture"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--content-weight", type=float, default=5.0)
    parser.add_argument("--style-weight", type=float, default=100.0)
    given = vars(parser.parse_args())
    state = torch.load(given.pop("weights"), weights_only=True)
    print(written_loss(state, **given))


def written_loss(
    state: Mapping[str, Tensor],
    content: Path,
    style: Path,
    picture: Path,
    *,
    content_weight: float,
    style_weight: float,
) -> float:
    """Return the loss of a picture's file; content and picture have one size.

    state: filters as `features.N.weight` and `features.N.bias`, of a VGG.
    """
    with torch.no_grad():
        kept = activations(state, pixels(content), {CONTENT})[CONTENT]
        goal = activations(state, pixels(style), STYLE)
        seen = activations(state, pixels(picture), {CONTENT, *STYLE})
        loss = content_weight * F.mse_loss(seen[CONTENT], kept)
        for name in STYLE:
            loss += style_weight * F.mse_loss(gram(seen[name]), gram(goal[name]))
    return float(loss)


def pixels(path: Path) -> Tensor:
    """Return a picture as the network is given it, (1, 3, H, W)."""
    with Image.open(path) as picture:
        values = np.asarray(picture.convert("RGB"), dtype=np.float32)
    bgr = torch.from_numpy(values[..., ::-1].copy()).permute(2, 0, 1)[None]
    return bgr / 255 * LEVELS - torch.tensor(MEANS)[:, None, None]


def activations(
    state: Mapping[str, Tensor], x: Tensor, wanted: Collection[str]
) -> dict[str, Tensor]:
    """Return {name as relu1_1: (1, C, h, w)}; where a number is left out of the keys, it pools."""
    found: dict[str, Tensor] = {}
    block, place, before = 1, 0, -2
    for number in sorted({int(key.split(".")[1]) for key in state}):
        block, place = (block + 1, 1) if number - before > 2 else (block, place + 1)
        x = F.avg_pool2d(x, 2) if place == 1 and block > 1 else x
        weight, bias = (state[f"features.{number}.{kind}"] for kind in ("weight", "bias"))
        x, before = F.relu(F.conv2d(x, weight, bias, padding=1)), number
        if f"relu{block}_{place}" in wanted:
            found[f"relu{block}_{place}"] = x
        if len(found) == len(wanted):
            break
    return found


def gram(x: Tensor) -> Tensor:
    """Return F F^T / (C h w) of activations (1, C, h, w): (C, C)."""
    flat = x[0].flatten(1)
    return flat @ flat.T / x.numel()


if __name__ == "__main__":
    main()
