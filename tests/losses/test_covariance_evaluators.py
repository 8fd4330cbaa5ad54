"""The two evaluators: they agree, gradients are right, precision, costs, memory."""

import itertools
import weakref

import pytest
import torch
from features import drawn, pictures
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylespace.errors import StylespaceError, UsageError
from stylespace.losses.covariance import (
    CancellationError,
    covariance_costs,
    covariance_distance,
    covariance_memory,
    distances,
    explicit,
    pairs,
)
from stylespace.losses.covariance.explicit import explicit_square
from stylespace.losses.covariance.pairs import kernel_square

pytestmark = pytest.mark.usefixtures("one_thread")

FORMS = ("explicit", "kernel")


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that tiny pictures have several, the last ones shorter."""
    monkeypatch.setitem(explicit.ROWS, "cpu", 7)
    monkeypatch.setitem(explicit.ENTRIES, "cpu", 30)
    monkeypatch.setitem(pairs.SIDE, "cpu", 3)


def value_and_gradients(inputs, *settings, needed=(0, 1, 2, 3), **options):
    """Values (B,) and the gradients of those inputs that need one."""
    inputs = [one.clone().requires_grad_(i in needed) for i, one in enumerate(inputs)]
    value = covariance_distance(*inputs, *settings, **options)
    weights = torch.arange(1.0, 1 + len(value), dtype=value.dtype)
    gradients = torch.autograd.grad((weights * value).sum(), [inputs[i] for i in needed])
    return value.detach(), gradients


# --- agreement and gradients


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("half_width", "kernel"), [(0, "uniform"), (1, "uniform"), (2, "gaussian")]
)
def test_both_agree_in_value_and_gradient(half_width, kernel, centred):
    inputs = pictures(channels=5, responses=3, grid=(7, 5), other=(4, 9))
    options = {"kernel": kernel, "centred": centred}
    (one, first), (two, second) = (
        value_and_gradients(inputs, half_width, evaluator=name, **options) for name in FORMS
    )
    torch.testing.assert_close(one, two, rtol=1e-9, atol=0)
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12 * float(b.abs().max()))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("evaluator", FORMS)
@pytest.mark.parametrize("centred", [False, True])
def test_gradients_of_all_four(evaluator, centred):
    inputs = [one.requires_grad_() for one in pictures(grid=(3, 2), other=(2, 2))]
    options = {"kernel": "gaussian", "centred": centred, "evaluator": evaluator}
    assert torch.autograd.gradcheck(lambda *x: covariance_distance(*x, 1, **options), inputs)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("evaluator", FORMS)
def test_a_gradient_is_the_same_whichever_others_are_asked(evaluator):
    inputs = pictures(channels=4, grid=(6, 5))
    value, whole = value_and_gradients(inputs, 1, evaluator=evaluator)
    for count in (1, 2, 3):
        for needed in itertools.combinations(range(4), count):
            same, parts = value_and_gradients(inputs, 1, needed=needed, evaluator=evaluator)
            torch.testing.assert_close(same, value)
            for i, part in zip(needed, parts, strict=True):
                torch.testing.assert_close(part, whole[i])


@pytest.mark.parametrize("evaluator", FORMS)
def test_gradients_are_finite_where_there_is_nothing(evaluator):
    F, R, P, Q = pictures()
    value, gradients = value_and_gradients((0 * F, R, P, Q), 1, evaluator=evaluator)
    assert (value > 0).all() and not gradients[0].any()
    assert all(torch.isfinite(one).all() for one in gradients)


@pytest.mark.usefixtures("small_blocks")
def test_what_is_known_of_the_target_is_not_formed_again():
    x, a = drawn(2, 4, 11), drawn(2, 3, 11, seed=1) - 0.5
    whole = (torch.einsum("bkm,bim,bjm->bkij", a, x, x)).square().sum((1, 2, 3))
    rest = torch.einsum("bkm,bim,bjm->bkij", a[..., 6:], x[..., 6:], x[..., 6:])
    known = kernel_square(x, a, active=6, rest=rest.square().sum((1, 2, 3)))[0]
    stored = explicit_square(x[..., :6], a[..., :6], target=-rest)
    for found in (known, stored, kernel_square(x, a)[0], explicit_square(x, a, active=6)):
        torch.testing.assert_close(found, whole)


# --- precision


def near(eps, dtype, *, seed=3):
    """F = P + eps noise after a ReLU, R and Q the same; C = 32, K = 8."""
    P, R = drawn(1, 32, 16, 12), drawn(1, 8, 16, 12, seed=1)
    noise = torch.randn(P.shape, generator=torch.Generator().manual_seed(seed), dtype=P.dtype)
    return [one.to(dtype) for one in (P + eps * noise, R, P, R)]


def errors(eps):
    """Relative errors of value and gradient of each form in float32; the kernel's unguarded."""
    inputs = near(eps, torch.float32)
    exact, (slope,) = value_and_gradients([one.double() for one in inputs], needed=(0,))
    value, (gradient,) = value_and_gradients(inputs, needed=(0,), evaluator="explicit")
    F, R, P, Q = (one.flatten(2) for one in inputs)
    x, a = torch.cat([F, P], 2).requires_grad_(), torch.cat([R, -Q], 2) / F.shape[2]
    other = kernel_square(x, a, active=F.shape[2])[0]
    (turned,) = torch.autograd.grad(other.sum(), x)
    turned = turned[:, :, : F.shape[2]].view_as(slope)
    relative = [float(abs(found / exact - 1)) for found in (value, other.detach())]
    return relative + [float((g - slope).norm() / slope.norm()) for g in (gradient, turned)]


@pytest.mark.parametrize(
    ("eps", "good", "bad"), [(1e-1, 5e-6, 1e-5), (1e-2, 5e-5, 1e-3), (1e-3, 5e-4, 1e-1)]
)
def test_in_float32_the_explicit_form_keeps_digits_that_the_kernel_form_loses(eps, good, bad):
    value, other, gradient, other_gradient = errors(eps)
    assert value < good and gradient < good
    assert other > bad and other > 20 * value
    assert other_gradient > 3 * gradient


@pytest.mark.parametrize("eps", [1e-1, 1e-2, 1e-3])
def test_the_kernel_form_of_float32_features_runs_in_float64(eps):
    inputs = near(eps, torch.float32)
    exact, (slope,) = value_and_gradients(
        [one.double() for one in inputs], needed=(0,), evaluator="explicit"
    )
    value, (gradient,) = value_and_gradients(inputs, needed=(0,), evaluator="kernel")
    assert value.dtype == gradient.dtype == torch.float32
    torch.testing.assert_close(value.double(), exact, rtol=1e-6, atol=0)
    assert (gradient - slope).norm() < 1e-6 * slope.norm()


@pytest.mark.parametrize("eps", [0, 1e-9, 1e-7, 1e-5])
def test_a_value_without_digits_is_raised_never_clamped(eps):
    inputs = near(eps, torch.float64)
    with pytest.raises(CancellationError, match="take evaluator 'explicit'") as caught:
        covariance_distance(*inputs, evaluator="kernel")
    assert isinstance(caught.value, StylespaceError) and isinstance(caught.value, ArithmeticError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("eps", [5e-4, 1e-3, 1e-1])
def test_a_value_that_is_not_raised_has_six_digits(eps):
    inputs = near(eps, torch.float64)
    values = [covariance_distance(*inputs, evaluator=name) for name in FORMS]
    torch.testing.assert_close(*values, rtol=1e-6, atol=0)


def test_one_picture_without_digits_is_enough():
    far, close = near(1.0, torch.float64), near(0, torch.float64)
    both = [torch.cat([a, b]) for a, b in zip(far, close, strict=True)]
    with pytest.raises(CancellationError):
        covariance_distance(*both, evaluator="kernel")
    value = covariance_distance(*both)
    assert value[0] > 0 and value[1] == 0


# --- the choice


@pytest.fixture
def used(monkeypatch):
    """Names of the evaluators in the order in which they are called."""
    calls = []
    for name in FORMS:
        real = getattr(distances, f"by_{name}")
        monkeypatch.setattr(
            distances,
            f"by_{name}",
            lambda *inputs, name=name, real=real: calls.append(name) or real(*inputs),
        )
    return calls


def test_auto_takes_the_cheaper_one_and_the_explicit_one_near_the_optimum(used):
    few, many = pictures(channels=16, responses=8), pictures(channels=2, grid=(9, 11))
    covariance_distance(*few)
    assert used == ["kernel"]
    used.clear()
    covariance_distance(*many)
    assert used == ["explicit"]
    used.clear()
    F, R = few[:2]
    assert covariance_distance(F, R, F, R).tolist() == [0, 0]
    assert used == ["kernel", "explicit"]


@pytest.mark.parametrize(("channels", "responses"), [(64, 32), (512, 512), (256, 8)])
def test_the_costs_cross_where_they_are_said_to(channels, responses):
    crossing = responses * channels**2 / (2.7 * (channels + responses))
    for factor, cheaper in ((0.9, "kernel"), (1.1, "explicit")):
        sizes = channels, responses, factor * crossing, factor * crossing
        costs = covariance_costs(*sizes, gradient=False)
        assert list(costs) == list(FORMS) and min(costs, key=costs.get) == cheaper
    least = covariance_costs(8, 4, 100, 100, gradient=False, stored=True)
    for options in ({}, {"stored": True}):
        costs = covariance_costs(8, 4, 100, 100, **options)
        assert all(costs[name] > least[name] for name in FORMS)


def test_memory_refuses_unknown_evaluators():
    with pytest.raises(UsageError, match="Known: auto, explicit, kernel"):
        covariance_memory(8, 4, 100, 100, evaluator="fast")


# --- memory


class Tally(TorchDispatchMode):
    """Counts the bytes of the storages alive that were made inside, and the most at any time."""

    def __init__(self):
        super().__init__()
        self.sizes, self.most = {}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        known = {t.untyped_storage().data_ptr() for t in tree_leaves(args) if torch.is_tensor(t)}
        for tensor in tree_leaves(result):
            storage = tensor.untyped_storage() if torch.is_tensor(tensor) else None
            if storage is None or storage.data_ptr() in known or storage._cdata in self.sizes:
                continue
            self.sizes[storage._cdata] = storage.nbytes()
            weakref.finalize(storage, self.sizes.pop, storage._cdata, None)
            self.most = max(self.most, sum(self.sizes.values()))
        return result


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("evaluator", FORMS)
def test_memory_is_linear_in_positions_and_as_estimated(evaluator, gradient, monkeypatch):
    monkeypatch.setitem(explicit.ENTRIES, "cpu", 2**12)
    monkeypatch.setitem(explicit.ROWS, "cpu", 64)
    monkeypatch.setitem(pairs.SIDE, "cpu", 32)
    most = []
    for side in (24, 48):
        inputs = [
            one.float().contiguous(memory_format=torch.channels_last)
            for one in pictures(16, 8, (side, 20), (side, 10), batch=1)
        ]
        inputs[0].requires_grad_(gradient)
        with Tally() as tally:
            value = covariance_distance(*inputs, 1, evaluator=evaluator).sum()
            if gradient:
                value.backward()
        estimate = covariance_memory(
            16, 8, side * 20, side * 10, evaluator=evaluator, gradient=gradient
        )
        assert 0.7 * estimate < tally.most <= estimate, tally.most / estimate
        most.append(tally.most)
        pairs_alone = 4 * (side * 30) ** 2
        assert side == 24 or tally.most < pairs_alone / 4
    assert most[1] < 2 * most[0]
    both = covariance_memory(16, 8, 960, 480, gradient=gradient)
    assert both >= estimate
