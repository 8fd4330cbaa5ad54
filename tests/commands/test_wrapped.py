"""Commands and Python functions on networks that are taken as they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import picture_file
from PIL import Image
from tiny import seeded_picture
from wrapped import Tiny, tiny_wrapped

import stylespace as ss
from stylespace.errors import StylespaceError, UsageError
from stylespace.networks.network_entry import OWN
from stylespace.settings import TextureSettings, TransferSettings

RESNET = ("--network", "torchvision:resnet18", "--weights", "random:0", "--device", "cpu")
SMALL = {"size": 32, "iterations": 8}


@pytest.fixture
def picture(tmp_path):
    return picture_file(tmp_path / "one.png", 60, 44)


def test_a_texture_of_a_library_network_comes_nearer_and_is_made_again(call, picture):
    made = call("texture", picture, *RESNET, "--size", 64, "--iterations", 12, "--layers",
                "layer1.1,layer2.1=2", "--out", "t.png", "--json")  # fmt: skip
    assert made.code == 0, made.err
    recipe = made.json["recipe"]
    assert (recipe["pooling"], recipe["padding"]) == (OWN, OWN)
    assert {"gram.layer1", "gram.layer2"} <= set(made.json["figures"])
    first = call("texture", picture, *RESNET, "--size", 64, "--iterations", 1, "--layers",
                 "layer1.1,layer2.1=2", "--out", "f.png", "--json")  # fmt: skip
    assert made.json["figures"]["loss"] < 0.7 * first.json["figures"]["loss"]
    again = call("run", "t.png", "--out", "again.png", "--json")
    assert again.code == 0, again.err
    assert Path("again.png").read_bytes() == Path("t.png").read_bytes()


def test_a_transfer_keeps_content_by_the_default_layer(call, picture):
    photo = picture_file("photo.png", 48, 64, seed=3)
    made = call("transfer", photo, picture, *RESNET, "--size", 64, "--iterations", 6, "--json")
    assert made.code == 0, made.err
    settings = TransferSettings(content="a", styles=("b",), network=RESNET[1], weights="random:0")
    assert settings.content_layer_weights() == {"layer2": 1.0}
    assert list(settings.style_layers()) == ["relu", "layer1", "layer2", "layer3", "layer4"]
    assert made.json["figures"]["reduction"] > 1


def test_style_files_compare_only_in_their_space(call, picture):
    layers = ("--layers", "layer1", "--size", 48)
    made = call("capture", picture, *RESNET, *layers, "--out", "a.style.safetensors")
    assert made.code == 0, made.err
    style = ("texture", "a.style.safetensors", "--size", 48, "--iterations", 2, "--device", "cpu")
    fits = call(*style, *RESNET, "--layers", "layer1")
    assert fits.code == 0, fits.err
    other = call(*style, "--weights", "random:0")
    assert other.code == 1 and "add --network torchvision:resnet18," in other.err
    seed = call(*style, *RESNET[:2], "--weights", "random:1", "--layers", "layer1")
    assert seed.code == 1 and "the --weights of then" in seed.err


def test_probes_and_estimates_take_layers_with_dots(call):
    probe = ("probe", *RESNET, "--entry", "layer1.1:2,3", "--size", 32, "--iterations", 30)
    made = call(*probe, "--layer", "layer1", "--json")
    assert made.code in (0, 1), made.err
    if made.code:
        assert "was not reached" in made.err
    else:
        assert made.json["outputs"][0].startswith("probe-layer1-2-3")
    outside = call("probe", *RESNET, "--layer", "layer1", "--entry", "2,64")
    assert outside.code == 2 and "which has 64 channels" in outside.err
    known = call("estimate", "texture", "sample:durer-lion", *RESNET, "--size", 64, "--json")
    assert known.code == 0, known.err
    assert known.json["figures"]["tile"] == 0 and known.json["figures"]["peak_bytes"] > 2**26


@pytest.mark.slow
def test_reports_are_made_with_dots_in_names(call, picture):
    other = picture_file("other.png", 40, 52, seed=1)
    names = ("--layers", "layer1.0,layer2", "--size", 32)
    made = call("report", picture, other, *RESNET, *names, "--no-stability", "--out", "r", "--json")
    assert made.code == 0, made.err
    assert made.json["recipe"]["network"] == RESNET[1]
    space = json.loads(Path("r/results.json").read_text())["about"]["space"]
    assert (space["network"], space["padding"]) == (RESNET[1], OWN)
    assert 'data-layer="layer1.0"' in Path("r/index.html").read_text()


@pytest.mark.slow
def test_contrasts_are_made_with_dots_in_names(call, picture):
    others = [picture_file(f"{k}.png", 40, 52, seed=k) for k in range(3)]
    options = ("--layers", "layer1.0,layer2", "--size", 32, "--out", "e", "--json")
    found = call("explain", picture, others[0], "--against", *others[1:], *RESNET, *options)
    assert found.code == 0, found.err
    entries = json.loads(Path("e/results.json").read_text())["entries"]
    assert {row["layer"] for row in entries} <= {"layer1.0", "layer2"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pooling", "max"), "keeps its own pooling: leave --pooling max out"),
        (("--pooling", "average"), "keeps its own pooling: leave --pooling average out"),
        (("--padding", "zeros"), "keeps its own padding: leave --padding zeros out"),
        (("--padding", "reflect"), "keeps its own padding"),
        (("--seamless",), "keeps its own padding"),
        (("--tile", 64), "sees pictures whole: leave --tile 64 out"),
        (("--precision", "winograd"), "--precision winograd is for the networks of the catalogue"),
        (("--layers", "layer2.9"), "no layer 'layer2.9'. Did you mean 'layer2.1'?"),
        (("--layers", "fc"), "layer 'fc' of torchvision:resnet18 gives (B, 1000)"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_said_when_it_is_asked_for(call, picture, options, said):
    result = call("texture", picture, *RESNET, "--size", 32, *options)
    assert result.code == 2 and said in result.err, result.err


def test_networks_lists_the_layers_of_one(call):
    rows = call("networks", "torchvision:resnet18", "--json").json["networks"]
    layer = next(row for row in rows if row["layer"] == "layer2")
    assert layer == {
        "layer": "layer2", "channels": 128, "stride": 8, "default": ["style", "content"]
    }  # fmt: skip
    plain = call("networks", "vgg19-norm", "--json").json["networks"]
    assert [row["stride"] for row in plain][-4:] == [16] * 4
    unknown = call("networks", "torchvision:resnet")
    assert unknown.code == 2 and "Did you mean" in unknown.err


def test_a_module_of_ones_own_makes_textures_and_transfers(tmp_path):
    network = tiny_wrapped(precision="float32")
    image, losses = seeded_picture(48, 64), []
    told = {"network": network, "watch": lambda step: losses.append(step.loss)}
    outcome = ss.texture(image, **told, **SMALL)
    assert outcome.settings.network == network.name
    assert set(outcome.settings.style_layers()) == {"act", "last"}
    assert outcome.figures["loss"] < 0.8 * losses[0]
    moved = ss.transfer(seeded_picture(48, 64, seed=1), image, network=network, **SMALL)
    assert moved.figures["reduction"] > 1
    named = ss.Style.capture(network, image, ["norm"])
    assert ss.texture(named, network=network, layers="norm", **SMALL).image.shape[0] == 1


def test_a_wrapped_module_works_in_this_process_alone(tmp_path):
    network = tiny_wrapped(precision="float32")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(13):
        picture_file(folder / f"{k}.png", 24, 20, seed=k)
    options = {"network": network, "size": 24, "stability": False}
    with pytest.raises(UsageError, match="wrapped in this process.*workers=1"):
        ss.report(folder, out=tmp_path / "r", workers=2, **options)
    with pytest.raises(UsageError, match="wrapped in Python, in another process"):
        TextureSettings(sources=("a.png",), network="module:elsewhere")
    with pytest.raises(StylespaceError, match="give it as network="):
        ss.load_network(network.name)


def test_the_picture_is_the_networks_own_view():
    """An array of Pillow's goes the same way as a tensor."""
    network = ss.wrap_network(Tiny(), ["act"])
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    one, other = (ss.Style.capture(network, x, ["act"]) for x in (Image.fromarray(pixels), tensor))
    torch.testing.assert_close(one.grams["act"], other.grams["act"])
