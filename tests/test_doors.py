"""The Python functions as a user calls them: positions, keywords, kinds of values."""

import pytest
import torch

import stylespace as ss
from stylespace.commands.keywords import settings_with
from stylespace.errors import StylespaceError, UnreachedError, UsageError
from stylespace.images import resize, write_image
from stylespace.networks.network import load_network
from stylespace.settings import ProbeSettings
from stylespace.synthesis.parameters import Free

SMALL = {"size": 32, "iterations": 3, "weights": "random:0", "layers": "conv1_1"}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    write_image(path, torch.rand(1, 3, 20, 32, generator=torch.Generator().manual_seed(1)))
    return path


@pytest.mark.parametrize("entry", [(3, 5), "3,5", [(3, 5), (7, 7)], ["3,5"]])
def test_an_entry_is_a_pair_or_a_text(entry):
    settings = settings_with(ProbeSettings, None, {"layer": "conv1_1", "entry": entry})
    several = len(entry) == 2 and isinstance(entry, list)
    expected = [("conv1_1", 3, 5), ("conv1_1", 7, 7)] if several else [("conv1_1", 3, 5)]
    assert list(settings.chosen()) == expected
    assert settings.first == ("conv1_1", 3, 5)
    assert settings.several == several


@pytest.mark.parametrize("entries", ["diagonal", ("diagonal",), ["diagonal", "0-1,0-1"]])
def test_a_choice_of_entries_is_a_text_or_several(entries):
    settings = settings_with(ProbeSettings, None, {"layer": "conv1_1", "entries": entries})
    expected = [("conv1_1", i, i) for i in range(64)]
    expected += [("conv1_1", 0, 1)] if isinstance(entries, list) else []
    assert list(settings.chosen()) == expected
    assert settings.several


def test_a_probe_takes_layer_and_entry_by_position():
    options = {"size": 32, "iterations": 20, "weights": "random:0", "parameters": "pixels"}
    try:
        outcome = ss.probe("conv1_1", (3, 3), **options)
    except UnreachedError as error:
        assert "value" in error.figures
    else:
        assert outcome.image.shape == (1, 3, 32, 32)


def test_texture_and_transfer_take_paths_by_position(photo):
    assert ss.texture(photo, **SMALL).image.shape == (1, 3, 20, 32)
    outcome = ss.transfer(photo, [photo, f"{photo}=0.5"], content_layers="conv1_2", **SMALL)
    assert outcome.image.shape == (1, 3, 20, 32)
    assert outcome.device == "cpu" and outcome.dtype == "float32"


def test_long_pictures_leave_out_the_scales_that_are_too_small(tmp_path):
    path = tmp_path / "long.png"
    write_image(path, torch.rand(1, 3, 20, 300))
    outcome = ss.texture(
        path, layers="conv4_1", size=300, source_size=300, iterations=3, weights="random:0"
    )
    assert {step.size for step in outcome.synthesis.steps} == {(10, 150), (20, 300)}
    with pytest.raises(UsageError, match="too small"):
        ss.texture(path, layers="conv4_1", size=300, sizes=(64, 300), weights="random:0")


def test_the_weights_of_terms_do_not_multiply_each_other(photo):
    def first(**weights):
        outcome = ss.transfer(
            photo, photo, init="noise", content_layers="conv1_2", **weights, **SMALL
        )
        return outcome.synthesis.steps[0].terms

    one, heavy = first(tv_weight=0.5), first(tv_weight=0.5, style_weight=10)
    assert heavy["total_variation"] == pytest.approx(one["total_variation"])
    assert heavy["gram.conv1_1"] == pytest.approx(10 * one["gram.conv1_1"])


def test_figures_are_never_measured_in_half_precision(photo):
    """A network that was loaded already judges itself, whatever the settings would have loaded."""
    half, full = (
        load_network(weights="random:3", precision=precision)
        for precision in ("bfloat16", "float32")
    )
    outcome = ss.texture(photo, network=half, tv_weight=0, **SMALL)
    assert outcome.dtype == "bfloat16"
    g, a = (
        ss.gram(full(picture, "conv1_1")["conv1_1"])[0].double()
        for picture in (outcome.image, resize(ss.read_image(photo), 32))
    )
    distance = float((g - a).square().sum() / a.square().sum())
    assert outcome.figures["style_distance"] == pytest.approx(distance, rel=1e-5)
    assert outcome.figures["loss"] == pytest.approx(distance, rel=1e-4)


def test_the_loss_of_a_transfer_is_never_measured_in_half_precision(photo, tmp_path):
    half, full = (
        load_network(weights="random:3", precision=name) for name in ("bfloat16", "float32")
    )
    style = tmp_path / "style.png"
    write_image(style, torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(2)) ** 2)
    options = {"content_layers": "conv1_2", "content_weight": 0.5, "tv_weight": 0, **SMALL}
    outcome = ss.transfer(photo, style, network=half, **options)
    image, content, painting = (
        full(picture, ["conv1_1", "conv1_2"])
        for picture in (outcome.image, ss.read_image(photo), ss.read_image(style))
    )
    g, a = (ss.gram(seen["conv1_1"]) for seen in (image, painting))
    away, there = image["conv1_2"] - content["conv1_2"], content["conv1_2"]
    loss = (g - a).square().sum() / a.square().sum() + 0.5 * away.norm() ** 2 / there.norm() ** 2
    assert outcome.figures["loss"] == pytest.approx(float(loss), rel=5e-6)
    assert abs(outcome.synthesis.loss / float(loss) - 1) > 2e-5, "half precision is not seen here"


def test_a_network_takes_one_layer_by_name_and_weights_by_path(tmp_path):
    network = load_network("alexnet", weights="random:1", device="auto")
    assert network.device.type in ("cpu", "cuda", "mps")
    assert list(network(torch.rand(1, 3, 40, 50), "conv2")) == ["conv2"]
    with pytest.raises(ValueError, match="uint8"):
        network(torch.zeros(1, 3, 40, 50, dtype=torch.uint8), ["conv1"])
    with pytest.raises(StylespaceError, match="missing"):
        load_network("alexnet", weights=tmp_path / "none.pth")


def test_styles_compare_by_identity(photo):
    network = load_network(weights="random:0")
    style = ss.Style.capture(network, ss.read_image(photo), ["conv1_1"])
    assert style == style and style != ss.Style.blend([(style, 1)])


def test_synthesize_works_where_gradients_are_off_and_refuses_constants():
    start = torch.full((1, 3, 4, 5), 0.5)
    with torch.no_grad():
        result = ss.synthesize(lambda x: {"q": x.square().sum()}, start, steps=30)
    assert float(result.image.max()) < 1e-6
    with pytest.raises(UsageError, match="no terms"):
        ss.synthesize(lambda x: {}, start)
    with pytest.raises(UsageError, match="does not depend"):
        ss.synthesize(lambda x: {"q": torch.zeros(())}, start)
    with pytest.raises(StylespaceError, match="not finite at the start"):
        ss.synthesize(lambda x: {"q": (x - 0.5).square().sum().sqrt()}, start, parameters=Free())
