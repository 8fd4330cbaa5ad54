"""Features in Python: what goes in, what comes out, what scikit-learn expects of a transformer."""

import dataclasses
import functools
import inspect
import pickle
import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from tiny import TINY_LAYERS, tiny_network
from torch.utils.data import DataLoader, TensorDataset

import stylespace as ss
from stylespace.assets import SAMPLE
from stylespace.commands.features import measuring
from stylespace.commands.features.measuring import Rows, View
from stylespace.errors import PictureError, StylespaceError, UsageError
from stylespace.images import read_image, resize, write_image
from stylespace.settings import FeaturesSettings, Vectors

PAINTINGS = ("durer-lion", "hokusai-ejiri")
KINDS = ("sketch", "mean", "gram", "covariance")
SMALL = {"weights": "random:0", "layers": ("conv1_1", "conv1_2"), "size": 32, "device": "cpu"}


@pytest.fixture(scope="module")
def network():
    return tiny_network(dtype=torch.float32)


@pytest.fixture(autouse=True, scope="module")
def two_paintings():
    """Two paintings to divide by in place of eight, which take seconds to decode."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "paintings", lambda: PAINTINGS)
        yield
    measuring.painting_norms.cache_clear()


def stack(count=5, height=24, width=32, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((count, height, width, 3), dtype="float32")


def made(network, **options):
    options = {"layers": TINY_LAYERS, "size": 32, "dimension": 40, **options}
    return ss.StyleFeatures(network=network, **options)


@pytest.mark.parametrize("rotations", [False, True])
@pytest.mark.parametrize("scaling", ["none", "paintings"])
@pytest.mark.parametrize("kind", ["mean", "gram", "covariance"])
def test_rows_are_those_of_numpy(network, kind, scaling, rotations):
    pictures = stack(2)
    found = made(network, kind=kind, scaling=scaling, rotations=rotations).transform(pictures)
    assert found.dtype == np.float32
    for row, picture in zip(found, pictures, strict=True):
        turns = range(4 if rotations else 1)
        turned = [by_numpy(network, np.rot90(picture, k, (0, 1)), kind) for k in turns]
        parts = [np.mean(part, 0) for part in zip(*turned, strict=True)]
        if scaling == "paintings":
            norms = norms_by_hand(network, kind)
            parts = [part / norm for part, norm in zip(parts, norms, strict=True)]
        assert np.allclose(row, np.concatenate(parts), rtol=2e-5, atol=1e-7)


def by_numpy(network, picture, kind):
    """The parts of a picture's row, layer by layer."""
    x = torch.tensor(picture.copy()).permute(2, 0, 1)[None].float()
    parts = []
    with torch.no_grad():
        for name in TINY_LAYERS:
            f = network(x, [name])[name][0].flatten(1).double().numpy()
            mu, g = f.mean(1), f @ f.T / f.shape[1]
            g = g - np.outer(mu, mu) if kind == "covariance" else g
            i, j = np.triu_indices(len(g))
            parts.append(mu if kind == "mean" else np.where(i == j, 1, np.sqrt(2)) * g[i, j])
    return parts


@functools.cache
def opened(name):
    return resize(read_image(SAMPLE + name), 512)[0].permute(1, 2, 0).numpy()


@functools.cache
def norms_by_hand(network, kind):
    """Mean norms over the corners of the paintings."""
    norms = []
    for name in PAINTINGS:
        picture = opened(name)
        for rows in (picture[:128], picture[-128:]):
            for patch in (rows[:, :128], rows[:, -128:]):
                norms.append([np.linalg.norm(part) for part in by_numpy(network, patch, kind)])
    return np.mean(norms, 0)


def test_a_sketch_has_the_norms_of_matrices_and_layers_weigh_alike(network):
    layers = tuple(TINY_LAYERS)
    norms = measuring.painting_norms(network, layers, "sketch")
    assert list(norms.values()) == pytest.approx(norms_by_hand(network, "gram"), rel=1e-5)
    assert Vectors().scaled and not Vectors(kind="gram").scaled
    assert Vectors(kind="gram", scaling="paintings").scaled and not Vectors(scaling="none").scaled


def test_what_holds_the_pictures_makes_no_difference(network, tmp_path):
    """Paths, arrays of either order, 16 bits, tensors, Pillow's, stacks, loaders, frames."""
    levels = np.round(stack() * 255).astype(np.uint8)
    unit = (levels / np.float32(255)).astype(np.float32)
    paths = [str(tmp_path / f"{k}.png") for k in range(len(levels))]
    for k, picture in enumerate(levels):
        Image.fromarray(picture).save(paths[k])
        np.save(tmp_path / f"{k}.npy", picture.astype(np.uint16) * 257)
    first = torch.tensor(unit).permute(0, 3, 1, 2)
    labels = torch.arange(5)
    kinds = {
        "folder": tmp_path,
        "16 bits": [str(tmp_path / f"{k}.npy") for k in range(5)],
        "uint8": list(levels),
        "stack": unit,
        "channels first": first.numpy(),
        "list": list(unit),
        "tensor": first,
        "tensors": list(first),
        "pillow": [Image.open(path) for path in paths],
        "generator": (picture for picture in unit),
        "loader": DataLoader(first, batch_size=2),
        "labelled": DataLoader(TensorDataset(first, labels), batch_size=3),
        "texts": np.array(paths),
        "column": pd.Series(paths),
        "frame": pd.DataFrame({"path": paths}),
    }
    expected = made(network).transform(paths)
    assert expected.shape == (5, 40) and np.ptp(expected, 0).max() > 0
    for name, pictures in kinds.items():
        assert np.allclose(made(network).transform(pictures), expected, atol=1e-5), name
    assert np.allclose(made(network).transform(unit[0]), expected[:1], atol=1e-5)


def test_grey_is_a_picture_of_three_equal_channels(network, tmp_path):
    grey = stack(4)[..., 0]
    np.save(tmp_path / "grey.npy", grey[0])
    expected = made(network).transform(np.repeat(grey[..., None], 3, 3))
    for pictures in (grey, grey[..., None], grey[:, None], list(grey)):
        assert np.allclose(made(network).transform(pictures), expected, atol=1e-6)
    assert np.allclose(made(network).transform(tmp_path / "grey.npy"), expected[:1], atol=1e-6)


def test_a_row_depends_on_no_other_picture_and_keeps_its_place(network):
    """Mixed sizes, of which each makes its own batches."""
    pictures = [one for k in range(6) for one in stack(2, 20 + 4 * (k % 3), 32, seed=k)]
    together = made(network).transform(pictures)
    alone = np.concatenate([made(network).transform([one]) for one in pictures])
    assert np.allclose(together, alone, atol=1e-6)
    assert np.allclose(made(network).transform(pictures[::-1]), together[::-1], atol=1e-6)


def test_batches_hold_what_memory_allows(network, monkeypatch):
    rows = Rows(network, Vectors(kind="mean"), TINY_LAYERS)
    grids = [network.grid(name, 24, 32) for name in TINY_LAYERS]
    features = sum(c * h * w for c, (h, w) in zip((4, 6, 5), grids, strict=True))
    one = 4 * (features + measuring.MAPS * 24 * 32)
    monkeypatch.setattr(measuring, "available", lambda device: 2 * 3 * one + one)
    assert rows.batch(24, 32) == 3 and rows.batch(2000, 10) == 1
    monkeypatch.setattr(measuring, "available", lambda device: 0)
    assert rows.batch(24, 32) == 1
    sizes, true = [], Rows.of
    monkeypatch.setattr(measuring, "available", lambda device: 2 * 3 * one)
    monkeypatch.setattr(Rows, "of", lambda self, p: (sizes.append(len(p)), true(self, p))[1])
    made(network).transform(stack(7))
    assert sizes == [3, 3, 1]


def test_large_pictures_are_measured_in_tiles(network, monkeypatch):
    picture = stack(1, 60, 96)
    for kind in KINDS:
        whole = made(network, kind=kind, size=96).transform(picture)
        with monkeypatch.context() as patch:
            patch.setattr(measuring, "WHOLE", 50)
            patch.setattr("stylespace.styles.style.WHOLE", 50)
            patch.setattr("stylespace.styles.style.TILE", 32)
            tiled = made(network, kind=kind, size=96).transform(picture)
        assert np.allclose(tiled, whole, rtol=1e-4, atol=1e-5)


def test_views_resize_and_cut():
    picture = stack(1, 20, 40)[0]
    assert View(30).opened(picture).shape == (1, 3, 15, 30)
    square = View(10, square=True).opened(picture)
    middle = torch.tensor(picture[:, 10:30]).permute(2, 0, 1)[None]
    assert torch.equal(square, resize(middle, 10))
    assert (View(64).count, View(100_000).count) == (32, 1)


def test_columns_are_named_and_frames_made(network):
    transformer = made(network, kind="gram")
    names = transformer.get_feature_names_out()
    assert names[:3].tolist() == ["gram.conv1_1.0.0", "gram.conv1_1.0.1", "gram.conv1_1.0.2"]
    assert len(set(names)) == len(names) == 10 + 21 + 15
    frame = transformer.set_output(transform="pandas").fit_transform(stack())
    assert list(frame.columns) == list(names) and frame.shape == (5, 46)


def test_copies_have_the_same_rows(network):
    transformer = made(network, kind="mean")
    expected = transformer.transform(stack())
    for other in (pickle.loads(pickle.dumps(transformer)), clone(transformer)):
        assert np.array_equal(other.transform(stack()), expected)


CHECKS = [
    *("check_estimator_cloneable", "check_estimator_repr", "check_no_attributes_set_in_init"),
    *("check_parameters_default_constructible", "check_set_params", "check_mixin_order"),
    *("check_get_params_invariance", "check_valid_tag_types", "check_estimator_tags_renamed"),
]


@pytest.mark.parametrize("name", CHECKS)
def test_scikit_learn_finds_a_transformer(name):
    """Its checks that do not feed tables of numbers, which are no pictures."""
    getattr(estimator_checks, name)("StyleFeatures", ss.StyleFeatures())


def test_parameters_are_the_settings_with_their_defaults():
    parameters = inspect.signature(ss.StyleFeatures).parameters
    fields = {one.name: one for one in dataclasses.fields(Vectors)}
    assert set(parameters) == set(fields)
    for name in set(fields) - {"layers", "precision"}:
        assert parameters[name].default == fields[name].default


def test_a_pipeline_tells_bright_from_dark(network):
    dark, bright = 0.3 * stack(12, seed=1), 1 - 0.3 * stack(12, seed=2)
    pictures, labels = np.concatenate([dark, bright]), [0] * 12 + [1] * 12
    line = make_pipeline(made(network, kind="mean"), LogisticRegression())
    assert line.fit(pictures[::2], labels[::2]).score(pictures[1::2], labels[1::2]) == 1


def test_a_network_by_name_is_opened_once(monkeypatch):
    transformer = ss.StyleFeatures(kind="mean", **SMALL)
    first = transformer.fit_transform(stack(2))
    monkeypatch.setattr("stylespace.networks.loading.load_weights", None)
    assert np.array_equal(transformer.transform(stack(2)), first)
    assert first.shape == (2, 128)


WRONG = [
    ({"kind": "grams"}, "unknown kind='grams'. Did you mean 'gram'?"),
    ({"layers": ["conv9_1"]}, "conv9_1"),
    ({"layers": ["conv1_1=2"]}, "have no weight"),
    ({"network": "vgg20"}, "Did you mean 'vgg"),
    ({"size": 0}, "size=0 must be at least 1."),
    ({"size": "64"}, "size='64': a whole number is needed"),
    ({"dimension": 1}, "dimension=1 leaves none of 2 layers a number"),
    ({"scaling": "painting"}, "Did you mean 'paintings'?"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=range(len(WRONG)))
def test_wrong_parameters_are_said_by_fit_in_one_line(options, words):
    with pytest.raises(UsageError) as caught:
        ss.StyleFeatures(**{**SMALL, **options}).fit()
    assert words in str(caught.value) and "--" not in str(caught.value)


def test_wrong_pictures_are_named(network, tmp_path):
    write_image(tmp_path / "fine.png", stack(1)[0])
    (tmp_path / "bad.png").write_bytes(b"none")
    np.save(tmp_path / "text.npy", np.array(["a", "b"]))
    np.save(tmp_path / "counts.npy", np.zeros((4, 5), int))
    fine, bad = (str(tmp_path / name) for name in ("fine.png", "bad.png"))
    cases = [
        ([fine, bad], "bad.png': not a picture"),
        ([str(tmp_path / "gone.png")], "gone.png"),
        ([str(tmp_path / "text.npy")], "no picture: (H, W)"),
        ([str(tmp_path / "counts.npy")], "does not say what white is"),
        ([stack(1)[0], stack(1)[0] * 300], "picture 1: the picture holds values from"),
        ([stack(1)[0, :1]], "picture 0: a picture of 32x1 pixels is too small for conv"),
        ([stack(1)[0] * np.nan], "picture 0: the picture holds NaN"),
        ([], "no pictures"),
        ([5], "picture 0: a picture is a path"),
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), "divide it by 255"),
    ]
    for pictures, words in cases:
        with pytest.raises(PictureError) as caught:
            made(network).transform(pictures)
        assert words in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="X is of type int: pictures are needed"):
        made(network).transform(5)


def test_settings_refuse_what_no_table_is_made_of():
    for options, words in [({}, "no picture"), ({"pictures": ("",)}, "no picture")]:
        with pytest.raises(StylespaceError, match=words):
            FeaturesSettings(**options)
    assert FeaturesSettings(pictures=("a.png",)).inputs() == ("a.png",)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_features_take_little_longer_than_the_network(one_thread, kind):
    """The least processor time of 15 turns each, taken by turns, opening and checking included."""
    network, pictures = ss.load_network(), torch.rand(4, 3, 224, 224)
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    transformer = ss.StyleFeatures(kind=kind, network=network)

    @torch.no_grad()
    def bare():
        network(pictures, layers)

    turns = [(seconds(bare), seconds(lambda: transformer.transform(pictures))) for _ in range(16)]
    alone, whole = map(min, zip(*turns[1:], strict=True))
    print(kind, whole / alone)
    assert whole <= 1.15 * alone


def seconds(call):
    began = time.process_time()
    call()
    return time.process_time() - began
