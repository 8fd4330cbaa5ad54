"""Modules to wrap: small ones with every trap, of one's own and of torchvision."""

import torch
import torch.nn.functional as F
from torch import nn

import stylespace as ss

LAYERS = ("first", "norm", "act", "down", "add", "last")
"""Of Tiny, shallow to deep; `first` and `norm`, `down` and `add` are written over in place."""


class Tiny(nn.Module):
    """3 -> 6 -> 8 -> 7 channels at strides 1, 2, 2, with all kinds of operations in place."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Conv2d(3, 6, 3, padding=1)
            self.norm = nn.BatchNorm2d(6)
            self.act = nn.ReLU(inplace=True)
            self.down = nn.Conv2d(6, 8, 3, stride=2, padding=1)
            self.last = nn.Conv2d(8, 7, 3)
            self.head = nn.Linear(7, 5)
            nn.init.normal_(self.norm.running_mean, std=0.3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        """(B, 3, H, W) -> (B, 5)."""
        x = self.dropout(self.act(self.norm(self.first(x))))
        y = self.down(x)
        y += F.avg_pool2d(x, 2).repeat(1, 2, 1, 1)[:, :8]
        F.relu_(y)  # its result is not read, its work is
        return self.head(self.last(y).mean((2, 3)))


def tiny_wrapped(*, seed=0, layers=("act", "last"), **options):
    """A network of Tiny, in float64 unless told otherwise."""
    return ss.wrap_network(Tiny(seed), layers, **{"precision": "float64", **options})


def hooked(module, image, names):
    """What submodules give for an image, copied when they give it: {name: (B, C, h, w)}."""
    caught = {}
    hooks = [
        module.get_submodule(name).register_forward_hook(
            lambda _, given, result, name=name: caught.__setitem__(name, result.clone())
        )
        for name in names
    ]
    with torch.no_grad():
        module(image)
    for hook in hooks:
        hook.remove()
    return caught
