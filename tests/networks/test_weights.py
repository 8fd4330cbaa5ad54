"""Where weights come from: layouts, formats, refusals, downloads; no network is touched."""

import dataclasses
import hashlib
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tiny import TINY, seeded_picture

from stylespace.errors import MemoryLimitError, WeightsError
from stylespace.networks import catalogue, weights
from stylespace.networks.catalogue import NetworkEntry
from stylespace.networks.loading import load_network
from stylespace.networks.weights import load_weights, random_weights, read_state, tensors_hash

pytestmark = pytest.mark.usefixtures("one_thread")

KEYS = ("first", "second", "third")
CAFFE_KEYS = ("conv1_1", "conv2_1", "conv3_1")
BGR_MEAN = torch.tensor([103.939, 116.779, 123.68], dtype=torch.float64)


@pytest.fixture(autouse=True)
def tiny_entry(monkeypatch):
    """The small architecture as a network of the catalogue, to be downloaded."""
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", NetworkEntry(TINY, "a test"))


def state_dict(layers=TINY, seed=3):
    """Seeded filters with biases that are not zero, in torchvision's layout."""
    generator = torch.Generator().manual_seed(seed)
    return {
        f"{key}.{part}": tensor + 0.1 * torch.randn(tensor.shape, generator=generator)
        for key, pair in random_weights(layers, seed).tensors.items()
        for part, tensor in zip(("weight", "bias"), pair, strict=True)
    }


def renamed(state, keys, prefix=""):
    twin = dict(zip(KEYS, keys, strict=True))
    return {prefix + re.sub(r"^\w+", lambda m: twin[m[0]], key): v for key, v in state.items()}


def saved(state, path):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


def refusal(name, path):
    """The message of a refusal: one line."""
    with pytest.raises(WeightsError) as caught:
        load_weights(name, str(path))
    message = str(caught.value)
    assert "\n" not in message and message.endswith(".")
    return message


# --- layouts


def caffe_features(state, image):
    """BGR, 0..255 minus the mean, written out: conv, ReLU, average pooling."""
    x = 255 * image[:, [2, 1, 0]] - BGR_MEAN[:, None, None]
    for number, key in enumerate(KEYS):
        x = F.avg_pool2d(x, 2) if number else x
        weight, bias = state[f"{key}.weight"].double(), state[f"{key}.bias"].double()
        x = F.conv2d(x.double(), weight, bias, padding=1).relu()
    return x


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("layout", ["caffe:", "names", "features.", "hash"])
def test_caffe_values_in_every_disguise(tmp_path, layout, suffix):
    state, image = state_dict(), seeded_picture(13, 22, count=2)
    name = "vgg19-d01eb7cb" if layout == "hash" else "file"
    prefix = layout if layout == "features." else ""
    kept = state if layout in ("caffe:", "hash") else renamed(state, CAFFE_KEYS, prefix)
    path = saved(kept, tmp_path / f"{name}{suffix}")
    named = f"caffe:{path}" if layout == "caffe:" else path
    net = load_network("tiny", weights=named, precision="float64")
    found, expected = net(image, ["conv3_1"])["conv3_1"], caffe_features(state, image)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_caffe_filters_are_an_rgb_network_with_scaled_filters(tmp_path):
    state, image = state_dict(), seeded_picture(13, 22)
    mean, std = (torch.tensor(v) for v in weights.IMAGENET)
    caffe_mean = torch.tensor([123.68, 116.779, 103.939]) / 255
    rgb = dict(state)
    first = state["first.weight"].flip(1) * 255
    rgb["first.weight"] = first * std[:, None, None]
    rgb["first.bias"] = state["first.bias"] + (first.sum((2, 3)) * (mean - caffe_mean)).sum(1)
    one = load_network("tiny", weights=f"caffe:{saved(state, tmp_path / 'a.pth')}")
    two = load_network("tiny", weights=saved(rgb, tmp_path / "b.pth"))
    inner = [f(image.float(), ["pre:conv1_1"])["pre:conv1_1"][..., 1:-1, 1:-1] for f in (one, two)]
    torch.testing.assert_close(inner[0], inner[1], rtol=1e-4, atol=1e-2)
    assert one.sha256 != two.sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {f"module.{k}": v for k, v in state.items()},
        lambda state: {"state_dict": {f"model.{k}": v for k, v in state.items()}},
        lambda state: {**state, "classifier.weight": torch.zeros(2, 3), "steps": 5},
        lambda state: {k: v.double() for k, v in state.items()},
        lambda state: {k: torch.nn.Parameter(v) for k, v in state.items()},
    ],
    ids=["plain", "nested", "module", "model", "more", "double", "parameters"],
)
def test_shells_around_a_state_dict(tmp_path, change):
    path = saved(change(state_dict()), tmp_path / "w.pth")
    found = load_weights("tiny", path)
    assert found.sha256 == load_weights("tiny", saved(state_dict(), tmp_path / "p.pth")).sha256
    assert (found.mean, found.std) == weights.IMAGENET
    assert all(t.dtype == torch.float32 for pair in found.tensors.values() for t in pair)


def test_hash_is_of_the_tensors_and_not_of_the_file(tmp_path):
    state = state_dict()
    one = load_weights("tiny", saved(state, tmp_path / "w.pth"))
    two = load_weights("tiny", saved(state, tmp_path / "w.safetensors"))
    assert one.sha256 == two.sha256
    digest = hashlib.sha256()
    for key in sorted(KEYS):
        digest.update(key.encode())
        digest.update(state[f"{key}.weight"].numpy().tobytes())
        digest.update(state[f"{key}.bias"].numpy().tobytes())
    assert one.sha256 == digest.hexdigest()
    state["third.bias"][0] += 1
    assert load_weights("tiny", saved(state, tmp_path / "x.pth")).sha256 != one.sha256


def test_layout_in_memory_does_not_change_the_hash():
    tensors = random_weights(TINY, 0).tensors
    turned = {k: (w.mT.contiguous().mT, b) for k, (w, b) in tensors.items()}
    assert tensors_hash(turned) == tensors_hash(tensors)


# --- random filters


def test_random_filters_follow_the_seed():
    one, two = load_weights("tiny", "random:5"), load_weights("tiny", "random:5")
    assert one.sha256 == two.sha256 != load_weights("tiny", "random:6").sha256
    assert load_weights("tiny", "random:-1").sha256 != one.sha256
    wide = load_weights("alexnet", "random:0").tensors["features.6"]
    assert float(wide[0].std()) == pytest.approx((2 / (192 * 9)) ** 0.5, rel=0.01)
    assert not wide[1].any()


@pytest.mark.parametrize(
    "text", ["random:", "random:x", "random:1.5", "random:nan", f"random:{2**70}"]
)
def test_bad_seeds_are_refused(text):
    message = refusal("tiny", text)
    assert text in message and "whole number" in message


# --- refusals


class Code:
    """A pickle that touches a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle", "state", "legacy"])
def test_code_in_a_pickle_never_runs(tmp_path, how):
    trap, path = tmp_path / "trap", tmp_path / "w.pth"
    evil = {"state_dict": state_dict(), "x": Code(trap)} if how == "state" else Code(trap)
    if how == "pickle":
        path.write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=how != "legacy")
    message = refusal("tiny", path)
    assert str(path) in message and "code" in message and ".safetensors" in message
    assert not trap.exists()
    pickle.loads(pickle.dumps(Code(trap)))
    assert trap.exists()  # the trap works


@pytest.mark.parametrize("key", ["second.weight", "second.bias"])
def test_a_wrong_shape_names_key_and_both_shapes(tmp_path, key):
    state = state_dict()
    expected, state[key] = tuple(state[key].shape), torch.zeros(7, 2)
    message = refusal("tiny", saved(state, tmp_path / "w.pth"))
    assert f"'{key}' is (7, 2), expected {expected}" in message


@pytest.mark.parametrize("key", ["second.weight", "third.bias"])
def test_a_missing_tensor_is_named(tmp_path, key):
    state = state_dict()
    del state[key]
    assert f"'{key}' is missing" in refusal("tiny", saved(state, tmp_path / "w.pth"))


def test_batch_norms_are_checked_as_well(tmp_path):
    from torchvision.models import GoogLeNet

    state = GoogLeNet(aux_logits=False, init_weights=False).state_dict()
    del state["inception3a.branch1.bn.running_var"]
    message = refusal("googlenet", saved(state, tmp_path / "w.pth"))
    assert "'inception3a.branch1.bn.running_var' is missing" in message
    state["inception3a.branch1.bn.running_var"] = torch.ones(3)
    message = refusal("googlenet", saved(state, tmp_path / "w.pth"))
    assert "'inception3a.branch1.bn.running_var' is (3,), expected (64,)" in message


def test_another_networks_file_names_the_network_that_it_fits(tmp_path):
    path = saved(state_dict(), tmp_path / "w.pth")
    message = refusal("vgg16", path)
    assert "not weights of vgg16" in message and "'features.0.weight' is missing" in message
    assert "It fits: tiny." in message
    other = saved(state_dict(catalogue.CATALOGUE["alexnet"].layers), tmp_path / "a.pth")
    assert "It fits: alexnet-st, alexnet." in refusal("vgg16-hed", other)
    nothing = refusal("vgg16", saved({"x": torch.zeros(1)}, tmp_path / "n.pth"))
    assert "It fits" not in nothing


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, suffix, share):
    path = tmp_path / f"w{suffix}"
    saved(state_dict(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert str(path) in refusal("tiny", path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".txt", ""])
def test_a_text_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_text("Grüße, these are no weights.\n" * 20)
    assert str(path) in refusal("tiny", path)


def test_what_is_no_file_is_refused(tmp_path):
    assert "missing" in refusal("tiny", tmp_path / "none.pth")
    assert "is a folder" in refusal("tiny", tmp_path)
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    assert "holds list, not a state dict" in refusal("tiny", tmp_path / "list.pth")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    assert "holds Tensor, not a state dict" in refusal("tiny", tmp_path / "tensor.pth")


def test_an_archive_that_unpacks_to_more_is_refused_unopened(tmp_path):
    """A compressed .pth, which torch never writes, 1,000 times as large inside."""
    path, packed = tmp_path / "w.pth", tmp_path / "packed.pth"
    saved({**state_dict(), "more": torch.zeros(10**6)}, path)
    with zipfile.ZipFile(path) as plain:
        parts = {one.filename: plain.read(one) for one in plain.infolist()}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert packed.stat().st_size < 20_000
    load_weights("tiny", str(path))
    message = refusal("tiny", packed)
    assert "would unpack from" in message and "torch.save" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (torch.Tensor.to_sparse, "a sparse or nested tensor"),
        (lambda tensor: tensor.to("meta"), "a meta tensor, which holds no values"),
        (lambda tensor: tensor + 1j, "of complex64"),
        (torch.Tensor.char, "of int8"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_named(tmp_path, change, words):
    state = state_dict()
    state["second.weight"] = change(state["second.weight"])
    message = refusal("tiny", saved(state, tmp_path / "w.pth"))
    assert f"'second.weight' is {words}, expected a dense tensor of real numbers" in message


def test_a_pipe_is_no_weights_file_and_a_huge_header_is_not_read(tmp_path):
    path = tmp_path / "w.safetensors"
    os.mkfifo(path)
    assert "no ordinary file" in refusal("tiny", path)
    path.unlink()
    path.write_bytes(struct.pack("<Q", 1 << 25) + b"{" * 100)
    assert "OSError" in refusal("tiny", path)


def test_read_state_keeps_tensors_alone(tmp_path):
    torch.save({"a": torch.ones(2), "b": 3, 5: torch.zeros(1)}, tmp_path / "w.pth")
    assert {k: tuple(v.shape) for k, v in read_state(tmp_path / "w.pth").items()} == {
        "a": (2,),
        "5": (1,),
    }


# --- the network's own weights


EMBEDDED = {"vgg19-norm": 16, "vgg16-hed": 13}
"""Networks whose weights travel in the package, and how many convolutions each has."""


def test_the_default_is_the_normalised_vgg19_and_travels():
    assert catalogue.DEFAULT == "vgg19-norm"
    embedded = {name for name, one in catalogue.CATALOGUE.items() if one.origin == "embedded"}
    assert embedded == set(EMBEDDED)
    assert len(catalogue.CATALOGUE["vgg19-norm"].layers) == 16


@pytest.mark.parametrize(("name", "count"), EMBEDDED.items())
def test_embedded_weights_are_those_of_their_file(name, count):
    found = load_weights(name)
    assert found.source == "embedded" and len(found.tensors) == count
    assert (found.mean, found.std) == weights.CAFFE
    path = weights.assets.weights_path(name)
    assert load_weights(name, f"caffe:{path}").sha256 == found.sha256


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_weights_that_are_damaged_are_refused(name, tmp_path, monkeypatch):
    whole = weights.assets.weights_path(name).read_bytes()
    other = next(one for one in EMBEDDED if one != name)
    damaged = {
        "cut": whole[: len(whole) // 2],
        "changed": whole[:-1] + bytes([whole[-1] ^ 1]),
        "other": weights.assets.weights_path(other).read_bytes(),
    }
    for kind, content in damaged.items():
        path = tmp_path / f"{kind}.safetensors"
        path.write_bytes(content)
        monkeypatch.setattr(weights.assets, "weights_path", lambda name, path=path: path)
        with pytest.raises(WeightsError, match=rf"{kind}.*damaged: reinstall stylespace"):
            load_weights(name)


def test_the_embedded_weights_of_the_other_network_are_told_from_ones_own(tmp_path):
    path = {name: weights.assets.weights_path(name) for name in EMBEDDED}
    assert "It fits: vgg16-hed, vgg16." in refusal("vgg19-norm", path["vgg16-hed"])
    assert "It fits: vgg19-norm, vgg19." in refusal("vgg16-hed", path["vgg19-norm"])
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path["vgg19-norm"].read_bytes()[:1_000_000])
    assert "not a readable weights file" in refusal("vgg19-norm", cut)


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"pip install 'stylespace\[judge\]'"):
        load_weights("alexnet-st")


def test_another_version_of_the_package_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "STLPIPS_SHA256", "0" * 64)
    with pytest.raises(WeightsError, match="stlpips-pytorch==0.0.2"):
        load_weights("alexnet-st")


# --- downloads


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A small state dict behind a file:// address that carries its hash; an empty cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    raw = tmp_path / "raw.pth"
    saved(state_dict(), raw)
    digest = hashlib.sha256(raw.read_bytes()).hexdigest()
    path = raw.rename(tmp_path / f"tiny-{digest[:8]}.pth")
    at(monkeypatch, path.as_uri())
    return path


def at(monkeypatch, url):
    monkeypatch.setattr(weights, "weights_url", lambda name: url)


def cache(tmp_path):
    folder = tmp_path / "home/hub/checkpoints"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_download_happens_once(served, tmp_path, capfd):
    first = load_weights("tiny")
    assert cache(tmp_path) == [served.name] and first.source == served.as_uri()
    served.unlink()
    assert load_weights("tiny").sha256 == first.sha256
    assert capfd.readouterr() == ("", "")


def test_a_download_shows_its_progress_when_asked(served, capfd):
    load_weights("tiny", progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "100%" in err


def test_a_download_of_another_hash_is_refused_and_not_kept(served, tmp_path, monkeypatch):
    wrong = served.rename(tmp_path / "tiny-00000000.pth")
    at(monkeypatch, wrong.as_uri())
    message = refused_download()
    assert "invalid hash" in message and cache(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:1/x-00000000.pth", "refused"),
        ("file:///nowhere/x-00000000.pth", "No such file"),
    ],
)
def test_no_connection_is_one_line_with_remedies(served, tmp_path, monkeypatch, url, cause):
    at(monkeypatch, url)
    message = refused_download()
    assert url in message and cause in message
    assert "--weights FILE" in message and "--network vgg19-norm" in message
    assert cache(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_one_line(served, tmp_path):
    (tmp_path / "home").write_text("a file where the folder should be")
    assert "could not be fetched" in refused_download()


def test_a_damaged_cached_file_is_named(served, tmp_path):
    load_weights("tiny")
    kept = tmp_path / "home/hub/checkpoints" / served.name
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(data)
    message = refused_download()
    assert str(kept) in message and "delete it" in message


def refused_download():
    with pytest.raises(WeightsError) as caught:
        load_weights("tiny")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["vgg19", "vgg16", "alexnet", "googlenet"])
def test_addresses_carry_their_hash(name):
    assert re.search(r"/[\w-]+-[0-9a-f]{8}\.pth$", weights.weights_url(name))
    assert catalogue.CATALOGUE[name].origin == "download"


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_memory_that_runs_out_while_weights_are_read_is_called_that(tmp_path, monkeypatch, error):
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(1)}, path)

    def runs_out(_):
        raise error

    monkeypatch.setattr("stylespace.networks.state_dicts.load_file", runs_out)
    with pytest.raises(MemoryLimitError, match="^out of memory while .*w.safetensors was read"):
        load_weights("vgg19", str(path))


def test_weights_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        random_weights(TINY, 0).source = "x"
