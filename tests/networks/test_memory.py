"""The estimate of memory against what autograd really keeps, and the refusal."""

import pytest
import torch
from tiny import tiny_network

from stylespace.errors import MemoryLimitError
from stylespace.losses.objective import Objective
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.networks import memory
from stylespace.networks.loading import load_network
from stylespace.networks.memory import (
    BATCH_PIXELS,
    available,
    batch_size,
    check_memory,
    check_picture,
    estimate,
    kept_bytes,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def measured_bytes(network, layers, height, width):
    """Bytes of the different storages that one objective keeps for its backward pass."""
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    filters = {t.untyped_storage().data_ptr() for pair in network.filters.values() for t in pair}
    terms = Terms(tuple(gram_term(n, torch.eye(network.channels(n))) for n in layers))
    image = torch.rand(1, 3, height, width).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = sum(Objective(network, terms)(image).values())
    loss.backward()
    return sum(size for place, (size, _) in storages.items() if place not in filters)


@pytest.mark.parametrize("options", [{}, {"pooling": "max"}, {"padding": "reflect"}])
@pytest.mark.parametrize(
    ("name", "layers", "height", "width"),
    [
        ("vgg16-hed", ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 128, 96),
        ("vgg16-hed", ("conv1_1", "conv2_1", "conv3_1"), 256, 192),
        ("alexnet-st", ("conv1", "conv5"), 128, 96),
        ("alexnet", ("conv5",), 128, 96),
        ("googlenet", ("inception5a",), 256, 192),
    ],
)
def test_the_activations_are_those_that_autograd_keeps(name, layers, height, width, options):
    weights = None if name == "vgg16-hed" else "random:0"
    net = load_network(name, weights=weights, **options)
    measured = measured_bytes(net, layers, height, width)
    counted = sum(kept_bytes(net, layers, height, width))
    small = 2 * 4 * 3 * height * width + sum(8 * 4 * net.channels(name) ** 2 for name in layers)
    assert measured - small <= counted <= 1.1 * measured
    assert counted < estimate(net, layers, height, width)


def test_the_estimate_grows_with_size_and_depth():
    net = load_network("vgg19", weights="random:0")
    sides = [estimate(net, ["conv4_1"], n, n + 16) for n in range(64, 1024, 64)]
    assert sides == sorted(set(sides))
    depths = [estimate(net, [name], 256, 320) for name in net.names]
    assert depths == sorted(set(depths))
    assert estimate(net, ["conv4_1"], 256, 512) > estimate(net, ["conv4_1"], 256, 320)
    assert estimate(net, ["conv4_1"], 1024, 2048) == pytest.approx(
        16 * estimate(net, ["conv4_1"], 256, 512), rel=0.05
    )


def test_half_the_precision_keeps_half_and_what_is_widened():
    single, half = tiny_network(dtype=torch.float32), tiny_network(dtype=torch.bfloat16)
    one, two = (kept_bytes(net, ["conv1_1", "conv3_1"], 64, 48) for net in (single, half))
    widened = [4 * 4 * 64 * 48, 0, 4 * 5 * 16 * 12]
    assert [2 * (b - more) for b, more in zip(two, widened, strict=True)] == one


def test_what_does_not_fit_is_refused_with_the_figures(monkeypatch, tiny32):
    needed = estimate(tiny32, ["conv3_1"], 1000, 3000)
    monkeypatch.setattr(memory, "available", lambda device: needed)
    assert check_memory(tiny32, ["conv3_1"], 1000, 3000) == needed
    monkeypatch.setattr(memory, "available", lambda device: needed - 1)
    with pytest.raises(MemoryLimitError) as caught:
        check_memory(tiny32, ["conv3_1"], 1000, 3000)
    message = str(caught.value)
    assert "3000x1000" in message and f"about {needed / 2**30:.1f} GiB" in message
    assert "--size" in message and "bfloat16" in message and "\n" not in message


def test_several_pictures_at_once_need_so_many_times_the_memory(monkeypatch, tiny32):
    one = estimate(tiny32, ["conv3_1"], 1000, 3000)
    monkeypatch.setattr(memory, "available", lambda device: 7 * one)
    assert check_memory(tiny32, ["conv3_1"], 1000, 3000, count=7) == 7 * one
    with pytest.raises(MemoryLimitError, match=f"about {8 * one / 2**30:.1f} GiB"):
        check_memory(tiny32, ["conv3_1"], 1000, 3000, count=8)


def test_a_batch_is_as_large_as_half_of_the_free_memory(monkeypatch, tiny32):
    """On a device that is no CPU, where only memory limits it."""

    class Elsewhere:
        device = torch.device("meta")

        def __getattr__(self, name):
            return getattr(tiny32, name)

    net, one = Elsewhere(), estimate(tiny32, ["conv2_1"], 48, 96)
    for count in (1, 2, 5, 1000):
        monkeypatch.setattr(memory, "available", lambda device, n=count: 2 * n * one)
        assert batch_size(net, ["conv2_1"], 48, 96) == count
        monkeypatch.setattr(memory, "available", lambda device, n=count: 2 * n * one - 1)
        assert batch_size(net, ["conv2_1"], 48, 96) == max(1, count - 1)
    asked = []
    monkeypatch.setattr(memory, "available", lambda device: asked.append(device) or 10**9)
    batch_size(net, ["conv2_1"], 48, 96)
    assert asked == [net.device]


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(128, 128, 2), (64, 128, 4), (128, 64, 4), (129, 128, 1), (400, 400, 1), (30, 40, 27)],
)
def test_on_a_cpu_a_batch_has_no_more_pixels_than_pay(monkeypatch, tiny32, height, width, count):
    monkeypatch.setattr(memory, "available", lambda device: 2**60)
    assert batch_size(tiny32, ["conv1_1"], height, width) == count
    assert count == 1 or count * height * width <= BATCH_PIXELS
    assert (count + 1) * height * width > BATCH_PIXELS
    need = 2 * estimate(tiny32, ["conv1_1"], height, width)
    monkeypatch.setattr(memory, "available", lambda device: 3 * need)
    assert batch_size(tiny32, ["conv1_1"], height, width) == min(3, count)


def test_a_batch_has_at_least_one_picture(monkeypatch, tiny32):
    monkeypatch.setattr(memory, "available", lambda device: 0)
    assert batch_size(tiny32, ["conv3_1"], 64, 96) == 1


def test_a_deeper_or_larger_picture_never_makes_a_larger_batch(monkeypatch):
    net = load_network("vgg19", weights="random:0")
    limit = 20 * estimate(net, ["conv1_1"], 64, 96)
    monkeypatch.setattr(memory, "available", lambda device: limit)
    depths = [batch_size(net, [name], 64, 96) for name in net.names]
    assert depths == sorted(depths, reverse=True) and depths[0] > depths[-1]
    sides = [batch_size(net, ["conv3_1"], n, n + 16) for n in range(32, 512, 32)]
    assert sides == sorted(sides, reverse=True) and sides[0] > sides[-1] == 1


def test_a_style_picture_that_does_not_fit_is_refused(monkeypatch):
    needed = 4 * 3 * 4 * 1000 * 3000  # four copies in float32
    monkeypatch.setattr(memory, "available", lambda device: needed)
    check_picture(1000, 3000)
    monkeypatch.setattr(memory, "available", lambda device: needed - 1)
    with pytest.raises(MemoryLimitError, match=r"3000x1000 .* 0.1 GiB.*--style-scale"):
        check_picture(1000, 3000)


def test_available_is_the_least_of_machine_and_container(monkeypatch):
    monkeypatch.setattr(memory, "_container_free", lambda folder: 6_000_000)
    assert available(torch.device("cpu")) == 6_000_000
    monkeypatch.setattr(memory, "_container_free", lambda folder: 2**62)
    assert 100_000_000 < available(torch.device("cpu")) < 2**62


@pytest.mark.parametrize("limit", ["max\n", None])
def test_a_container_without_a_limit_takes_nothing_off(monkeypatch, tmp_path, limit):
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    monkeypatch.setattr(memory, "Path", lambda _: tmp_path)
    assert available(torch.device("cpu")) > 100_000_000


def test_files_that_a_container_only_caches_count_as_free(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 250\n")
    assert memory._container_free(tmp_path) == 350
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory._container_free(tmp_path) == 0
