"""The benchmark runs; slow: its ratios stay inside their bounds."""

import pytest

from stylespace.networks.network import load_network
from stylespace.studies import bench


def test_interleaved_takes_turns_and_keeps_the_smallest():
    calls = []
    a, b = bench.interleaved(lambda: calls.append("a"), lambda: calls.append("b"), runs=3)
    assert calls == ["a", "b"] * 4
    assert 0 <= a < 1 and 0 <= b < 1


def test_floor_and_objective_run_on_a_small_picture():
    network = load_network(weights="random:0")
    bench.floor_call(network, 32)
    bench.objective_call(bench.objective(network, 32), 32)


@pytest.mark.slow
def test_an_objective_call_costs_little_more_than_the_bare_network():
    network = load_network()
    measured = bench.objective(network, 256)
    ours, floor = bench.interleaved(
        lambda: bench.objective_call(measured, 256), lambda: bench.floor_call(network, 256)
    )
    assert ours / floor <= 1.15


@pytest.mark.slow
def test_a_transfer_at_256_pixels_needs_at_most_600_mebibytes_above_torch():
    assert bench.transfer_peak(256) <= 600


@pytest.mark.slow
def test_a_distribution_step_costs_little_more_than_a_gram_step():
    assert float(bench.distribution_row(load_network())[3]) <= 1.3


@pytest.mark.slow
def test_entries_in_a_batch_are_not_slower_than_one_by_one():
    assert float(bench.batch_row(load_network())[3]) <= 1.05
