"""The architectures with two channels everywhere: the same operations, in no time."""

import dataclasses

import torch

from stylespace.networks.architectures import (
    ALEXNET,
    ALEXNET_ST,
    GOOGLENET,
    VGG16,
    VGG19,
    Convolution,
    Inception,
    Layer,
)
from stylespace.networks.network import Network
from stylespace.networks.weights import Weights, random_weights

ALL = {
    "vgg16": VGG16,
    "vgg19": VGG19,
    "alexnet": ALEXNET,
    "alexnet-st": ALEXNET_ST,
    "googlenet": GOOGLENET,
}
WIDTH = 2


def slim(layers):
    """The same operations with two channels everywhere: the sizes do not depend on channels."""
    inputs, result = 3, []
    for layer in layers:
        operations, inputs = zip(*_slim_chain(layer.operations, inputs), strict=True)
        inputs = inputs[-1]
        result.append(Layer(layer.name, inputs, tuple(operations)))
    return tuple(result)


def _slim_chain(operations, inputs):
    for operation in operations:
        if isinstance(operation, Convolution):
            operation = dataclasses.replace(
                operation, inputs=inputs, outputs=WIDTH, normalised=False
            )
            inputs = WIDTH
        elif isinstance(operation, Inception):
            chains = [list(_slim_chain(chain, inputs)) for chain in operation.branches]
            operation = Inception(tuple(tuple(op for op, _ in chain) for chain in chains))
            inputs = WIDTH * len(chains)
        yield operation, inputs


def network(name, *, positive=False, **options):
    """A slim network; positive filters without bias pass every gradient through every ReLU."""
    layers = slim(ALL[name])
    weights = random_weights(layers, 0)
    if positive:
        tensors = {k: (w.abs(), b) for k, (w, b) in weights.tensors.items()}
        weights = Weights(tensors, (0.0,) * 3, (1.0,) * 3, "positive", "")
    return Network(name, layers, weights, dtype=torch.float64, **options)
