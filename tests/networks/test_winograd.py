"""Convolutions by fewer multiplications against plain ones."""

import pytest
import torch
import torch.nn.functional as F

from stylespace.networks import winograd
from stylespace.networks.architectures import Convolution, Layer, Pooling
from stylespace.networks.network import Network
from stylespace.networks.weights import random_weights

WIDE = (
    Layer("conv1_1", 64, (Convolution("a", 3, 64),)),
    Layer("conv2_1", 256, (Pooling(2, 2), Convolution("b", 64, 256))),
    Layer("conv2_2", 260, (Convolution("c", 256, 260),)),
)
NAMES = tuple(layer.name for layer in WIDE)


def drawn(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def wide(**options):
    return Network("wide", WIDE, random_weights(WIDE, 0), **options)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize(("height", "width"), [(5, 5), (13, 22), (8, 12), (41, 7)])
def test_value_and_gradient_are_those_of_a_plain_convolution(height, width, padding):
    x = drawn(2, 3, height, width).requires_grad_()
    filters, bias = drawn(5, 3, 3, 3, seed=1), drawn(5, seed=2)
    plain = F.conv2d(x, filters, bias, padding=padding)
    made = winograd.convolved(x, winograd.transformed(filters), bias, padding)
    torch.testing.assert_close(made, plain, rtol=1e-12, atol=1e-12)
    outer = drawn(*plain.shape, seed=3)
    gradients = [torch.autograd.grad(one, x, outer)[0] for one in (plain, made)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def test_float32_is_right_to_1e_5():
    x, filters = drawn(1, 256, 40, 24), drawn(128, 256, 3, 3, seed=1)
    single = filters.float()
    values, bias = winograd.transformed(single), torch.zeros(128)
    made = winograd.convolved(x.float(), values, bias, 1)
    plain = F.conv2d(x, filters, padding=1)
    assert float((made - plain).norm() / plain.norm()) < 1e-5


def test_pieces_of_rows_make_the_same(monkeypatch):
    x, filters = drawn(2, 4, 37, 21), drawn(6, 4, 3, 3, seed=1)
    whole = winograd.convolved(x, winograd.transformed(filters), torch.zeros(6).double(), 1)
    monkeypatch.setattr(winograd, "AT_ONCE", 1)
    rows = winograd.convolved(x, winograd.transformed(filters), torch.zeros(6).double(), 1)
    torch.testing.assert_close(rows, whole, rtol=1e-13, atol=1e-13)


def test_a_batch_gives_each_picture_its_own_bytes():
    x, filters = drawn(3, 64, 20, 24, dtype=torch.float32), drawn(80, 64, 3, 3, seed=1).float()
    values, bias = winograd.transformed(filters), torch.zeros(80)
    together = winograd.convolved(x, values, bias, 1)
    for k in range(3):
        assert torch.equal(together[k], winograd.convolved(x[k : k + 1], values, bias, 1)[0])


def test_filters_times_a_power_of_two_give_exactly_that():
    x, filters = drawn(1, 64, 20, 24).float(), drawn(80, 64, 3, 3, seed=1).float()
    bias = torch.zeros(80)
    once = winograd.convolved(x, winograd.transformed(filters), bias, 1)
    assert torch.equal(
        winograd.convolved(x, winograd.transformed(128 * filters), bias, 1), 128 * once
    )


@pytest.mark.parametrize("padding", ["zeros", "reflect", "circular"])
def test_a_network_gives_the_same_features_and_gradients(padding):
    image = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    plain, quick = (wide(minimal=minimal, padding=padding) for minimal in (False, True))
    found = []
    for network in (plain, quick):
        z = image.clone().requires_grad_()
        features = network(z, NAMES)
        (gradient,) = torch.autograd.grad(sum(f.square().sum() for f in features.values()), z)
        features = {name: values.detach() for name, values in features.items()}
        found.append((features, gradient))
    for name in NAMES:
        one, other = (features[name] for features, _ in found)
        assert float((one - other).norm() / one.norm()) < 1e-5
    assert float((found[1][1] - found[0][1]).norm() / found[0][1].norm()) < 1e-4
    assert set(quick.values) == {"c"}  # the others have too few channels


def test_what_is_kept_is_measured_plainly():
    quick = wide(minimal=True)
    assert quick.precision == "winograd" and quick.precise.precision == "float32"
    assert quick.precise.values is None
    assert quick.with_padding("reflect").precise.padding == "reflect"
    assert quick.in_tiles(32).precise.tile == 32
    image = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    precise, plain = quick.precise(image, NAMES), wide()(image, NAMES)
    assert all(torch.equal(precise[name], plain[name]) for name in NAMES)


@pytest.mark.parametrize(
    ("shape", "filters"),
    [
        ((1, 256, 16, 16), (256, 256, 3, 3)),
        ((1, 64, 32, 32), (256, 64, 3, 3)),
        ((1, 256, 32, 32), (64, 256, 3, 3)),
        ((1, 256, 32, 32), (256, 256, 1, 1)),
    ],
)
def test_small_and_narrow_layers_and_other_windows_are_convolved_plainly(shape, filters):
    assert not winograd.suits(torch.empty(shape), torch.empty(filters))
    assert winograd.suits(torch.empty(1, 256, 24, 24), torch.empty(256, 256, 3, 3))
