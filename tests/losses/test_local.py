"""The localised distance: brute force, closed forms, invariants, float64 against float32."""

import itertools

import pytest
import torch
from torch.autograd import gradcheck

from stylespace.errors import UsageError
from stylespace.losses.local import EVALUATORS, KERNELS, centres, local_gram_distance
from stylespace.settings import transfer
from stylespace.studies.plain import plain_value_and_gradient, value_and_gradient
from stylespace.styles.gram import gram

pytestmark = pytest.mark.usefixtures("one_thread")
every_evaluator = pytest.mark.parametrize("evaluator", EVALUATORS)
SHAPE = (2, 3, 7, 10)


def features(shape=SHAPE, seed=0, dtype=torch.float64):
    """Two seeded tensors of non-negative features, a quarter of them zero."""
    generator = torch.Generator().manual_seed(seed)
    both = torch.randn(2, *shape, generator=generator, dtype=torch.float64) + 0.7
    return tuple(both.clamp(min=0).to(dtype))


def window(half_width, kernel):
    """The factor of w along one axis as the contract writes it."""
    d = torch.arange(-half_width, half_width + 1, dtype=torch.float64)
    sigma = half_width / 2 or 1
    w = torch.ones_like(d) if kernel == "uniform" else torch.exp(-(d**2) / (2 * sigma**2))
    return w / w.sum()


def brute(f, p, half_width, kernel="uniform", stride=1, mask=None):
    """Window by window, offset by offset: differentiable, and nothing is clever."""
    (height, width), w = f.shape[2:], window(half_width, kernel)
    mask = torch.ones(1, height, width) if mask is None else mask.reshape(-1, height, width)
    total = 0
    for y, x in itertools.product(centres(height, stride), centres(width, stride)):
        difference = torch.zeros(len(f), f.shape[1], f.shape[1], dtype=f.dtype)
        for i, j in itertools.product(range(2 * half_width + 1), repeat=2):
            row, column = y + i - half_width, x + j - half_width
            if 0 <= row < height and 0 <= column < width:
                a, b = f[:, :, row, column], p[:, :, row, column]
                outer = a[:, :, None] * a[:, None] - b[:, :, None] * b[:, None]
                difference = difference + w[i] * w[j] * outer
        total = total + mask[:, y, x] * difference.square().sum((1, 2))
    return total


def with_gradients(distance, f, p):
    """Value, gradient in F and gradient in P of a weighted sum over the batch."""
    f, p = f.clone().requires_grad_(), p.clone().requires_grad_()
    value = distance(f, p)
    factors = torch.arange(1.0, len(value) + 1, dtype=value.dtype)
    return value.detach(), *torch.autograd.grad(value @ factors, (f, p))


def assert_near(found, expected, bound):
    """Compare by the largest entry of what is expected."""
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        scale = other.abs().max().clamp(min=1e-30)
        assert float((one.double() - other).abs().max() / scale) <= bound


def masks(kind):
    """A mask of the shape's grid: none, one for all, one each, or with an area of zero."""
    values = torch.rand(2, 7, 10, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    half = values[0] * (torch.arange(10) > 4)
    return {"none": None, "one": values[0], "each": values, "half": half}[kind]


CASES = [
    (0, "uniform", 1, "each"),
    (1, "uniform", 1, "none"),
    (1, "gaussian", 2, "one"),
    (2, "gaussian", 1, "none"),
    (2, "uniform", 5, "each"),
    (2, "uniform", 1, "half"),
    (3, "gaussian", 3, "half"),
    (4, "uniform", 10, "none"),
    (9, "uniform", 1, "each"),
    (11, "gaussian", 4, "none"),
]


@pytest.mark.parametrize(("half_width", "kernel", "stride", "mask"), CASES)
def test_every_evaluator_gives_brute_forces_number_and_gradients(half_width, kernel, stride, mask):
    f, p = features()
    options = {"kernel": kernel, "stride": stride, "mask": masks(mask)}
    expected = with_gradients(lambda a, b: brute(a, b, half_width, **options), f, p)
    assert float(expected[0].min()) > 0
    for evaluator in ("auto", *EVALUATORS):
        found = with_gradients(
            lambda a, b, name=evaluator: local_gram_distance(
                a, b, half_width, **options, evaluator=name
            ),
            f,
            p,
        )
        assert_near(found, expected, 1e-10)


@every_evaluator
@pytest.mark.parametrize("numbers", [1, 1500])
def test_small_working_memory_changes_the_batches_and_not_the_number(
    monkeypatch, evaluator, numbers
):
    f, p = features((2, 3, 11, 18))
    mask = (torch.rand(11, 18) > 0.6).double()
    for half_width, weights in ((1, None), (3, None), (1, mask)):

        def distance(a, b, half_width=half_width, weights=weights, name=evaluator):
            return local_gram_distance(a, b, half_width, mask=weights, evaluator=name)

        whole = with_gradients(distance, f, p)
        with monkeypatch.context() as patch:
            for module in ("blocks", "dense", "maps", "sparse"):
                patch.setattr(
                    f"stylespace.losses.local.{module}.scratch_bytes", lambda device: 8 * numbers
                )
            assert_near(with_gradients(distance, f, p), whole, 1e-12)


@every_evaluator
@pytest.mark.parametrize(("half_width", "stride"), [(0, 1), (1, 1), (2, 3)])
def test_gradients_are_those_of_finite_differences(evaluator, half_width, stride):
    f, p = (x.requires_grad_() for x in features((2, 2, 3, 4)))
    mask = torch.rand(2, 3, 4, dtype=torch.float64)
    assert gradcheck(
        lambda a, b: local_gram_distance(
            a, b, half_width, "gaussian", stride=stride, mask=mask, evaluator=evaluator
        ),
        (f, p),
    )


@every_evaluator
@pytest.mark.parametrize("half_width", [0, 2, 3])
def test_float32_keeps_its_digits_where_features_nearly_agree(evaluator, half_width):
    p = features((1, 32, 20, 24), dtype=torch.float32)[1]
    f = p + 1e-4 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    found = value_and_gradient(f, p, half_width, evaluator=evaluator)
    exact = value_and_gradient(f.double(), p.double(), half_width, evaluator="offsets")
    assert found[0].dtype == torch.float32
    assert_near(found, exact, 2e-6)


def test_the_plain_maps_lose_the_digits_that_the_evaluators_keep():
    """The bound above can fail: squares of differences of products do."""
    p = features((1, 32, 20, 24), dtype=torch.float32)[1]
    f = p + 1e-4 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    plain = plain_value_and_gradient(f, p, 0)
    exact = plain_value_and_gradient(f.double(), p.double(), 0)
    with pytest.raises(AssertionError):
        assert_near(plain, exact, 2e-6)


@pytest.mark.parametrize("half_width", [0, 2])
def test_the_plain_computation_of_the_benchmark_is_the_same_number(half_width):
    f, p = features((1, 11, 9, 12))
    found = value_and_gradient(f, p, half_width)
    assert_near(plain_value_and_gradient(f, p, half_width, channels=4), found, 1e-10)


@every_evaluator
def test_single_positions_have_a_closed_form(evaluator):
    f, p = features()
    ff, pp, fp = (f * f).sum(1), (p * p).sum(1), (f * p).sum(1)
    expected = ((ff - pp) ** 2 + 2 * (ff * pp - fp**2)).sum((1, 2))
    for kernel in KERNELS:
        found = local_gram_distance(f, p, 0, kernel, evaluator=evaluator)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


@every_evaluator
def test_single_positions_are_equal_up_to_their_sign_only(evaluator):
    f, _ = features()
    signs = torch.randint(2, (2, 1, 7, 10), generator=torch.Generator().manual_seed(2)) * 2 - 1
    assert local_gram_distance(f, signs * f, 0, evaluator=evaluator).abs().max() < 1e-12
    assert (local_gram_distance(f, 1.01 * f, 0, evaluator=evaluator) > 0).all()


@every_evaluator
@pytest.mark.parametrize("half_width", [9, 13])
def test_one_window_over_everything_is_the_global_distance(evaluator, half_width):
    f, p = features()
    found = local_gram_distance(f, p, half_width, stride=10, evaluator=evaluator)
    factor = (7 * 10 / (2 * half_width + 1) ** 2) ** 2
    expected = factor * (gram(f) - gram(p)).square().sum((1, 2))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


@every_evaluator
def test_the_mean_over_even_tiles_is_at_least_the_global_distance(evaluator):
    """Jensen; equal where all tiles hold the same features."""
    f, p = features((2, 3, 9, 15))
    whole = (gram(f) - gram(p)).square().sum((1, 2))
    found = local_gram_distance(f, p, 1, stride=3, evaluator=evaluator) / 15
    assert (found > whole).all()
    f, p = (x[:, :, :3, :3].repeat(1, 1, 3, 5) for x in (f, p))
    whole = (gram(f) - gram(p)).square().sum((1, 2))
    found = local_gram_distance(f, p, 1, stride=3, evaluator=evaluator) / 15
    torch.testing.assert_close(found, whole, rtol=1e-10, atol=0)


@every_evaluator
def test_it_is_of_degree_four(evaluator):
    f, p = features()
    one, other = (
        with_gradients(lambda a, b: local_gram_distance(a, b, 2, evaluator=evaluator), x * f, x * p)
        for x in (1.0, 3.0)
    )
    expected = [factor * x for factor, x in zip((81, 27, 27), one, strict=True)]
    assert_near(other, expected, 1e-12)


@every_evaluator
@pytest.mark.parametrize("kernel", KERNELS)
def test_what_lies_far_from_the_border_may_move(evaluator, kernel):
    inner = features((2, 3, 4, 5))
    values, gradients = [], []
    for top, left in ((4, 4), (6, 9)):
        padded = [torch.zeros(2, 3, 15, 19, dtype=torch.float64) for _ in inner]
        for x, part in zip(padded, inner, strict=True):
            x[:, :, top : top + 4, left : left + 5] = part
        value, gradient, _ = with_gradients(
            lambda a, b: local_gram_distance(a, b, 2, kernel, evaluator=evaluator), *padded
        )
        values.append(value)
        gradients.append(gradient[:, :, top : top + 4, left : left + 5])
    torch.testing.assert_close(*values, rtol=1e-12, atol=0)
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)


@every_evaluator
def test_it_is_symmetric_and_exactly_zero_between_equals(evaluator):
    f, p = features(dtype=torch.float32)
    one, other = (local_gram_distance(*pair, 2, evaluator=evaluator) for pair in ((f, p), (p, f)))
    torch.testing.assert_close(one, other, rtol=1e-5, atol=0)
    value, in_f, in_p = with_gradients(
        lambda a, b: local_gram_distance(a, b, 2, evaluator=evaluator), f, f
    )
    assert not value.any() and not in_f.any() and not in_p.any()


@every_evaluator
def test_a_constant_layer_has_a_closed_form(evaluator):
    """||a a^T - b b^T||^2, times the squared share of each window that lies inside."""
    a, b = features((1, 3, 1, 1))
    f, p = (x.expand(1, 3, 6, 8) for x in (a, b))
    inside = [torch.tensor([min(k, 1) + min(n - 1 - k, 1) + 1 for k in range(n)]) for n in (6, 8)]
    share = (inside[0][:, None] * inside[1]).double() / 9
    norm = (a[0, :, 0] * a[0, :, 0].T - b[0, :, 0] * b[0, :, 0].T).square().sum()
    found = local_gram_distance(f, p, 1, evaluator=evaluator)
    torch.testing.assert_close(found[0], norm * share.square().sum(), rtol=1e-10, atol=0)


@every_evaluator
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 1, 6), (1, 4, 9, 1), (3, 2, 2, 2)])
def test_the_smallest_layers_work(evaluator, shape):
    f, p = features(shape)
    for half_width, stride in ((0, 1), (2, 1), (1, 2)):
        expected = with_gradients(lambda a, b: brute(a, b, half_width, stride=stride), f, p)  # noqa: B023
        found = with_gradients(
            lambda a, b: local_gram_distance(a, b, half_width, stride=stride, evaluator=evaluator),  # noqa: B023
            f,
            p,
        )
        assert_near(found, expected, 1e-10)


@every_evaluator
def test_black_layers_are_zero_with_a_zero_gradient(evaluator):
    black = torch.zeros(1, 3, 5, 6)
    value, gradient = value_and_gradient(black, black, 2, evaluator=evaluator)
    assert value.tolist() == [0] and not gradient.any()


@every_evaluator
def test_an_empty_mask_weighs_nothing(evaluator):
    f, p = features()
    mask = torch.zeros(7, 10)
    value, gradient = value_and_gradient(f, p, 2, mask=mask, evaluator=evaluator)
    assert value.tolist() == [0, 0] and not gradient.any()


@every_evaluator
def test_masks_add_up(evaluator):
    f, p = features()
    mask = masks("one")
    parts = sum(
        local_gram_distance(f, p, 2, mask=part, evaluator=evaluator) for part in (mask, 1 - mask)
    )
    torch.testing.assert_close(parts, local_gram_distance(f, p, 2), rtol=1e-10, atol=0)


@every_evaluator
def test_memory_layout_does_not_matter(evaluator):
    f, p = features()
    last = [x.contiguous(memory_format=torch.channels_last) for x in (f, p)]
    one, other = (
        with_gradients(lambda a, b: local_gram_distance(a, b, 2, evaluator=evaluator), *pair)
        for pair in ((f, p), last)
    )
    assert_near(other, one, 1e-12)


def test_one_target_serves_a_batch():
    f, p = features()
    found = with_gradients(lambda a, b: local_gram_distance(a, b, 2), f, p[:1])
    whole = with_gradients(lambda a, b: local_gram_distance(a, b, 2), f, p[:1].repeat(2, 1, 1, 1))
    expected = (*whole[:2], whole[2].sum(0, keepdim=True))
    assert_near(found, expected, 1e-12)


def test_half_precision_is_widened_and_its_gradient_comes_back():
    f, p = (x.to(torch.bfloat16) for x in features())
    value, gradient = value_and_gradient(f, p, 2)
    exact = value_and_gradient(f.double(), p.double(), 2)
    assert value.dtype == torch.float32 and gradient.dtype == torch.bfloat16
    assert_near((value,), exact[:1], 1e-5)
    assert_near((gradient,), exact[1:], 1e-2)


def test_nothing_is_differentiated_that_nobody_asked_for():
    f, p = features()
    assert not local_gram_distance(f, p, 2).requires_grad
    leaf = f.clone().requires_grad_()
    with torch.no_grad():
        assert not local_gram_distance(leaf, p, 2).requires_grad
    only = p.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(local_gram_distance(f, only, 2)[0], only)
    both = with_gradients(lambda a, b: local_gram_distance(a, b, 2)[:1], f, p)
    assert_near((gradient,), both[2:], 1e-12)


def test_there_is_no_second_derivative():
    f, p = features()
    leaf = f.clone().requires_grad_()
    value = local_gram_distance(leaf, p, 1).sum()
    (gradient,) = torch.autograd.grad(value, leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="does not require grad"):
        gradient.sum().backward()


def test_settings_know_the_kernels_without_torch():
    assert tuple(KERNELS) == transfer.KERNELS


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("half_width", [0, 1, 5])
def test_windows_add_up_to_one(kernel, half_width):
    offsets = torch.arange(-half_width, half_width + 1, dtype=torch.float64)
    weights = KERNELS[kernel](offsets, half_width)
    torch.testing.assert_close(weights, window(half_width, kernel), rtol=1e-12, atol=0)
    assert abs(float(weights.sum()) - 1) < 1e-12


def test_a_huge_window_costs_no_more_than_the_layer():
    f, p = features()
    found = local_gram_distance(f, p, 10**9, stride=10)
    expected = (70 / (2 * 10**9 + 1) ** 2) ** 2 * (gram(f) - gram(p)).square().sum((1, 2))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 7, 40])
def test_windows_stand_evenly_and_leave_no_position_out(stride):
    for length in range(1, 24):
        places = list(centres(length, stride))
        assert places[0] >= 0 and places[-1] < length
        assert abs(places[0] - (length - 1 - places[-1])) <= 1
        reached = {x + d for x in places for d in range(-(stride // 2), stride // 2 + 1)}
        assert set(range(length)) <= reached
    assert list(centres(12, 1)) == list(range(12))
    assert list(centres(15, 5)) == [2, 7, 12]


BAD = [
    ({"half_width": -1}, "half width of a window is -1: give a whole number, 0 or more"),
    ({"half_width": 1.5}, "half_width=1.5: a whole number is needed"),
    ({"half_width": True}, "half_width=True: a whole number is needed"),
    ({"stride": 0}, "stride of a window is 0: give a whole number, 1 or more"),
    ({"kernel": "gausian"}, "unknown window kernel 'gausian'. Did you mean 'gaussian'?"),
    ({"evaluator": "offset"}, "unknown evaluator 'offset'. Did you mean 'offsets'?"),
    ({"mask": torch.ones(10, 7)}, r"a mask of shape \(10, 7\) does not fit a layer of 7x10"),
    ({"mask": torch.ones(3, 7, 10)}, "does not fit"),
    ({"mask": torch.ones(1, 1, 7, 10)}, "does not fit"),
    ({"mask": torch.full((7, 10), -1.0)}, "negative or non-finite"),
    ({"mask": torch.full((7, 10), torch.nan)}, "negative or non-finite"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_settings_are_refused_in_one_line(options, message):
    f, p = features()
    with pytest.raises(UsageError, match=message.replace("?", r"\?")) as caught:
        local_gram_distance(f, p, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "shapes",
    [
        (SHAPE, (2, 3, 7, 11)),
        (SHAPE, (2, 4, 7, 10)),
        (SHAPE, (3, 3, 7, 10)),
        (SHAPE, SHAPE[1:]),
        (SHAPE[1:], SHAPE[1:]),
        ((2, 3, 0, 10), (2, 3, 0, 10)),
    ],
)
def test_features_that_cannot_be_compared_are_refused(shapes):
    with pytest.raises(UsageError, match="features of shape"):
        local_gram_distance(*(torch.ones(shape) for shape in shapes))
