"""Filters in the layout, and of the scale, that programs for Caffe's networks read."""

import torch
from torch import Tensor

from stylespace.networks.weights import Weights
from stylespace.studies.bench.scorer import LEVELS, MEANS


def caffe_state(weights: Weights) -> dict[str, Tensor]:
    """Return a VGG's filters for pictures as BGR, 0 to 256, less Caffe's means.

    Activations are those of `weights`, times the number of channels of their layer. neural-style
    divides Gram matrices by that number, and a mean over their entries by its square: so its style
    loss is a sum of squares of our Gram matrices, in which every layer counts. With activations
    of mean 1 the losses are so small that its optimiser, torch's L-BFGS, makes steps of no effect.

    Where activations see the border they differ a little: the mean colour, with which pictures are
    padded, is 1/256 darker.
    """
    state: dict[str, Tensor] = {}
    before = 1
    for key, (weight, bias) in weights.tensors.items():
        channels = len(bias)
        state |= {f"{key}.weight": weight * (channels / before), f"{key}.bias": bias * channels}
        before = channels
    first = state["features.0.weight"]
    mean, std = torch.tensor(weights.mean), torch.tensor(weights.std)
    shift = (torch.tensor(MEANS).flip(0) / LEVELS - mean) / std
    state["features.0.bias"] += first.sum((2, 3)) @ shift
    state["features.0.weight"] = (first / (LEVELS * std[:, None, None])).flip(1).contiguous()
    return state
