"""What analyses of a study compute: closed forms."""

import numpy as np
import pytest
import torch

from stylespace.studies.findings import _spread, barrier, share_of_entropy


def test_a_barrier_is_what_stands_between():
    """Of two wells at -1 and 1, (x^2 - 1)^2 + 1: from 1 up to 2, over a mean of 1."""
    ends = (torch.full((1, 1), -1.0), torch.full((1, 1), 1.0))
    wells = barrier(lambda x: {"a": (x.square() - 1).square()[:, 0] + 1}, *ends)
    assert wells == pytest.approx(1)
    assert barrier(lambda x: {"a": x[:, 0] + 2, "b": 0 * x[:, 0]}, *ends) == 0
    assert barrier(lambda x: {"a": x.square()[:, 0] + 1}, *ends) == 0


def test_entropy_is_the_share_of_the_most_that_it_could_be():
    assert share_of_entropy(torch.ones(1, 4, 5, 6)) == pytest.approx(1)
    one = torch.zeros(1, 4, 5, 6)
    one[0, 1, 2, 3] = 7
    assert share_of_entropy(one) == 0
    one[0, 0, 0, 0] = 7
    assert share_of_entropy(one) == pytest.approx(np.log(2) / np.log(120))


def test_how_energy_is_spread_over_entries_and_directions():
    gram = torch.diag(torch.tensor([9.0, 3.0, 1.0, 1e-6], dtype=torch.float64))
    entries = torch.tensor([10.0] + [0.0] * 99, dtype=torch.float64)
    found = _spread(gram, entries)
    assert found["zero"] == pytest.approx(0.99)
    assert found["energy in 1 %"] == found["energy in 10 %"] == 1
    # Squared eigenvalues 81, 9, 1 of 91: the first has 89 %, the first two 98.9 %.
    assert (found["directions for 90 %"], found["directions for 99 %"]) == (2, 3)
