"""The arithmetic of layers against real tensors and against torchvision's own tables."""

import pytest
import torch
import torch.nn.functional as F
from slim import ALL, network

from stylespace.networks import architectures
from stylespace.networks.architectures import (
    ALEXNET,
    ALEXNET_ST,
    VGG16,
    VGG19,
    Blur,
    Convolution,
    Inception,
    Pooling,
    Reach,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("padding", ["zeros", "replicate", "reflect", "circular"])
@pytest.mark.parametrize("name", ALL)
def test_grid_is_the_shape_that_comes_out(name, padding):
    net = network(name, padding=padding)
    largest = net.minimum_side(net.names[-1])
    for height, width in [(largest, largest + 1), (largest + 6, largest + 17), (97, 131)]:
        if min(height, width) < largest:
            continue
        features = net(torch.rand(2, 3, height, width, dtype=torch.float64), net.names)
        for layer, found in features.items():
            assert found.shape == (2, net.channels(layer), *net.grid(layer, height, width))


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_a_circular_network_follows_a_rolled_picture(name, pooling):
    net = network(name, positive=True, padding="circular", pooling=pooling)
    for layer in net.names:
        stride = net.reach(layer).stride
        smallest = -(-net.minimum_side(layer) // stride)
        height, width = stride * (smallest + 1), stride * (smallest + 4)
        image = torch.rand(2, 3, height, width, dtype=torch.float64)
        found = net(image, [layer])[layer]
        assert found.shape[2:] == (height // stride, width // stride)
        rolled = net(image.roll((2 * stride, -stride), (2, 3)), [layer])[layer]
        torch.testing.assert_close(rolled, found.roll((2, -1), (2, 3)))
        assert found.flatten(2).std(2).min() > 0


@pytest.mark.parametrize("name", ALL)
@torch.no_grad()
def test_a_circular_network_sees_one_tile_of_a_tiled_plane(name):
    """Positions in the middle of 5 x 5 copies, far from any border, whatever pads that."""
    net = network(name, positive=True, padding="circular")
    layer = net.names[-1]
    reach = net.reach(layer)
    height, width = 4 * reach.stride, 5 * reach.stride
    while min(height, width) < net.minimum_side(layer) or 2 * height < reach.field:
        height, width = height + reach.stride, width + reach.stride
    image = torch.rand(1, 3, height, width, dtype=torch.float64)
    plane = net.with_padding("zeros")(image.tile(1, 1, 5, 5), [layer])[layer]
    rows, columns = height // reach.stride, width // reach.stride
    middle = plane[:, :, 2 * rows : 3 * rows, 2 * columns : 3 * columns]
    torch.testing.assert_close(net(image, [layer])[layer], middle)


@pytest.mark.parametrize("operation", ["pool2", "pool3", "pool31", "stride4"])
@pytest.mark.parametrize("ceil", [False, True])
def test_output_length_of_every_small_length(operation, ceil):
    kernel, stride, padding = {
        "pool2": (2, 2, 0),
        "pool3": (3, 2, 0),
        "pool31": (3, 2, 1),
        "stride4": (3, 4, 1),
    }[operation]
    for length in range(max(1, kernel - 2 * padding), 40):
        expected = F.max_pool1d(
            torch.zeros(1, 1, length), kernel, stride, padding, ceil_mode=ceil
        ).shape[-1]
        table = Pooling(kernel, stride, padding, ceil)
        assert architectures.output_length(table, length) == expected, length


def test_a_length_that_does_not_fit_is_zero():
    assert architectures.output_length(Pooling(3, 2), 2) == 0
    assert architectures.output_length(Convolution("k", 3, 3, 3, 1, 1), 1) == 1
    assert architectures.output_length(Convolution("k", 3, 3, 3, 1, 1), 1, padding="reflect") == 0
    assert architectures.output_length(Blur(), 2) == 0
    assert architectures.output_length(Blur(), 3) == 3  # 3 + 4 - 3 = 4 steps of 2
    assert architectures.output_length(Convolution("k", 3, 3, 11, 4, 2), 4, padding="circular") == 0
    chained = architectures.lengths(VGG16, 15)
    assert (chained["conv4_1"], chained["conv5_1"], chained["conv5_3"]) == (1, 0, 0)


@pytest.mark.parametrize("name", ALL)
def test_reach_is_the_support_of_the_gradient(name):
    net = network(name, positive=True)
    side = 300 if name == "googlenet" else 260
    for layer in net.names:
        reach = net.reach(layer)
        image = torch.rand(1, 3, net.minimum_side(layer), side, dtype=torch.float64)
        _assert_support(net, layer, reach, image.requires_grad_())
        _assert_support(net, layer, reach, image.detach().mT.contiguous().requires_grad_())


def _assert_support(net, layer, reach, image):
    features = net(image, [layer])[layer]
    axis = 3 if image.shape[3] > image.shape[2] else 2
    along = features.sum((0, 1, 5 - axis))
    place = len(along) // 2
    gradient = torch.autograd.grad(along[place], image)[0].abs().sum((0, 1, 5 - axis))
    seen = gradient.nonzero().flatten()
    first, last = place * reach.stride - reach.before, place * reach.stride + reach.after
    assert (int(seen[0]), int(seen[-1])) == (max(0, first), min(len(gradient) - 1, last)), layer


def test_reach_of_known_layers():
    found = architectures.reaches(VGG16)
    assert found["conv1_1"] == Reach(1, 1, 1)
    assert found["conv5_1"].stride == 16 and found["conv5_1"].field == 132
    assert architectures.reaches(ALEXNET)["conv1"] == Reach(4, 2, 8)


def test_names_are_those_of_the_papers():
    names = [layer.name for layer in VGG16]
    assert names[:3] == ["conv1_1", "conv1_2", "conv2_1"] and names[-1] == "conv5_3"
    assert len(VGG16) == 13 and len(VGG19) == 16
    assert [layer.name for layer in ALEXNET] == [f"conv{k}" for k in range(1, 6)]
    assert [layer.name for layer in ALEXNET_ST] == [layer.name for layer in ALEXNET]


@pytest.mark.parametrize("name", ALL)
def test_channels_follow_from_one_operation_to_the_next(name):
    channels = 3
    for layer in ALL[name]:
        for operation in layer.operations:
            if isinstance(operation, Convolution):
                assert operation.inputs == channels
                channels = operation.outputs
            elif isinstance(operation, Inception):
                ends = []
                for chain in operation.branches:
                    inside = channels
                    for one in chain:
                        if isinstance(one, Convolution):
                            assert one.inputs == inside
                            inside = one.outputs
                    ends.append(inside)
                channels = sum(ends)
        assert layer.channels == channels, layer.name
