"""Movements against scipy, and an objective that sees them."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform
from tiny import seeded_picture

from stylespace.losses.entries import entry_term
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.robustness import FULL_JITTER_SIDE, Movement, Robust

pytestmark = pytest.mark.usefixtures("one_thread")

HEIGHT, WIDTH = 13, 22


def squares(image):
    """A value of each picture that a movement changes."""
    weights = torch.linspace(0, 1, image[0].numel(), dtype=image.dtype).view_as(image[0])
    return {"squares": (weights * image.square()).flatten(1).sum(1)}


def still(objective, seed=0):
    return Robust(objective, seed=seed, jitter=0, scales=(1, 1), degrees=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_movement_leaves_the_picture(dtype):
    image = seeded_picture(HEIGHT, WIDTH, count=2, dtype=dtype)
    moved = Movement()(image)
    assert moved.shape == image.shape and moved.dtype == dtype
    torch.testing.assert_close(moved, image, rtol=0, atol=2e-6 if dtype == torch.float32 else 1e-12)
    found = still(squares)(image)["squares"]
    torch.testing.assert_close(found, squares(image)["squares"], rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "movement",
    [
        Movement(right=2.3, down=-1.6),
        Movement(scale=0.8),
        Movement(degrees=25),
        Movement(right=1.5, down=0.5, scale=1.2, degrees=-40),
    ],
)
def test_a_movement_is_scipys(movement):
    image = seeded_picture(HEIGHT, WIDTH, count=2)
    turn = math.radians(movement.degrees)
    matrix = np.array(  # rows (down) first, as scipy counts
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]
    )
    matrix /= movement.scale
    centre = np.array([(HEIGHT - 1) / 2, (WIDTH - 1) / 2])
    offset = centre - matrix @ centre + [movement.down, movement.right]
    expected = [
        [affine_transform(plane, matrix, offset, order=1, mode="reflect") for plane in one]
        for one in image.numpy()
    ]
    np.testing.assert_allclose(movement(image), np.array(expected), atol=1e-10)


def test_a_rotation_does_not_shear():
    """A disc about the centre stays where it is, in a picture that is not square."""
    down = torch.arange(33.0)[:, None] - 16
    across = torch.arange(61.0) - 30
    square = (down.square() + across.square()).expand(1, 3, 33, 61)
    disc = (-square / 80).exp()
    inside = square < 15**2  # farther out, a turned picture shows its mirror images
    turned = Movement(degrees=37)(disc)
    torch.testing.assert_close(turned[inside], disc[inside], rtol=0, atol=0.02)
    line = ((down == 0) & (across >= 0) & (across < 15)).float().expand(1, 3, 33, 61)
    turned = Movement(degrees=90)(line)  # from right to down: what is shown comes from there
    torch.testing.assert_close(turned[0, 0, :17, 30].flip(0)[:15], torch.ones(15))
    assert float(turned[0, 0, 17:, 30].sum()) == pytest.approx(0, abs=1e-4)


def test_a_flat_picture_shows_no_border():
    image = torch.tensor([0.2, 0.9, 0.5])[None, :, None, None].expand(2, 3, 9, 16)
    movement = Movement(right=5, down=-7, scale=0.5, degrees=30)
    torch.testing.assert_close(movement(image), image)


def test_movements_are_those_of_the_seed_and_differ_from_call_to_call():
    image = seeded_picture(HEIGHT, WIDTH, count=2)

    def course(seed):
        robust = Robust(squares, seed=seed)
        return torch.stack([robust(image)["squares"] for _ in range(4)])

    state = torch.random.get_rng_state()
    assert torch.equal(course(1), course(1)) and not torch.equal(course(1), course(2))
    assert len(course(1)[:, 0].unique()) == 4
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(("height", "width", "largest"), [(32, 200, 2.0), (128, 96, 6.0)])
def test_movements_keep_their_bounds(height, width, largest):
    assert FULL_JITTER_SIDE == 128
    robust = Robust(squares, seed=0, jitter=8, scales=(0.7, 1.1), degrees=5)
    moves = [robust.movement(height, width) for _ in range(300)]
    for name in ("right", "down"):
        found = [getattr(move, name) for move in moves]
        assert -largest <= min(found) < -0.9 * largest and 0.9 * largest < max(found) <= largest
    scales, turns = [move.scale for move in moves], [move.degrees for move in moves]
    assert 0.7 <= min(scales) < 0.72 and 1.08 < max(scales) <= 1.1
    assert -5 <= min(turns) < -4.8 and 4.8 < max(turns) <= 5
    assert Robust(squares, seed=0).movement(900, 700).right <= 8


def test_the_pictures_of_a_batch_make_the_same_movement_and_do_not_mix():
    images = seeded_picture(HEIGHT, WIDTH, count=3)
    image = images.clone().requires_grad_()
    together = Robust(squares, seed=3)(image)["squares"]
    (gradient,) = torch.autograd.grad(together.sum(), image)
    for k in range(3):
        one = images[k : k + 1].clone().requires_grad_()
        alone = Robust(squares, seed=3)(one)["squares"]
        torch.testing.assert_close(alone[0], together[k])
        torch.testing.assert_close(torch.autograd.grad(alone.sum(), one)[0][0], gradient[k])


def test_the_gradient_goes_through_the_movement(tiny):
    image = seeded_picture(9, 12, count=2).requires_grad_()
    movement = Movement(right=0.7, down=0.4, scale=1.05, degrees=6)
    assert torch.autograd.gradcheck(movement, image)
    term = entry_term("conv2_1", torch.tensor([[0, 3]]))
    robust = Robust(Objective(tiny, Terms((term,))), seed=0)
    (gradient,) = torch.autograd.grad(robust(image)["entry.conv2_1"].sum(), image)
    assert torch.isfinite(gradient).all() and (gradient.flatten(1).norm(dim=1) > 0).all()


def test_a_robust_picture_holds_when_it_is_moved(tiny):
    """The ascent under movements ends higher under new movements than the plain one does."""
    objective = Objective(tiny, Terms((entry_term("conv2_1", torch.tensor([[0, 3]])),)))
    start = 0.3 + 0.4 * seeded_picture(24, 32)
    options = {"optimizer": "adam", "parameters": "sigmoid", "steps": 60}
    made = [synthesize(one, start, **options) for one in (Robust(objective, seed=0), objective)]
    judge = Robust(objective, seed=99)
    moves = [judge.movement(24, 32) for _ in range(20)]
    robust, plain = (
        sum(float(objective(move(result.image))["entry.conv2_1"]) for move in moves)
        for result in made
    )
    assert robust < plain
