"""The two optimisers against scipy, torch and hand-made values; problems of a batch are apart."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from stylespace.errors import UsageError
from stylespace.synthesis.optimizers import LBFGS, Adam, optimizer_for

pytestmark = pytest.mark.usefixtures("one_thread")


def seeded(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def quadratics(rows=3, n=8, condition=100.0):
    """Convex quadratics ½ (x - c)ᵀ A (x - c) with different A and c: A, c, and the function."""
    basis = torch.linalg.qr(seeded(rows, n, n))[0]
    scale = torch.logspace(0, np.log10(condition), n, dtype=torch.float64)
    matrix = basis @ (scale[:, None] * basis.mT)
    centre = seeded(rows, n, seed=1)

    def function(x):
        gradient = (matrix @ (x - centre)[..., None])[..., 0]
        return 0.5 * ((x - centre) * gradient).sum(1), gradient

    return matrix, centre, function


def rosenbrock(x):
    values = [(rosen(row), rosen_der(row)) for row in x.numpy()]
    losses, gradients = zip(*values, strict=True)
    return torch.tensor(losses, dtype=torch.float64), torch.from_numpy(np.stack(gradients))


def run(driver, function, steps):
    """Evaluate and tell; return every point and loss seen."""
    points, losses = [], []
    for _ in range(steps):
        loss, gradient = function(driver.point)
        points.append(driver.point.clone())
        losses.append(loss)
        driver.tell(loss, gradient)
    return torch.stack(points), torch.stack(losses)


def best(points, losses):
    rows = torch.arange(losses.shape[1])
    return points[losses.argmin(0), rows]


# --- L-BFGS


@pytest.mark.parametrize(("condition", "steps"), [(1.0, 30), (100.0, 90), (1e4, 400)])
def test_lbfgs_finds_the_minimum_of_quadratics(condition, steps):
    _, centre, function = quadratics(condition=condition)
    points, losses = run(LBFGS(seeded(3, 8, seed=2)), function, steps)
    torch.testing.assert_close(best(points, losses), centre, rtol=0, atol=1e-6)
    assert (losses.min(0).values < 1e-12).all()


def test_lbfgs_descends_the_rosenbrock_valley():
    start = torch.tensor([[-1.2, 1.0, -0.5, 0.8], [0.0, 0.0, 0.0, 0.0], [2.0, -1.0, 1.0, 0.5]])
    points, losses = run(LBFGS(start.double()), rosenbrock, 200)
    torch.testing.assert_close(
        best(points, losses), torch.ones(3, 4, dtype=torch.float64), rtol=0, atol=1e-5
    )


def test_a_history_in_half_precision_takes_half_the_memory_and_finds_the_minimum_too():
    _, centre, function = quadratics(condition=100.0)
    driver = LBFGS(seeded(3, 8, seed=2), half_history=True)
    points, losses = run(driver, function, 150)
    torch.testing.assert_close(best(points, losses), centre, rtol=0, atol=1e-5)
    kept = driver.state_dict()
    assert kept["s"].dtype == kept["y"].dtype == torch.bfloat16
    again = LBFGS(seeded(3, 8, seed=2), half_history=True)
    again.load_state_dict(kept)
    assert torch.equal(run(again, function, 5)[0], run(driver, function, 5)[0])


@pytest.mark.parametrize("problem", ["quadratic", "rosenbrock"])
def test_lbfgs_with_bounds_agrees_with_scipy(problem):
    if problem == "quadratic":
        function, bounds, start = quadratics()[2], (-0.5, 0.6), 0.1 * seeded(3, 8, seed=2)
    else:
        function, bounds, start = rosenbrock, (-1.5, 0.8), seeded(3, 3, seed=2).clamp(0, 0.8)
    points, losses = run(LBFGS(start, bounds=bounds), function, 400)
    assert points.min() >= bounds[0] and points.max() <= bounds[1]
    found, at_bounds = best(points, losses), 0
    for k, one in enumerate(start):

        def value(x, k=k):
            loss, gradient = function(torch.from_numpy(x)[None].expand(len(start), -1))
            return float(loss[k]), gradient[k].numpy()

        reference = minimize(
            value,
            one.numpy(),
            jac=True,
            method="L-BFGS-B",
            bounds=[bounds] * len(one),
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000},
        )
        np.testing.assert_allclose(found[k], reference.x, atol=1e-4)
        assert float(losses[:, k].min()) <= reference.fun + 1e-9 * max(1, abs(reference.fun))
        at_bounds += np.isin(reference.x, bounds).sum()
    assert at_bounds > 0


@pytest.mark.parametrize("bounds", [None, (-0.5, 0.6)])
@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_a_start_outside_the_bounds_is_brought_inside(kind, bounds):
    start = 3 * seeded(2, 6)
    driver = optimizer_for(kind, start, bounds=bounds, learning_rate=0.1)
    assert torch.equal(driver.point, start if bounds is None else start.clamp(*bounds))


@pytest.mark.parametrize("bounds", [None, (-0.5, 0.6)])
@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
@pytest.mark.parametrize("name", ["quadratic", "rosenbrock"])
def test_a_problem_goes_the_same_way_alone_and_in_a_batch(kind, name, bounds):
    start = (0.3 * seeded(4, 6, seed=2)).clamp(-0.5, 0.6)
    function = rosenbrock if name == "rosenbrock" else quadratics(4, 6)[2]

    def driver(x):
        return optimizer_for(kind, x, bounds=bounds, learning_rate=0.05)

    together, _ = run(driver(start), function, 60)
    for k in range(4):

        def alone(x, k=k):
            loss, gradient = function(x.expand(4, -1))
            return loss[k : k + 1], gradient[k : k + 1]

        apart, _ = run(driver(start[k : k + 1]), alone, 60)
        torch.testing.assert_close(apart[:, 0], together[:, k], rtol=1e-9, atol=1e-12)


def test_a_failed_neighbour_does_not_change_a_course():
    _, _, function = quadratics(2, 6)
    plain, _ = run(LBFGS(seeded(2, 6, seed=2)), function, 40)
    driver, points = LBFGS(seeded(2, 6, seed=2)), []
    for number in range(40):
        points.append(driver.point.clone())
        loss, gradient = function(driver.point)
        broken = torch.tensor([number in (0, 5, 6, 20), False])
        driver.tell(
            loss.masked_fill(broken, torch.nan), gradient.masked_fill(broken[:, None], torch.nan)
        )
        if broken.any():
            driver.restart(broken, seeded(2, 6, seed=2))
    points = torch.stack(points)
    assert torch.isfinite(points).all()
    torch.testing.assert_close(points[:, 1], plain[:, 1], rtol=1e-12, atol=1e-12)
    assert torch.equal(points[6, 0], seeded(2, 6, seed=2)[0])


def test_the_first_step_has_the_asked_size():
    start, gradient = seeded(2, 6), seeded(2, 6, seed=1) * torch.tensor([[1e-6], [1e6]])
    driver = LBFGS(start, first_step=0.25)
    driver.tell(torch.zeros(2, dtype=torch.float64), gradient)
    step = driver.point - start
    torch.testing.assert_close(step.square().mean(1).sqrt(), torch.full_like(step[:, 0], 0.25))
    torch.testing.assert_close(step, -0.25 * gradient / gradient.square().mean(1, True).sqrt())


def test_a_rejected_step_goes_back_by_quadratic_interpolation():
    start, gradient = seeded(3, 6), seeded(3, 6, seed=1)
    driver, zeros = LBFGS(start), torch.zeros(3, dtype=torch.float64)
    driver.tell(zeros, gradient)
    step = driver.point - start
    slope = (gradient * step).sum(1)
    # along the step, f(t) = slope t + a t² with its minimum at 0.3; a wall; a value of no use
    losses = torch.stack([slope[0] - slope[0] / 0.6, torch.tensor(1e12), torch.tensor(torch.nan)])
    driver.tell(losses, torch.full_like(gradient, torch.nan))
    shares = (driver.point - start) / step
    expected = torch.tensor([0.3, 0.1, 0.1], dtype=torch.float64)[:, None].expand(3, 6)
    torch.testing.assert_close(shares, expected)


def test_too_many_rejections_end_the_trust_in_the_history():
    _, _, function = quadratics(1, 6)
    driver = LBFGS(seeded(1, 6, seed=2), first_step=0.04)
    run(driver, function, 6)
    accepted, gradient = driver._x.clone(), driver._g.clone()
    wall = torch.full((1,), 1e12, dtype=torch.float64)
    for _ in range(driver.MOST_BACKTRACKS + 1):
        assert not torch.equal(driver.point, accepted)
        driver.tell(wall, torch.full_like(gradient, torch.nan))
    expected = accepted - 0.01 * gradient / gradient.square().mean().sqrt()
    torch.testing.assert_close(driver.point, expected)
    _, losses = run(driver, function, 60)
    assert losses.min() < 1e-8


@pytest.mark.parametrize("bounds", [None, (-0.5, 0.6)])
def test_accepted_values_never_rise(bounds):
    start = seeded(3, 10, seed=4).clamp(-0.5, 0.6)
    driver, values = LBFGS(start, bounds=bounds, first_step=0.5), []
    for _ in range(80):
        driver.tell(*rosenbrock(driver.point))
        values.append(driver._f.clone())
    falls = torch.stack(values).diff(dim=0)
    assert (falls <= 0).all() and (falls < 0).any(0).all()


def test_a_restart_goes_on_from_the_given_point_with_smaller_steps():
    _, _, function = quadratics(2, 6)
    driver = LBFGS(seeded(2, 6, seed=2), first_step=0.04)
    run(driver, function, 10)
    back, untouched = seeded(2, 6, seed=3), driver.point[1].clone()
    driver.restart(torch.tensor([True, False]), back)
    assert torch.equal(driver.point[0], back[0]) and torch.equal(driver.point[1], untouched)
    loss, gradient = function(driver.point)
    driver.tell(loss, gradient)
    expected = back[0] - 0.01 * gradient[0] / gradient[0].square().mean().sqrt()
    torch.testing.assert_close(driver.point[0], expected)
    points, losses = run(driver, function, 60)
    assert (losses.min(0).values < 1e-8).all()


def test_nothing_moves_without_a_gradient():
    start = seeded(2, 6)
    for driver in (LBFGS(start), Adam(start, learning_rate=0.1)):
        for _ in range(4):
            driver.tell(torch.ones(2, dtype=torch.float64), torch.zeros(2, 6, dtype=torch.float64))
            assert torch.equal(driver.point, start)


def test_a_corner_that_is_the_minimum_is_kept():
    start = torch.ones(2, 6, dtype=torch.float64)
    driver = LBFGS(start, bounds=(0.0, 1.0))
    for _ in range(4):
        driver.tell(-driver.point.sum(1), -torch.ones(2, 6, dtype=torch.float64))
        assert torch.equal(driver.point, start)


def test_the_start_is_not_changed():
    start = seeded(2, 6)
    for driver in (LBFGS(start), Adam(start, learning_rate=0.1)):
        run(driver, quadratics(2, 6)[2], 5)
        assert torch.equal(start, seeded(2, 6))


# --- Adam


def test_adam_is_torchs():
    _, _, function = quadratics(3, 6)
    start = seeded(3, 6, seed=2)
    points, _ = run(Adam(start, learning_rate=0.03), function, 50)
    for k in range(3):
        x = start[k].clone().requires_grad_()
        reference = torch.optim.Adam([x], lr=0.03, betas=(0.9, 0.99))
        for number in range(50):
            torch.testing.assert_close(points[number, k], x.detach(), rtol=1e-10, atol=1e-12)
            x.grad = function(x.detach().expand(3, -1))[1][k]
            reference.step()


def test_adam_holds_its_bounds():
    _, centre, function = quadratics(3, 6)
    points, _ = run(Adam(0.1 * seeded(3, 6), bounds=(-0.2, 0.3), learning_rate=0.05), function, 80)
    assert points.min() == -0.2 and points.max() == 0.3


def test_adam_restarts_one_problem_at_half_the_rate():
    _, _, function = quadratics(2, 6)
    plain, _ = run(Adam(seeded(2, 6, seed=2), learning_rate=0.1), function, 30)
    driver = Adam(seeded(2, 6, seed=2), learning_rate=0.1)
    first, _ = run(driver, function, 10)
    back = seeded(2, 6, seed=3)
    loss, gradient = function(driver.point)
    driver.tell(loss, gradient.masked_fill(torch.tensor([[True], [False]]), torch.nan))
    assert torch.isfinite(driver.point).all()
    driver.restart(torch.tensor([True, False]), back)
    assert torch.equal(driver.point[0], back[0])
    rest, _ = run(driver, function, 19)
    torch.testing.assert_close(rest[:, 1], plain[11:, 1], rtol=1e-12, atol=1e-12)
    assert 0 < float((rest[1, 0] - rest[0, 0]).abs().max()) < 0.1


# --- the choice


def test_optimizer_for_refuses_what_it_does_not_know():
    start = seeded(1, 2)
    with pytest.raises(UsageError, match="unknown optimizer 'bfgs'. Did you mean 'lbfgs'"):
        optimizer_for("bfgs", start, bounds=None, learning_rate=1.0)
    for rate in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="learning rate .* must be above 0"):
            optimizer_for("adam", start, bounds=None, learning_rate=rate)
