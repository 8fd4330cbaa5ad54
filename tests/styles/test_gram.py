"""Gram matrices against numpy, identities and finite differences."""

import numpy as np
import pytest
import torch

from stylespace.styles.gram import chained_gram, covariance, gram, mean, shifted_gram

pytestmark = pytest.mark.usefixtures("one_thread")


def features(b=2, c=4, h=3, w=5, *, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(b, c, h, w, generator=generator, dtype=torch.float64).to(dtype)


def numpy_gram(x, y=None):
    y = x if y is None else y
    return np.einsum("bihw,bjhw->bij", x, y) / (x.shape[2] * x.shape[3])


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (1, 7, 1, 2), (3, 1, 6, 1), (2, 3, 1, 1)])
def test_gram_is_numpys(shape):
    x = features(*shape)
    np.testing.assert_allclose(gram(x), numpy_gram(x.numpy()), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(mean(x), x.numpy().mean((2, 3)), rtol=1e-12, atol=1e-14)


def test_gram_of_known_values():
    x = torch.tensor([[[[1.0, 2.0, 3.0]], [[0.0, -1.0, 1.0]]]])
    torch.testing.assert_close(gram(x), torch.tensor([[[14.0, 1.0], [1.0, 2.0]]]) / 3)


def test_gram_does_not_depend_on_the_size_of_the_picture():
    x = features()
    tiled = x.repeat(1, 1, 3, 2)
    torch.testing.assert_close(gram(tiled), gram(x))


def test_gram_is_symmetric_and_positive_semidefinite():
    g = gram(features(2, 9, 2, 3))
    torch.testing.assert_close(g, g.mT)
    assert torch.linalg.eigvalsh(g).min() > -1e-12
    assert (torch.linalg.matrix_rank(g) <= 6).all()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_memory_layout_does_not_matter(layout):
    x = features().contiguous(memory_format=layout).requires_grad_()
    weight = features(2, 4, 4, 1)[..., 0]
    (gradient,) = torch.autograd.grad((gram(x) * weight).sum(), x)
    flat = x.detach().flatten(2).numpy()
    both = (weight + weight.mT).numpy()
    np.testing.assert_allclose(gradient.flatten(2), both @ flat / flat.shape[2], rtol=1e-12)


@pytest.mark.parametrize("function", [gram, mean, covariance, shifted_gram])
def test_first_and_second_derivatives(function):
    x = features(2, 3, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(function, x)
    assert torch.autograd.gradgradcheck(function, x)


def test_derivatives_of_the_chain():
    pair = features(2, 3, 2, 3).requires_grad_(), features(2, 2, 4, 5, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(chained_gram, pair)


def test_shift_identity():
    x, s = features(), torch.tensor([0.5, -1.0, 2.0, 0.0], dtype=torch.float64)
    mu = mean(x)[:, :, None]
    expected = gram(x) + s[:, None] * mu.mT + mu * s + s[:, None] * s
    torch.testing.assert_close(gram(x + s[:, None, None]), expected)
    ones = torch.full((4,), -1.0, dtype=torch.float64)
    expected = gram(x) + ones[:, None] * mu.mT + mu * ones + 1
    torch.testing.assert_close(shifted_gram(x), expected)
    torch.testing.assert_close(shifted_gram(x, 0.0), gram(x))


def test_covariance_identity():
    x = features()
    mu = mean(x)[:, :, None]
    torch.testing.assert_close(covariance(x), gram(x) - mu * mu.mT)
    flat = x.numpy().reshape(2, 4, -1)
    for one, found in zip(flat, covariance(x), strict=True):
        np.testing.assert_allclose(found, np.cov(one, bias=True), rtol=1e-12)


def test_covariance_keeps_its_digits_at_large_means():
    x = features(2, 4, 9, 11) + 1e4
    exact, single = covariance(x), x.float()
    error = (covariance(single).double() - covariance(single.double())).norm() / exact.norm()
    mu = mean(single)[:, :, None]
    subtracted = ((gram(single) - mu * mu.mT).double() - exact).norm() / exact.norm()
    assert error < 1e-3 < 1 < subtracted


def test_chain_is_numpys():
    deep, shallow = features(2, 3, 2, 4), features(2, 5, 4, 8, seed=1)
    up = torch.nn.functional.interpolate(deep, (4, 8), mode="bilinear", align_corners=False)
    found = chained_gram(deep, shallow)
    assert found.shape == (2, 3, 5)
    np.testing.assert_allclose(found, numpy_gram(up.numpy(), shallow.numpy()), rtol=1e-12)
    flat = deep[..., :1, :1].expand(2, 3, 2, 4)  # a constant is resized to itself
    expected = flat[..., 0, 0, None] * mean(shallow)[:, None]
    torch.testing.assert_close(chained_gram(flat, shallow), expected)


def test_chain_of_one_grid_is_the_cross_gram_and_its_distance_is_never_negative():
    x, y, other = features(), features(seed=1), features(seed=2)
    np.testing.assert_allclose(chained_gram(x, y), numpy_gram(x.numpy(), y.numpy()), rtol=1e-12)
    torch.testing.assert_close(chained_gram(x, x), gram(x))
    distance = (chained_gram(x, y) - chained_gram(other, y)).square().sum()
    assert distance > 0
    assert (chained_gram(x, y) - chained_gram(x.clone(), y)).square().sum() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_the_sum(dtype):
    x = (features(2, 3, 40, 50, dtype=dtype).abs() + 30).requires_grad_()
    assert gram(x).dtype == mean(x).dtype == covariance(x).dtype == torch.float32
    wide = x.detach().double().numpy()
    np.testing.assert_allclose(gram(x).detach(), numpy_gram(wide), rtol=1e-5)
    (gradient,) = torch.autograd.grad(gram(x).sum(), x)
    assert gradient.dtype == dtype and torch.isfinite(gradient).all()
    assert gram(features()).dtype == torch.float64


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3), (1, 2, 3, 4, 5)])
def test_other_shapes_are_refused(shape):
    for function in (gram, mean, covariance, shifted_gram):
        with pytest.raises(ValueError, match=r"must be \(B, C, h, w\)"):
            function(torch.zeros(shape))
