"""What ways of a study make of their pictures first."""

from pathlib import Path

import pytest
import torch
from tiny import seeded_picture

from stylespace.assets import sample_path
from stylespace.errors import UsageError
from stylespace.images import read_image, resize
from stylespace.networks.loading import load_network
from stylespace.settings import TransferSettings
from stylespace.studies.alterations import ALTERATIONS
from stylespace.studies.plans import Pair, Run
from stylespace.studies.prepared import _changed, changed, ready, warped
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network():
    return load_network("vgg16-hed", weights="random:0", precision="float32")


def run_of(prepared, size=48):
    """A run on two samples."""
    pictures = Pair("sample:rocket", "sample:durer-lion")
    settings = TransferSettings(
        content=pictures.content, styles=(pictures.style,), size=size, sizes=(size,)
    )
    return Run("part", "way", "pair", 0.1, 0, pictures, settings, prepared)


def test_nothing_to_prepare_leaves_the_run_as_it_is(tmp_path):
    run = run_of("")
    assert not ready(run, tmp_path, None).changes and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("amount", "kept"), [(0, 1), (50, 0.5), (99, 0.01), (100, 0)])
def test_the_smallest_entries_are_cut_and_the_diagonal_stays(network, amount, kept):
    style = Style.capture(network, seeded_picture(40, 56, dtype=torch.float32), ["conv2_1"])
    whole, cut = (one.layers["conv2_1"].gram for one in (style, changed(style, "cut", amount)))
    off = ~torch.eye(len(whole), dtype=torch.bool)
    assert torch.equal(whole.diagonal(), cut.diagonal())
    there = float((whole[off] != 0).double().mean())  # channels may be silent together
    assert float((cut[off] != 0).double().mean()) == pytest.approx(min(kept, there), abs=0.011)
    left = cut[off] != 0
    assert torch.equal(cut[off][left], whole[off][left])
    if left.any() and not left.all():
        assert whole[off][left].abs().min() >= whole[off][~left].abs().max()


@pytest.mark.parametrize("amount", [50, 90, 99])
def test_the_two_entries_of_a_pair_are_cut_together_however_they_are_rounded(amount):
    x = torch.rand(30, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gram = x @ x.T / 50
    gram += torch.finfo(torch.float64).eps * gram.triu(1)  # the upper ones are rounded up
    cut = _changed(gram, "cut", amount, 0)
    assert torch.equal(cut == 0, (cut == 0).T)
    assert 0 < int((cut != 0).sum()) - 30 <= 30 * 29 * (1 - amount / 100) + 2


def test_the_first_directions_hold_what_they_hold(network):
    style = Style.capture(network, seeded_picture(40, 56, dtype=torch.float32), ["conv2_1"])
    whole = style.layers["conv2_1"].gram.double()
    values = torch.linalg.eigvalsh(whole)
    for rank in (1, 8):
        gram = changed(style, "rank", rank).layers["conv2_1"].gram.double()
        assert torch.linalg.eigvalsh(gram).gt(1e-4 * values[-1]).sum() <= rank
        assert float(gram.trace()) == pytest.approx(float(values[-rank:].sum()), rel=1e-4)
    turned = changed(style, "turned", 0).layers["conv2_1"].gram.double()
    torch.testing.assert_close(
        torch.linalg.eigvalsh(turned), values.clamp(min=0), rtol=1e-3, atol=1e-4 * values[-1]
    )
    assert float((turned - whole).norm() / whole.norm()) > 0.5


def test_a_changed_style_is_a_file_that_a_run_reads(tmp_path, network):
    made = ready(run_of("cut:90"), tmp_path, lambda settings: network)
    (name,) = made.changes["styles"]
    assert Path(name).parent == tmp_path and Style.load(name).layers.keys() >= {"conv1_1"}
    before = Path(name).stat().st_mtime_ns
    ready(run_of("cut:90"), tmp_path, lambda settings: network)
    assert Path(name).stat().st_mtime_ns == before


def test_a_style_is_warped_into_the_contents_shape_from_its_own_patches():
    network = load_network("vgg19-norm", precision="float32")
    content, style = (
        resize(read_image(sample_path(name)), 96) for name in ("rocket", "hokusai-great-wave")
    )
    found = warped(network, content, style)
    assert found.shape == content.shape and found.min() >= 0 and found.max() <= 1
    same = warped(network, style, style)
    assert float((same - style).abs().mean()) < 0.06  # each patch in its own place, but for blur
    assert float((found - style[..., :1].mean()).std()) > 0.05
    means = [float(one.mean()) for one in (found, style)]
    assert means[0] == pytest.approx(means[1], abs=0.15)


@pytest.mark.parametrize("name", ALTERATIONS)
def test_a_scene_is_two_crops_and_the_truth(tmp_path, name):
    made = ready(run_of(f"{name}:crop", 64), tmp_path, None)
    content, style = (read_image(one) for one in (made.changes["content"], *made.changes["styles"]))
    truth, whole = read_image(made.truth), read_image(sample_path("rocket"))
    assert content.shape == truth.shape and max(content.shape[2:]) == 64
    kept = round(0.7 * whole.shape[3])
    expected = resize(ALTERATIONS[name](whole)[..., :kept], 64).clamp(0, 1)
    assert float((truth - expected).abs().max()) <= 0.5 / 255 + 1e-6
    assert style.shape == content.shape and not torch.equal(style, truth)
    other = ready(run_of(f"{name}:other", 64), tmp_path, None)
    assert other.changes["content"] != made.changes["content"]
    assert not torch.equal(read_image(other.changes["styles"][0]), style)


def test_filters_of_one_network_fit_the_layers_of_the_other(tmp_path):
    run = run_of("filters")
    made = ready(run, tmp_path, None)
    strided = load_network("alexnet", weights=made.changes["weights"])
    anti_aliased = load_network("alexnet-st")
    picture = seeded_picture(96, 80, dtype=torch.float32)
    one, other = (net(picture, ["conv1"])["conv1"] for net in (strided, anti_aliased))
    assert one.shape[1] == other.shape[1] == 64 and one.shape[2] < other.shape[2]


@pytest.mark.parametrize("prepared", ["wraped", "evening:corp", "fog"])
def test_an_unknown_preparation_is_refused(tmp_path, prepared, network):
    with pytest.raises(UsageError, match="warped|altered as"):
        ready(run_of(prepared), tmp_path, lambda settings: network)
