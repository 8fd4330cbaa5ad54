"""What a localised distance costs: choices, limits, and the memory that is really taken."""

import os
import subprocess
import sys
from pathlib import Path

import peaks
import pytest
import torch

from stylespace.losses.local import EVALUATORS, chosen_evaluator, local_memory
from stylespace.losses.local.costs import Case
from stylespace.losses.local.positions import LARGEST_SCRATCH, scratch_bytes
from stylespace.studies.plain import (
    benchmark_features,
    plain_value_and_gradient,
    value_and_gradient,
)

LAYERS = {
    "conv1_1": (1, 64, 512, 512),
    "conv2_1": (1, 128, 256, 256),
    "conv3_1": (1, 256, 128, 128),
    "conv4_1": (1, 512, 64, 64),
    "conv5_1": (1, 512, 32, 32),
}


def seconds(shape, half_width, stride=1):
    """By evaluator, as they are held against each other."""
    times = Case(shape, half_width, stride=stride).times()
    return {name: 1e-9 * time for name, time in times.items()}


def test_every_evaluator_has_a_cost_and_a_memory():
    case = Case(LAYERS["conv1_1"], 3)
    assert list(EVALUATORS) == list(case.times()) == list(case.memory())


@pytest.mark.parametrize(
    ("shape", "half_width", "stride", "expected"),
    [
        ((1, 64, 128, 128), 0, 1, "offsets"),
        ((1, 64, 128, 128), 3, 1, "blocks"),
        ((1, 64, 128, 128), 3, 7, "windows"),
        ((1, 64, 512, 512), 4, 1, "blocks"),
        ((1, 64, 512, 512), 16, 1, "explicit"),
        ((1, 512, 16, 16), 3, 1, "dense"),
        ((1, 512, 16, 16), 100, 1, "dense"),
        ((1, 64, 128, 128), 127, 128, "windows"),
    ],
)
def test_the_cheapest_evaluator_is_chosen(shape, half_width, stride, expected):
    assert chosen_evaluator(shape, half_width, stride=stride) == expected
    costs = seconds(shape, half_width, stride)
    assert min(costs, key=costs.get) == expected
    memory = local_memory(shape, half_width, stride=stride)
    assert memory == local_memory(shape, half_width, stride=stride, evaluator=expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("half_width", [0, 1, 2, 4, 8, 16, 64, 1000])
def test_at_512_pixels_everything_keeps_to_its_memory(layer, half_width):
    for stride in (1, half_width + 1, 2 * half_width + 1):
        case = Case(LAYERS[layer], half_width, stride=stride)
        taken = local_memory(LAYERS[layer], half_width, stride=stride)
        assert taken <= case.allowed
        assert taken >= 3 * 4 * case.numbers
    assert case.allowed <= 2 * 2**30


def test_memory_decides_where_the_cheapest_does_not_fit(monkeypatch):
    shape, real = (1, 64, 128, 128), Case.memory
    monkeypatch.setattr(Case, "memory", lambda case: {**real(case), "blocks": 1e12})
    costs = seconds(shape, 3)
    assert chosen_evaluator(shape, 3) == min({*EVALUATORS} - {"blocks"}, key=costs.get)
    monkeypatch.setattr(Case, "memory", lambda case: {x: 1e12 + len(x) for x in EVALUATORS})
    assert chosen_evaluator(shape, 3) == "dense"


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_cost_grows_with_everything(evaluator):
    base = seconds((1, 32, 64, 48), 3)[evaluator]
    assert 1e-4 < base < 10
    for shape, half_width in (
        ((2, 32, 64, 48), 3),
        ((1, 64, 64, 48), 3),
        ((1, 32, 96, 48), 3),
        ((1, 32, 64, 90), 3),
    ):
        assert seconds(shape, half_width)[evaluator] > base
    assert seconds((1, 32, 64, 48), 9)[evaluator] >= base
    wide = local_memory((1, 32, 64, 48), 3, evaluator=evaluator, itemsize=8)
    assert wide > local_memory((1, 32, 64, 48), 3, evaluator=evaluator)


def test_scratch_grows_with_the_threads_up_to_its_limit(monkeypatch):
    sizes = []
    for threads in (1, 2, 64):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        sizes.append(scratch_bytes(torch.device("cpu")))
    assert sizes == [4 * 2**20, 8 * 2**20, LARGEST_SCRATCH]
    assert scratch_bytes(torch.device("cuda")) == LARGEST_SCRATCH


PEAK = """
import sys, torch
from peaks import extra_bytes
from stylespace.studies.plain import benchmark_features, value_and_gradient
torch.set_num_threads(1)
channels, side, half_width, stride = map(int, sys.argv[1:5])
value_and_gradient(*benchmark_features(8, 16), half_width, stride=stride, evaluator=sys.argv[5])
f, p = benchmark_features(channels, side)
call = lambda: value_and_gradient(f, p, half_width, stride=stride, evaluator=sys.argv[5])
print(extra_bytes(call))
"""


def told(text, *arguments):
    """The number that a fresh process prints; it finds the helpers of these tests."""
    paths = os.pathsep.join([str(Path(peaks.__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", text, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


def peak(*arguments):
    """Bytes that value and gradient add to a fresh process."""
    return told(PEAK, *arguments)


def test_memory_stays_within_the_estimate():
    estimate = local_memory((1, 64, 128, 128), 3, evaluator="blocks")
    assert 0.3 * estimate <= peak(64, 128, 3, 1, "blocks") <= estimate


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        (64, 128, 1, 1, "offsets"),
        (256, 32, 3, 1, "dense"),
        (64, 128, 3, 7, "windows"),
        (16, 128, 8, 1, "explicit"),
        (512, 64, 2, 1, "blocks"),
        (64, 512, 4, 1, "auto"),
    ],
)
def test_memory_of_every_evaluator_stays_within_its_estimate(case):
    channels, side, half_width, stride, evaluator = case
    estimate = local_memory(
        (1, channels, side, side), half_width, stride=stride, evaluator=evaluator
    )
    assert peak(*case) <= estimate


@pytest.mark.slow
def test_it_is_twenty_times_faster_than_plain_maps():
    from stylespace.studies.bench.rows import interleaved

    f, p = benchmark_features()
    ours, plain = interleaved(
        lambda: value_and_gradient(f, p, 3), lambda: plain_value_and_gradient(f, p, 3), runs=2
    )
    assert plain / ours >= 20


def test_extra_bytes_sees_what_is_allocated():
    """In a process of its own: what an earlier test has freed would be used again."""
    text = (
        "import torch; from peaks import extra_bytes\n"
        "print(extra_bytes(lambda: [torch.ones(2**24) for _ in range(3)][:1]))"
    )
    assert told(text) >= 150e6
