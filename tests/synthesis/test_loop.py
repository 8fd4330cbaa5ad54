"""The one loop: its trace against the public objective, its ways to end, its scales."""

import math
from dataclasses import replace

import pytest
import torch
from tiny import TINY, seeded_picture, tiny_network
from torch.utils._python_dispatch import TorchDispatchMode

from stylespace.errors import StylespaceError, UsageError
from stylespace.images import resize_to
from stylespace.losses.entries import entry_term
from stylespace.losses.objective import Objective, content_term, total_variation_term
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.networks.weights import random_weights
from stylespace.styles.gram import gram
from stylespace.synthesis.loop import READ_EVERY, Rules, Step, synthesize
from stylespace.synthesis.parameters import PARAMETERS, Free, parameters_for
from stylespace.synthesis.pyramid import Scale, coarse_to_fine

pytestmark = pytest.mark.usefixtures("one_thread")

HEIGHT, WIDTH = 5, 7
GOAL = 0.1 + 0.8 * seeded_picture(HEIGHT, WIDTH, count=3, seed=9)
START = 0.1 + 0.8 * seeded_picture(HEIGHT, WIDTH, count=3)
CURVATURE = 1 + 30 * seeded_picture(HEIGHT, WIDTH, seed=4)


def quadratic(image):
    """Two terms, one value a picture; curved differently at every pixel; zero at GOAL."""
    goal = GOAL[: len(image)].to(image)
    squares = CURVATURE.to(image) * (image - goal).square()
    upper = torch.arange(image.shape[2]) < 2
    return {
        "upper": squares[:, :, upper].flatten(1).sum(1),
        "lower": squares[:, :, ~upper].flatten(1).sum(1),
    }


def single(image):
    """The same as one problem: 0-d terms."""
    return {name: value.sum() for name, value in quadratic(image).items()}


def total(objective, image):
    return tuple(sum(objective(image).values()).reshape(-1).tolist())


def spoiled(objective, bad, value=math.nan):
    """`objective`, whose calls numbered in `bad` (from 1) answer with `value` times themselves."""
    calls = []

    def call(image):
        calls.append(image.detach().clone())
        factor = value if len(calls) in bad else 1.0
        return {name: factor * term for name, term in objective(image).items()}

    call.seen = calls
    return call


def interrupted(objective, at):
    """`objective`, interrupted in its call number `at`."""
    calls = []

    def call(image):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return objective(image)

    return call


# --- what comes out


@pytest.mark.parametrize("objective", [quadratic, single])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_losses_are_the_public_objective_on_the_picture(
    objective, optimizer, parameters, dtype
):
    start = START.to(dtype)
    result = synthesize(objective, start, optimizer=optimizer, steps=40, parameters=parameters)
    assert result.image.shape == start.shape and result.image.dtype == dtype
    assert not result.image.requires_grad
    assert result.losses == total(objective, result.image)
    assert len(result.losses) == (3 if objective is quadratic else 1)
    before = sum(total(objective, start)) / len(result.losses)
    assert result.loss == pytest.approx(sum(result.losses) / len(result.losses))
    assert result.loss < before / 2
    assert result.stopped == "steps" and len(result.steps) == 40
    for problem, loss in enumerate(result.losses):
        assert loss == min(step.losses[problem] for step in result.steps)
    for step in result.steps:
        assert set(step.terms) == {"upper", "lower"}
        assert sum(step.terms.values()) == pytest.approx(step.loss, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_goal_is_reached(optimizer):
    result = synthesize(quadratic, START, optimizer=optimizer, steps=300, learning_rate=0.01)
    torch.testing.assert_close(result.image, GOAL, rtol=0, atol=2e-3)


def test_the_trace_is_the_objective_at_every_point():
    spy = spoiled(quadratic, ())
    result = synthesize(spy, START, steps=25)
    assert len(spy.seen) == 25  # one evaluation a step, and none beside
    for number, (step, image) in enumerate(zip(result.steps, spy.seen, strict=True), start=1):
        assert (step.number, step.total, step.size) == (number, 25, (HEIGHT, WIDTH))
        assert step.losses == total(quadratic, image)
        moved = (image - spy.seen[max(0, number - 2)]).abs().max()
        assert step.moved == float(moved)
        best = [min(s.losses[k] for s in result.steps[:number]) for k in range(3)]
        assert step.best == pytest.approx(sum(best) / 3, rel=1e-12)
    seconds = [step.seconds for step in result.steps]
    assert seconds == sorted(seconds) and seconds[0] > 0


def test_the_best_is_kept_when_the_optimiser_leaves_it():
    result = synthesize(quadratic, GOAL + 0.001, optimizer="adam", steps=30, learning_rate=0.05)
    last = result.steps[-1]
    assert result.loss < last.loss and result.losses == total(quadratic, result.image)
    best = [min(range(30), key=lambda n, k=k: result.steps[n].losses[k]) for k in range(3)]
    assert max(best) < 29


def test_bounds_hold_at_every_evaluated_point():
    def outward(image):
        return {
            "x": ((image - 3) * torch.linspace(-1, 1, WIDTH).to(image)).square().flatten(1).sum(1)
        }

    for optimizer in ("lbfgs", "adam"):
        spy = spoiled(outward, ())
        result = synthesize(spy, START, optimizer=optimizer, steps=60, learning_rate=0.1)
        assert all(image.min() >= 0 and image.max() <= 1 for image in spy.seen)
        assert result.image.max() == 1
        free = synthesize(outward, START, optimizer=optimizer, steps=60, parameters="free")
        assert free.image.max() > 1


@pytest.mark.parametrize("parameters", ["pixels", "sigmoid", "fourier"])
def test_a_start_outside_the_box_is_brought_inside(parameters):
    result = synthesize(quadratic, 3 * START - 1, steps=1, parameters=parameters)
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert result.losses == total(quadratic, result.image)


@pytest.mark.parametrize("order", [(0, 1, 3, 2), (3, 0, 2, 1), (2, 3, 1, 0)])
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_any_memory_layout_of_the_start(order, parameters):
    back = [order.index(axis) for axis in range(4)]
    turned = START.permute(order).contiguous().permute(back)
    assert not turned.is_contiguous() and torch.equal(turned, START)
    results = [synthesize(quadratic, x, steps=12, parameters=parameters) for x in (START, turned)]
    assert torch.equal(results[0].image, results[1].image)
    assert torch.equal(turned, START)


@pytest.mark.parametrize("layout", ["permuted", "channels_last"])
def test_any_memory_layout_of_a_decoded_picture(layout):
    class Turned(Free):
        def decode(self, z):
            if layout == "channels_last":
                return z.contiguous(memory_format=torch.channels_last)
            return z.mT.contiguous().mT

    result = synthesize(quadratic, START, steps=12, parameters=Turned())
    plain = synthesize(quadratic, START, steps=12, parameters="free")
    torch.testing.assert_close(result.image, plain.image)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_a_picture_goes_the_same_way_alone_and_in_a_batch(optimizer, parameters):
    options = {"optimizer": optimizer, "parameters": parameters, "steps": 20}
    together = synthesize(quadratic, START, **options)
    alone = synthesize(quadratic, START[:1], **options)
    torch.testing.assert_close(alone.image, together.image[:1], rtol=1e-10, atol=1e-12)
    assert [s.losses[0] for s in alone.steps] == pytest.approx(
        [s.losses[0] for s in together.steps], rel=1e-9
    )


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_same_start_gives_the_same_bytes(optimizer, tiny32):
    def run():
        image = seeded_picture(16, 21, count=2, dtype=torch.float32)
        target = gram(tiny32(seeded_picture(19, 14, seed=3), ["conv2_1"])["conv2_1"])[0].detach()
        terms = gram_term("conv2_1", target) + entry_term("conv3_1", torch.tensor([[1, 2]]))
        return synthesize(Objective(tiny32, terms), image, optimizer=optimizer, steps=25)

    one, two = run(), run()
    assert one.image.numpy().tobytes() == two.image.numpy().tobytes()
    assert [s.losses for s in one.steps] == [s.losses for s in two.steps]
    assert one.losses[0] < one.steps[0].losses[0]


def test_gram_matrices_of_a_picture_are_reached():
    net = tiny_network()
    source = seeded_picture(16, 21, seed=3)
    with torch.no_grad():
        features = net(source, net.names)
    terms = Terms(tuple(gram_term(name, gram(f)[0]) for name, f in features.items()))
    result = synthesize(Objective(net, terms), seeded_picture(16, 21), steps=150)
    assert result.loss < 1e-4 * result.steps[0].loss
    assert result.losses == total(Objective(net, terms), result.image)
    content = Objective(net, Terms((content_term("conv1_1", features["conv1_1"]),)))
    assert synthesize(content, source, steps=3).losses == (0.0,)


# --- watchers


def test_a_watcher_sees_every_step_with_the_best_picture_so_far():
    seen = []
    result = synthesize(quadratic, START, steps=15, watch=lambda step: seen.append(step))
    assert [step.number for step in seen] == list(range(1, 16)) and result.stopped == "steps"
    assert all(isinstance(step, Step) and step.image is not None for step in seen)
    assert all(step.image is None for step in result.steps)
    for step in seen:  # looked at afterwards: a picture that was shown does not change any more
        losses = total(quadratic, step.image)
        assert sum(losses) / 3 == pytest.approx(step.best, rel=1e-12)


@pytest.mark.parametrize("answer", [True, 1, "stop"])
def test_a_true_answer_of_the_watcher_ends_the_run(answer):
    result = synthesize(quadratic, START, steps=50, watch=lambda step: step.number == 7 and answer)
    assert result.stopped == "watch" and len(result.steps) == 7
    assert result.losses == total(quadratic, result.image)


def test_an_error_of_the_watcher_is_not_hidden():
    def watch(step):
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        synthesize(quadratic, START, steps=5, watch=watch)


# --- ways to end


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_an_interrupt_returns_the_best_so_far(optimizer):
    result = synthesize(interrupted(quadratic, 8), START, optimizer=optimizer, steps=50)
    assert result.stopped == "interrupted" and len(result.steps) == 7
    assert result.losses == total(quadratic, result.image)
    assert result.loss < result.steps[0].loss


def test_an_interrupt_of_the_watcher_counts_as_well():
    def watch(step):
        if step.number == 3:
            raise KeyboardInterrupt

    result = synthesize(quadratic, START, steps=50, watch=watch)
    assert result.stopped == "interrupted" and len(result.steps) == 3


def test_an_interrupt_before_there_is_a_picture_goes_on():
    with pytest.raises(KeyboardInterrupt):
        synthesize(interrupted(quadratic, 1), START, steps=5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("objective", [quadratic, single])
def test_after_a_value_that_is_not_finite_the_run_goes_on_from_the_best(
    optimizer, objective, value
):
    spy = spoiled(objective, {6}, value)
    result = synthesize(spy, START, optimizer=optimizer, steps=60, learning_rate=0.02)
    assert result.stopped == "steps" and len(result.steps) == 60
    notes = {step.number: step.note for step in result.steps if step.note}
    assert list(notes) == [6] and result.notes == tuple(notes.values())
    assert "not finite" in notes[6] and "best picture" in notes[6] and "history" in notes[6]
    before = min(range(5), key=lambda n: result.steps[n].loss)
    if optimizer == "lbfgs":
        assert result.steps[6].losses == result.steps[before].losses
        assert torch.equal(spy.seen[6], spy.seen[before])
    assert result.steps[6].loss == pytest.approx(result.steps[5].best)
    assert result.loss < result.steps[before].loss / 2
    assert math.isfinite(result.steps[5].best)
    assert result.losses == total(objective, result.image)


def test_a_problem_that_fails_leaves_its_neighbours_alone():
    calls = []

    def objective(image):
        calls.append(1)
        terms = quadratic(image)
        factor = torch.ones(len(image), dtype=image.dtype)
        if len(calls) in (5, 9):
            factor[0] = math.nan
        return {name: factor * value for name, value in terms.items()}

    result = synthesize(objective, START, steps=40)
    plain = synthesize(quadratic, START, steps=40)
    torch.testing.assert_close(result.image[1:], plain.image[1:], rtol=1e-12, atol=1e-12)
    assert result.losses[0] < result.steps[3].losses[0] / 2


def test_a_gradient_that_is_not_finite_counts_as_a_failure():
    calls = []

    def objective(image):
        calls.append(1)
        bad = (image - image.detach()).abs().sqrt().sum() if len(calls) == 6 else 0.0
        return {"x": single(image)["upper"] + bad}

    result = synthesize(objective, START, steps=30)
    assert [step.number for step in result.steps if step.note] == [6]
    assert result.loss < result.steps[4].loss and torch.isfinite(result.image).all()


def test_values_that_stay_not_finite_end_the_run():
    spy = spoiled(quadratic, range(8, 1000))
    result = synthesize(spy, START, steps=100, rules=Rules(failures=4))
    assert result.stopped == "not finite" and len(result.steps) == 11
    assert len(result.notes) == 4 and result.losses == total(quadratic, result.image)
    patient = synthesize(spoiled(quadratic, range(8, 100, 2)), START, steps=60)
    assert patient.stopped == "steps"  # never five in a row


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_start_that_is_not_finite_is_an_error(value):
    with pytest.raises(StylespaceError, match="not finite at the start"):
        synthesize(spoiled(quadratic, {1}, value), START, steps=5)
    with pytest.raises(StylespaceError, match="not finite at the start"):
        synthesize(quadratic, START * value, steps=5, parameters="free")


def test_a_gradient_of_zero_ends_the_run():
    result = synthesize(quadratic, GOAL, steps=50)
    assert result.stopped == "zero gradient" and len(result.steps) == 1
    assert torch.equal(result.image, GOAL) and result.losses == (0, 0, 0)
    part = torch.cat((GOAL[:1], START[1:]))  # one problem is done, two are not
    mixed = synthesize(quadratic, part, steps=50)
    assert mixed.stopped == "steps" and torch.equal(mixed.image[:1], GOAL[:1])
    assert mixed.losses[0] == 0 and mixed.losses[1] < mixed.steps[0].losses[1] / 100


def test_the_tolerance_rule_ends_each_problem_for_itself():
    rules = Rules(tolerance=0.01, patience=6)
    options = {"optimizer": "adam", "learning_rate": 0.01, "steps": 400}
    start = torch.cat((GOAL[:1] + 0.01, START[1:]))  # the first is soon there
    result = synthesize(quadratic, start, rules=rules, **options)
    assert result.stopped == "tolerance" and result.ends == ("tolerance",) * 3
    assert 6 < len(result.steps) < 400
    ended = []
    for k in range(3):
        losses = [step.losses[k] for step in result.steps]
        bests = [min(losses[: n + 1]) for n in range(len(losses))]
        settled = [a - b < 0.01 * a for a, b in zip(bests, bests[6:], strict=False)]
        ended.append(settled.index(True) + 6)
        assert len({*losses[ended[k] + 1 :]}) <= 1  # its best picture, seen again
    assert max(ended) == len(result.steps) - 1 and min(ended) < max(ended)
    assert synthesize(quadratic, START, **options).stopped == "steps"


def test_a_problem_that_is_not_finite_ends_alone():
    """Its neighbours reach what they reach alone: a Rosenbrock valley beside it, to 0."""

    def rosenbrock(image):
        x, y = 4 * image[:, 0, 0, 0] - 2, 4 * image[:, 1, 0, 0] - 2
        return (1 - x).square() + 100 * (y - x.square()).square()

    def beside(image):
        bad = torch.where(image[:, 2, 0, 0] > 0.5, math.nan, 1.0)
        return {"x": bad * rosenbrock(image)}

    alone = torch.tensor([0.1, 0.8, 0.0]).double().reshape(1, 3, 1, 1)
    ill = torch.tensor([0.1, 0.8, 0.4]).double().reshape(1, 3, 1, 1)
    never = torch.tensor([0.1, 0.8, 0.9]).double().reshape(1, 3, 1, 1)
    calls = []

    def falls_ill(image):
        """The second picture is not finite from its second evaluation on."""
        calls.append(1)
        terms = beside(image)["x"]
        ill = torch.arange(len(image)) == 1
        return {"x": torch.where(ill & (len(calls) > 1), math.nan, terms)}

    result = synthesize(falls_ill, torch.cat((alone, ill, never)), steps=120)
    single = synthesize(beside, alone, steps=120)
    assert single.losses[0] < 1e-20
    assert torch.equal(result.image[:1], single.image) and result.losses[:1] == single.losses
    assert result.ends[1:] == ("not finite", "not finite") and result.ends[0] == single.ends[0]
    assert torch.equal(result.image[1:], torch.cat((ill, never)))
    assert [result.row(k).stopped for k in range(3)] == list(result.ends)


@pytest.mark.parametrize("value", [torch.zeros(()), [1.0], None])
def test_an_objective_that_returns_no_mapping_is_told_what_to_return(value):
    with pytest.raises(UsageError, match="mapping is needed: return {"):
        synthesize(lambda image: value, START, steps=2)


def test_steps_that_do_not_move_say_so():
    def downhill(image):
        return {"x": image.flatten(1).sum(1)}

    result = synthesize(downhill, torch.zeros(2, 3, 4, 6), steps=6)
    assert [step.moved for step in result.steps] == [0] * 6
    assert all(step.moved > 0 for step in synthesize(quadratic, START, steps=6).steps[1:])


class Synchronisations(TorchDispatchMode):
    """Counts the operations that make a GPU's host wait for a value."""

    count = 0
    WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "unique2")

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        name = function.overloadpacket.__name__
        self.count += name in self.WAITING or name.startswith("masked_select")
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("parameters", ["pixels", "fourier"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_no_step_waits_for_the_device(monkeypatch, optimizer, parameters):
    """As on a GPU, seen here by what is asked for: all is read at once, after some evaluations."""
    monkeypatch.setitem(READ_EVERY, "cpu", 10)
    network = tiny_network(dtype=torch.float32)
    layers = [layer.name for layer in TINY]
    features = network(seeded_picture(16, 21).float(), layers)
    terms = [gram_term(name, gram(features[name]), 1.0) for name in layers]
    terms += [content_term(layers[-1], features[layers[-1]], 1.0), total_variation_term(0.1)]
    objective, start = Objective(network, Terms(tuple(terms))), seeded_picture(16, 21, seed=3)
    options = {"optimizer": optimizer, "parameters": parameters, "steps": 30}
    with Synchronisations() as seen:
        result = synthesize(objective, start.float(), **options)
    counted = 30 if optimizer == "adam" else 0  # torch's counter of steps, which stays on the host
    assert seen.count <= counted + 3  # the beginning is looked at: is all of it finite?
    assert [step.number for step in result.steps] == list(range(1, 31))
    monkeypatch.setitem(READ_EVERY, "cpu", 1)
    plain = synthesize(objective, start.float(), **options)
    assert torch.equal(plain.image, result.image) and plain.losses == result.losses
    assert [step.losses for step in plain.steps] == [step.losses for step in result.steps]


# --- refusals


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "steps 0"),
        ({"steps": -3}, "steps -3"),
        ({"optimizer": "sgd"}, "unknown optimizer 'sgd'"),
        ({"parameters": "pixel"}, "unknown parametrisation 'pixel'. Did you mean 'pixels'"),
        ({"learning_rate": 0.0, "optimizer": "adam"}, "learning rate 0.0"),
    ],
)
def test_numbers_and_names_out_of_range(options, text):
    with pytest.raises(UsageError, match=text):
        synthesize(quadratic, START, **options)


# --- coarse to fine


SCALES = (Scale(4, 6, 5), Scale(7, 9, 4), Scale(11, 13, 8))


def flat(height, width):
    """An objective for any size: every pixel at 0.25 and 0.75, upper and lower half."""
    goal = torch.where(torch.arange(height) * 2 < height, 0.25, 0.75).double()[:, None]
    curvature = torch.linspace(1, 9, width).double()
    return lambda image: {"x": (curvature * (image - goal).square()).flatten(1).mean(1)}


def test_the_scales_are_climbed_with_steps_counted_over_all():
    seen, asked = [], []

    def objective_at(height, width):
        asked.append((len(seen), height, width))
        return flat(height, width)

    start = seeded_picture(8, 12, count=2)
    result = coarse_to_fine(objective_at, start, SCALES, watch=lambda step: seen.append(step))
    assert asked == [(0, 4, 6), (5, 7, 9), (9, 11, 13)]
    sizes = [(4, 6)] * 5 + [(7, 9)] * 4 + [(11, 13)] * 8
    for trace in (seen, result.steps):
        assert [(s.number, s.total) for s in trace] == [(k, 17) for k in range(1, 18)]
        assert [s.size for s in trace] == sizes
    assert [s.image.shape[2:] for s in seen] == [torch.Size(size) for size in sizes]
    seconds = [s.seconds for s in result.steps]
    assert seconds == sorted(seconds)
    assert result.image.shape == (2, 3, 11, 13) and result.stopped == "steps"
    assert result.losses == total(flat(11, 13), result.image)


def test_one_scale_is_synthesize():
    start = seeded_picture(11, 13)
    one = coarse_to_fine(flat, start, [replace(SCALES[-1], parameters="sigmoid")], optimizer="adam")
    two = synthesize(flat(11, 13), start, steps=8, optimizer="adam", parameters="sigmoid")
    assert torch.equal(one.image, two.image) and one.losses == two.losses


def test_each_scale_has_its_own_parameters_and_way_to_enlarge():
    start = seeded_picture(8, 10)
    scales = [Scale(8, 10, 3, "sigmoid"), Scale(11, 13, 2)]

    def darker(image, height, width):
        return resize_to(image, height, width) / 2

    first = synthesize(flat(8, 10), start, steps=3, parameters="sigmoid")
    second = synthesize(flat(11, 13), darker(first.image, 11, 13), steps=2)
    result = coarse_to_fine(flat, start, scales, enlarge=darker)
    assert torch.equal(result.image, second.image)
    assert [step.loss for step in result.steps] == [s.loss for s in first.steps + second.steps]


def test_each_scale_starts_from_the_picture_before():
    firsts = []

    def objective_at(height, width):
        spy = spoiled(flat(height, width), ())
        firsts.append(spy)
        return spy

    start = seeded_picture(8, 12)
    coarse_to_fine(objective_at, start, SCALES)
    torch.testing.assert_close(firsts[0].seen[0], resize_to(start, 4, 6))
    coarse = synthesize(flat(4, 6), resize_to(start, 4, 6), steps=5)
    torch.testing.assert_close(firsts[1].seen[0], resize_to(coarse.image, 7, 9))


@pytest.mark.parametrize("how", ["objective", "watch", "answer"])
def test_a_run_that_ends_at_a_coarse_scale_has_the_last_size(how):
    def objective_at(height, width):
        return interrupted(flat(height, width), 3 if how == "objective" and width == 9 else 0)

    def watch(step):
        if step.number == 7 and how == "watch":
            raise KeyboardInterrupt
        return step.number == 7 and how == "answer"

    result = coarse_to_fine(objective_at, seeded_picture(8, 12), SCALES, watch=watch)
    assert result.stopped == ("watch" if how == "answer" else "interrupted")
    assert len(result.steps) == 7 and result.steps[-1].size == (7, 9)
    assert result.image.shape == (1, 3, 11, 13)
    assert result.losses[0] == pytest.approx(min(s.loss for s in result.steps[5:]), rel=1e-12)


@pytest.mark.parametrize("where", ["first evaluation", "between"])
def test_an_interrupt_between_two_scales_keeps_the_coarser_picture(where):
    def objective_at(height, width):
        if where == "between" and width == 9:
            raise KeyboardInterrupt
        return interrupted(flat(height, width), 1 if width == 9 else 0)

    start = seeded_picture(8, 12)
    result = coarse_to_fine(objective_at, start, SCALES)
    coarse = synthesize(flat(4, 6), resize_to(start, 4, 6), steps=5)
    assert result.stopped == "interrupted" and len(result.steps) == 5
    torch.testing.assert_close(result.image, resize_to(coarse.image, 11, 13), rtol=0, atol=0.2)
    assert result.losses == coarse.losses


def test_an_interrupt_before_the_first_picture_of_all_goes_on():
    with pytest.raises(KeyboardInterrupt):
        coarse_to_fine(lambda h, w: interrupted(flat(h, w), 1), seeded_picture(8, 12), SCALES)


# --- on a CUDA device


@pytest.mark.cuda
@pytest.mark.parametrize("parameters", ["pixels", "fourier"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_cuda_does_not_wait_between_two_readings(optimizer, parameters):
    network = tiny_network(dtype=torch.float32, device=torch.device("cuda"))
    layers = [layer.name for layer in TINY]
    features = network(seeded_picture(16, 21).float(), layers)
    terms = [gram_term(name, gram(features[name]), 1.0) for name in layers]
    terms += [content_term(layers[-1], features[layers[-1]], 1.0), total_variation_term(0.1)]
    objective, start = Objective(network, Terms(tuple(terms))), seeded_picture(16, 21, seed=3)

    def strict(image):
        """From the second evaluation on nothing may wait; the tenth is read after the answer."""
        calls.append(1)
        torch.cuda.set_sync_debug_mode("error" if 1 < len(calls) < 10 else "default")
        return objective(image)

    calls = []
    try:
        synthesize(
            strict, start.float().cuda(), steps=10, optimizer=optimizer, parameters=parameters
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(calls) == 10


@pytest.mark.cuda
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_cuda_goes_the_same_way(optimizer, parameters):
    def run(device):
        net = Network("tiny", TINY, random_weights(TINY, 0), device=device, dtype=torch.float64)
        image = seeded_picture(16, 21, count=2).to(device)
        target = torch.eye(6, dtype=torch.float64, device=device)
        terms = gram_term("conv2_1", target) + entry_term("conv3_1", torch.tensor([[1, 2]]))
        objective = Objective(net, terms)
        result = synthesize(objective, image, optimizer=optimizer, parameters=parameters, steps=15)
        assert result.losses == pytest.approx(total(objective, result.image), rel=1e-12)
        return result

    here, there = run("cpu"), run("cuda")
    assert there.image.is_cuda and parameters_for(parameters, 16, 21)
    torch.testing.assert_close(there.image.cpu(), here.image, rtol=1e-6, atol=1e-6)


@pytest.mark.cuda
@pytest.mark.parametrize("kind", ["probe", "texture", "transfer"])
def test_cuda_makes_pictures(kind):
    from stylespace.commands.probe.probes import probe
    from stylespace.commands.texture.textures import texture
    from stylespace.commands.transfer.transfer import transfer

    shared = {"size": 96, "iterations": 40, "device": "cuda"}
    outcome = {
        "probe": lambda: probe(layer="conv2_1", entry="5,5", **shared),
        "texture": lambda: texture(sources="sample:gogh-auvers", **shared),
        "transfer": lambda: transfer(
            content="sample:coffee", styles="sample:hokusai-great-wave", **shared
        ),
    }[kind]()
    assert torch.isfinite(outcome.image).all() and max(outcome.image.shape[2:]) == 96
    steps = outcome.synthesis.steps
    assert outcome.synthesis.loss < steps[0].loss
