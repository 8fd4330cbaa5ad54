"""Fixtures that several test modules share, and the skip of what needs CUDA."""

import signal

import pytest
import torch
from browser import browser, chromium
from command_line import call, cheap  # noqa: F401  (fixtures)
from pickled import pickled  # noqa: F401
from tiny import seeded_picture, tiny_network


def pytest_configure():
    """Hear Ctrl-C, here and in the processes that tests start, also where it is ignored.

    A shell that is not interactive ignores it for what it runs in the background (`make test &`).
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Skip what needs CUDA where there is none."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked and not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def one_thread():
    """One thread for tensors so small that sharing them out takes longer than the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def chrome():
    """A browser for the tests of a module."""
    program = chromium()
    if program is None:
        pytest.skip("no Chromium: install chromium-headless-shell, or set STYLESPACE_CHROMIUM")
    with browser(program) as started:
        yield started


@pytest.fixture
def tiny():
    """The small network in float64."""
    return tiny_network()


@pytest.fixture
def tiny32():
    """The small network in float32."""
    return tiny_network(dtype=torch.float32)


@pytest.fixture
def picture():
    """(1, 3, 13, 22) in float64: sides that differ and that poolings do not divide."""
    return seeded_picture(13, 22)
