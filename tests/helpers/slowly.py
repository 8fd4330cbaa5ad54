"""Parameters of which the first few run by default, and the others as slow tests."""

import pytest


def first_of(values, count=1):
    """The values as parameters, those after the first `count` marked as slow."""
    return [
        pytest.param(value, marks=[pytest.mark.slow] if place >= count else [])
        for place, value in enumerate(values)
    ]
