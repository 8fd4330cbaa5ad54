"""What several test modules share: a network small enough for gradcheck, a picture, a skip."""

import pytest
import torch
from command_line import call, cheap  # noqa: F401  (fixtures)

from stylespace.architectures import Convolution, Layer, Pooling
from stylespace.networks import Network
from stylespace.weights import random_weights

TINY = (
    Layer("conv1_1", 4, (Convolution("first", 3, 4),)),
    Layer("conv2_1", 6, (Pooling(2, 2), Convolution("second", 4, 6))),
    Layer("conv3_1", 5, (Pooling(2, 2), Convolution("third", 6, 5))),
)
TINY_LAYERS = tuple(layer.name for layer in TINY)


def tiny_network(*, dtype=torch.float64, seed=0, **options):
    """A network of three layers, 3 -> 4 -> 6 -> 5 channels, with seeded filters."""
    return Network("tiny", TINY, random_weights(TINY, seed), dtype=dtype, **options)


def seeded_picture(height, width, *, count=1, seed=0, dtype=torch.float64):
    """(count, 3, height, width) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, height, width, generator=generator, dtype=torch.float64).to(dtype)


def pytest_collection_modifyitems(items):
    """Skip what needs CUDA where there is none."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def one_thread():
    """One thread for tensors so small that sharing them out takes longer than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny():
    """The small network in float64."""
    return tiny_network()


@pytest.fixture
def tiny32():
    """The small network in float32."""
    return tiny_network(dtype=torch.float32)


@pytest.fixture
def picture():
    """(1, 3, 13, 22) in float64: sides that differ and that poolings do not divide."""
    return seeded_picture(13, 22)
