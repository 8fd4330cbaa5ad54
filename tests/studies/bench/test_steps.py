"""Steps against the floor: rows from a random network; slow: ratios stay inside their bounds."""

import pytest
import torch
from tiny import TINY_LAYERS, tiny_network

from stylespace.networks.loading import load_network
from stylespace.settings import BenchSettings
from stylespace.studies.bench import commands, parts, rows, steps

RANDOM = {"weights": "random:0", "device": "cpu"}


def test_interleaved_takes_turns_and_keeps_the_smallest():
    calls = []
    a, b = rows.interleaved(lambda: calls.append("a"), lambda: calls.append("b"), runs=3)
    assert calls == ["a", "b"] * 4
    assert 0 <= a < 1 and 0 <= b < 1


def test_the_time_of_several_steps_is_told_for_one(monkeypatch):
    monkeypatch.setattr(rows, "interleaved", lambda a, b, runs: (6.0, 1.5))
    done = rows.compared(int, "floor", int, steps=3)
    assert (done.value, done.other, done.against) == (2.0, 1.5, "floor")


def test_the_floor_is_the_network_itself_to_the_deepest_style_layer():
    """The gradient of the sum of conv5_1, which a backward pass must reach, at one size."""
    network = load_network(weights="random:0")
    seen = []
    true = torch.autograd.grad

    def grad(outputs, inputs):
        seen.append(outputs.detach())
        return true(outputs, inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.autograd, "grad", grad)
        steps.floor_call(network, 32)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    whole = network(0.5 * std + mean.expand(1, 3, 32, 32), ["conv5_1"])["conv5_1"].sum()
    assert float(seen[0]) == pytest.approx(float(whole), rel=1e-4)


def test_there_is_a_row_of_each_kind_for_every_size_device_and_precision():
    settings = BenchSettings(sides=(64, 96), device="auto")
    names = [piece.name for piece in steps.step_pieces(settings)]
    assert len(names) == len(set(names)) == 2 * 2 * 2 * 2
    assert "step of the loop, 96 px, cuda, bfloat16" in names
    settings = BenchSettings(sides=(64,), device="cpu", precision="float64")
    assert [piece.name for piece in steps.step_pieces(settings)] == [
        "objective with gradient, 64 px, cpu, float64",
        "step of the loop, 64 px, cpu, float64",
    ]


@pytest.mark.usefixtures("one_thread")
def test_rows_of_a_small_picture_hold_seconds_and_their_ratio(monkeypatch):
    monkeypatch.setattr(steps, "LOOP", 2)
    true = rows.interleaved
    monkeypatch.setattr(rows, "interleaved", lambda a, b, runs: true(a, b, 1))
    for piece in steps.step_pieces(BenchSettings(sides=(32,), precision="float32", **RANDOM)):
        row = piece.row()
        assert "note" not in row
        assert row["against"] == "bare network" and row["unit"] == "s"
        assert row["ratio"] == pytest.approx(row["value"] / row["other"]) and row["ratio"] > 0.5


def test_the_floor_has_the_precision_that_is_measured(monkeypatch):
    settings = BenchSettings(precision="bfloat16", **RANDOM)
    assert steps.network_at(settings).dtype == torch.bfloat16
    monkeypatch.setattr(steps, "style_layers", lambda network: TINY_LAYERS)
    seen, true = [], torch.nn.functional.conv2d

    def conv2d(x, *arguments, **options):
        seen.append(x.dtype)
        return true(x, *arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "conv2d", conv2d)
    steps.floor_call(tiny_network(dtype=torch.bfloat16), 16)
    assert seen == [torch.bfloat16] * 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_told_and_costs_nothing():
    settings = BenchSettings(sides=(32,), weights="random:0", device="cuda")
    row = next(steps.step_pieces(settings)).row()
    assert row["note"] == "no cuda here" and "value" not in row


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_objective_and_floor_pool_alike(pooling):
    network = load_network(weights="random:0", pooling=pooling)
    steps.floor_call(network, 32)
    steps.objective_call(steps.objective(network, 32), 32)


@pytest.mark.slow
def test_an_objective_call_costs_little_more_than_the_bare_network():
    row = steps.objective_row(BenchSettings(device="cpu", precision="float32"), 256)
    assert row.value / row.other <= 1.15


@pytest.mark.slow
def test_a_transfer_at_256_pixels_needs_at_most_600_mebibytes_above_torch():
    assert commands.transfer_peak(256) <= 600


@pytest.mark.slow
def test_a_distribution_step_costs_little_more_than_a_gram_step():
    row = parts.distribution_row(load_network())
    assert row.value / row.other <= 1.3


@pytest.mark.slow
def test_entries_in_a_batch_are_not_slower_than_one_by_one():
    row = parts.batch_row(load_network())
    assert row.value / row.other <= 1.05
