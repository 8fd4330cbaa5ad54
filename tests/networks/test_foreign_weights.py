"""Weights of networks of libraries: files, downloads, refusals, and a modern network's own."""

import importlib.util
import pickle

import numpy as np
import pytest
import torch
from lite import LITE, lite_file, lite_module
from safetensors.torch import save_file

import stylespace as ss
from stylespace.errors import UsageError, WeightsError
from stylespace.images import resize_to
from stylespace.networks import catalogue
from stylespace.networks.loading import load_network
from stylespace.styles.distances import gram_distances

RESNET = "torchvision:resnet18"
PAINTINGS = ("gogh-auvers", "hokusai-great-wave")
CATS = range(281, 286)
"""Of the classes of ImageNet those of cats at home."""


@pytest.fixture(scope="module")
def random():
    return load_network(RESNET, weights="random:0")


@pytest.fixture
def state(random):
    return {key: value.clone() for key, value in random.graph.module.state_dict().items()}


def test_random_weights_are_those_of_their_seed(random):
    assert load_network(RESNET, weights="random:0").sha256 == random.sha256
    assert load_network(RESNET, weights="random:1").sha256 != random.sha256
    before = torch.random.get_rng_state()
    load_network(RESNET, weights="random:1")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_weights_from_a_file_are_the_same_network_whatever_its_head(random, state, tmp_path, kind):
    path = tmp_path / f"weights.{kind}"
    state["fc.weight"] = torch.zeros(10, 512)  # of another number of classes
    del state["fc.bias"]
    torch.save(state, path) if kind == "pth" else save_file(state, path)
    loaded = load_network(RESNET, weights=path)
    assert (loaded.sha256, loaded.source) == (random.sha256, str(path))
    x = torch.rand(1, 3, 40, 48)
    assert torch.equal(loaded(x, "layer3")["layer3"], random(x, "layer3")["layer3"])


def _without(state):
    del state["layer3.1.conv2.weight"]


def _wider(state):
    state["layer1.0.conv1.weight"] = torch.zeros(64, 64, 5, 5)


def _infinite(state):
    state["bn1.running_var"][3] = torch.inf


def _whole(state):
    state["conv1.weight"] = state["conv1.weight"].int()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without, "not weights of torchvision:resnet18: 'layer3.1.conv2.weight' is missing"),
        (_wider, r"'layer1.0.conv1.weight' is \(64, 64, 5, 5\), expected \(64, 64, 3, 3\)"),
        (_infinite, "'bn1.running_var' holds values that are not finite"),
        (_whole, "'conv1.weight' is of int32"),
    ],
)
def test_weights_of_another_network_are_refused(state, tmp_path, change, said):
    change(state)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=said):
        load_network(RESNET, weights=tmp_path / "other.pth")


class Planted:
    def __reduce__(self):
        return print, ("code in the file was run",)


def test_code_in_a_pickle_is_never_run(tmp_path, capsys):
    torch.save({"conv1.weight": Planted()}, tmp_path / "code.pth")
    (tmp_path / "damaged.pth").write_bytes(pickle.dumps(Planted())[:-3])
    for name in ("code.pth", "damaged.pth", "gone.pth"):
        with pytest.raises(WeightsError, match=name):
            load_network(RESNET, weights=tmp_path / name)
    with pytest.raises(WeightsError, match="Caffe's layout"):
        load_network(RESNET, weights=f"caffe:{tmp_path / 'code.pth'}")
    assert "run" not in capsys.readouterr().out


def test_a_download_that_is_refused_names_the_remedies(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    with pytest.raises(
        WeightsError, match=r"no route to host.*--weights FILE|weights=FILE"
    ) as error:
        load_network(RESNET)
    assert "resnet18-f37072fd.pth" in str(error.value)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    with pytest.raises(WeightsError, match=r"timm:resnet18 could not be fetched \(no route"):
        load_network("timm:resnet18")


def test_weights_of_a_download_are_read_by_their_hash(state, tmp_path, monkeypatch):
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (folder / "resnet18-f37072fd.pth").write_bytes(b"cut off")
    with pytest.raises(WeightsError, match="damaged"):
        load_network(RESNET)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision:resnet5", "torchvision has no network 'resnet5'.*Did you mean 'resnet50'"),
        ("timm:efficientnet_lite", "timm has no network .*Did you mean 'efficientnet_lite"),
        ("timm:resnet50.a9_in1k", "Invalid pretrained tag.*Known: resnet50.*"),
        ("timn:resnet50", "unknown library of networks 'timn'.*Did you mean 'timm'"),
        ("module:Tiny-0", "wrapped in Python, in another process"),
        ("torchvision:vit_b_16", r"no layer that gives \(B, C, h, w\)"),
        ("resnet18", "unknown network 'resnet18'.*torchvision:NAME"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, said):
    with pytest.raises(UsageError, match=said):
        catalogue.resolve_layer("layer1", catalogue.catalogue_entry(name).layers, name)


def test_without_timm_its_networks_name_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        WeightsError, match=r"timm:resnet18 needs .*pip install 'stylespace\[timm\]'"
    ):
        load_network("timm:resnet18")


@pytest.mark.parametrize(("pooling", "padding"), [("max", "zeros"), ("average", "reflect")])
def test_other_pooling_and_padding_are_refused(pooling, padding):
    with pytest.raises(UsageError, match="torchvision:resnet18 keeps its own p"):
        load_network(RESNET, pooling, padding, weights="random:0")
    with pytest.raises(UsageError, match="has no pooling of its own"):
        load_network("vgg19-norm", "own")


@pytest.mark.parametrize("name", ["squeezenet1_1", "regnet_y_400mf"])
def test_the_default_layers_are_one_for_each_stride(name):
    entry = catalogue.catalogue_entry(f"torchvision:{name}")  # regnet reads values as it is made
    strides = [entry.strides[layer] for layer in entry.style_layers]
    assert strides == sorted(strides) and len(strides) == len(set(strides)) >= 4
    assert entry.strides[entry.content_layer] == 8


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    return load_network(LITE, weights=lite_file(tmp_path_factory.mktemp("lite")))


def test_a_modern_network_sees_what_its_own_module_sees(lite):
    """Weights, their names and the normalisation are right: a cat is a cat."""
    picture = resize_to(ss.read_image("sample:chelsea"), 224, 224)
    with torch.no_grad():
        features = lite(picture, ["bn2"])["bn2"]
        scores = lite_module().classifier(features.mean((2, 3)))
        own = lite_module()((picture - 0.5) / 0.5)
    np.testing.assert_allclose(scores, own, rtol=1e-3, atol=1e-3)
    assert int(scores.argmax()) in CATS


def test_a_modern_network_tells_two_paintings_apart(lite, tmp_path):
    auvers, wave = (ss.read_image(f"sample:{name}") for name in PAINTINGS)
    pictures = [resize_to(one, 96, 128) for one in (auvers, wave)] + [resize_to(auvers, 90, 120)]
    layers = ["bn1", "blocks.1", "blocks.2"]
    styles = [ss.Style.capture(lite, picture, layers) for picture in pictures]
    others, same = (gram_distances(styles[0], one) for one in styles[1:])
    assert others["bn1"] > 50 * same["bn1"]  # deeper layers see that a picture was resized
    assert all(others[layer] > 1.5 * same[layer] for layer in layers)
    path = tmp_path / "lite.style.safetensors"
    styles[0].save(path)  # with negative means, as no ReLU ends these blocks
    assert (ss.Style.load(path).layers["blocks.1"].mean < 0).any()


def test_a_module_of_ones_own_and_the_same_of_a_library_agree(lite):
    wrapped = ss.wrap_network(lite_module(), ["blocks.2"], mean=[0.5] * 3, std=[0.5] * 3)
    assert wrapped.sha256 == lite.sha256 and wrapped.names == lite.names
    x = torch.rand(1, 3, 64, 80)
    assert torch.equal(wrapped(x, "blocks.2")["blocks.2"], lite(x, "blocks.2")["blocks.2"])
