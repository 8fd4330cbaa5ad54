"""Collections: pictures in folders, their kept styles, statistics and neighbours."""

import gc
import os
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import seeded_picture, tiny_network

from stylespace.errors import OutputError, PictureError, StyleError, UsageError, WeightsError
from stylespace.images import read_image, resize, write_image
from stylespace.networks.loading import load_network
from stylespace.reports.collections import (
    Collection,
    Measurement,
    cache,
    cache_folder,
    captured,
    capturing,
    collection_statistics,
    neighbours,
    pictures_in,
)
from stylespace.settings import StyleLayers
from stylespace.styles.distances import DISTANCES, distance_matrix, streamed_distances
from stylespace.styles.statistics.layers import flattened, layer_statistics
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = StyleLayers(layers=("conv1_1", "conv3_1"))
SIZES = {"b.png": (32, 48), "deep/a.JPG": (40, 32), "deep/er/c.webp": (33, 45), "d.tiff": (32, 32)}


@pytest.fixture
def folder(tmp_path):
    """A folder with four small pictures, two levels deep."""
    root = tmp_path / "pictures"
    for seed, (name, size) in enumerate(SIZES.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, seeded_picture(*size, seed=seed, dtype=torch.float32))
    return root


def measured(pictures, kept, **options):
    network = options.pop("network", None) or tiny_network(dtype=torch.float32)
    options = {"size": 24, "executor": "serial", "folder": kept, **options}
    return captured(pictures, options.pop("settings", LAYERS), network, **options)


def names(paths, folder):
    return [path.relative_to(folder).as_posix() for path in paths]


# Pictures in a folder.


def test_pictures_are_found_at_every_depth_in_order(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden").mkdir()
    for hidden in (".hidden/e.png", "._b.png"):
        shutil.copy(folder / "b.png", folder / hidden)
    (folder / "deep" / "round").symlink_to(folder, target_is_directory=True)
    found = ["b.png", "d.tiff", "deep/a.JPG", "deep/er/c.webp"]
    assert names(pictures_in(folder), folder) == found
    assert pictures_in(str(folder)) == pictures_in(folder)


def test_a_folder_without_pictures_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(PictureError, match=r"no pictures in this folder.*\.png, \.jpg") as error:
        pictures_in(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_is_none_is_refused(folder):
    with pytest.raises(PictureError, match="no such folder. Did you mean 'pictures'"):
        pictures_in(folder.parent / "picture")
    with pytest.raises(PictureError, match="a file, where a folder is needed"):
        pictures_in(folder / "b.png")


def test_folders_that_cannot_be_listed_are_reported(folder, tmp_path, monkeypatch):
    listed = os.scandir

    def refusing(path):
        if Path(path).name in closed:
            raise PermissionError(13, "permission denied", os.fspath(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    closed = {"deep"}
    found = pictures_in(folder)
    assert names(found, folder) == ["b.png", "d.tiff", "deep"]
    with monkeypatch.context() as patch:
        patch.undo()
        collection = measured(found, tmp_path / "kept")
    assert [one.picture for one in collection.skipped] == [folder / "deep"]
    assert collection.skipped[0].reason == "this folder cannot be listed; allow reading it."
    closed = {"pictures"}
    with pytest.raises(PictureError, match="cannot be listed"):
        pictures_in(folder)


# Styles that are kept.


def test_kept_styles_are_those_of_the_pictures(folder, tmp_path):
    pictures, network = pictures_in(folder), tiny_network(dtype=torch.float32)
    found = measured(pictures, tmp_path / "kept")
    assert list(found.styles) == list(pictures) and not found.skipped and found.measured == 4
    for picture, file in found.styles.items():
        image = resize(read_image(picture), 24)
        expected = Style.capture(network, image, ["conv1_1", "conv3_1"])
        style = Style.load(file)
        assert style.space == expected.space and set(style.layers) == set(expected.layers)
        for name, layer in expected.layers.items():
            assert torch.equal(style.layers[name].gram, layer.gram)
            assert torch.equal(style.layers[name].mean, layer.mean)
        assert style.provenance == expected.provenance  # which carries no name


def test_what_is_kept_is_not_measured_again(folder, tmp_path, monkeypatch):
    pictures, kept = pictures_in(folder), tmp_path / "kept"
    first = measured(pictures, kept)
    before = {path: path.read_bytes() for path in kept.iterdir()}
    monkeypatch.setattr(cache, "keep", None)  # a call would fail
    monkeypatch.setattr(capturing, "executor_for", None)  # and no worker is started
    again = measured(pictures, kept)
    assert again == replace(first, measured=0)
    assert {path: path.read_bytes() for path in kept.iterdir()} == before


def test_the_key_is_the_content_of_the_file_not_its_name(folder, tmp_path):
    kept = tmp_path / "kept"
    shutil.copy(folder / "b.png", folder / "z.png")
    found = measured(pictures_in(folder), kept)
    assert found.styles[folder / "b.png"] == found.styles[folder / "z.png"]
    assert len(found.styles) == 5 and found.measured == len(list(kept.iterdir())) == 4
    shutil.move(folder / "b.png", folder / "moved.png")
    assert measured(pictures_in(folder), kept).measured == 0
    write_image(folder / "moved.png", torch.zeros(1, 3, 32, 40), force=True)
    assert measured(pictures_in(folder), kept).measured == 1


def test_every_setting_that_decides_a_style_decides_its_file(folder, tmp_path):
    picture, kept = [folder / "b.png"], tmp_path / "kept"
    changes = [
        {},
        {"size": 25},
        {"settings": StyleLayers(layers=("conv1_1",))},
        {"network": tiny_network(dtype=torch.float64)},
        {"network": tiny_network(dtype=torch.float32, pooling="max")},
        {"network": tiny_network(dtype=torch.float32, padding="reflect")},
        {"network": tiny_network(dtype=torch.float32, seed=1)},
    ]
    files = [measured(picture, kept, **change).styles[picture[0]] for change in changes]
    assert len(set(files)) == len(changes) == len(list(kept.iterdir()))
    assert [measured(picture, kept, **change).measured for change in changes] == [0] * len(changes)
    again = StyleLayers(layers=("relu3_1", "conv1_1=2"))  # the same layers in other words
    assert measured(picture, kept, settings=again).styles[picture[0]] == files[0]


def test_kept_styles_are_never_of_half_precision(folder, tmp_path):
    single, half = (
        measured([folder / "b.png"], tmp_path / str(dtype), network=tiny_network(dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    )
    (kept,), (other,) = single.styles.values(), half.styles.values()
    assert kept.name == other.name and kept.read_bytes() == other.read_bytes()


def test_the_edition_decides_the_file_too(folder, tmp_path, monkeypatch):
    picture, kept = [folder / "b.png"], tmp_path / "kept"
    measured(picture, kept)
    monkeypatch.setattr(cache, "EDITION", cache.EDITION + 1)
    assert measured(picture, kept).measured == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "other space", "other layers"])
def test_a_damaged_file_is_measured_again(folder, tmp_path, damage):
    picture, kept = [folder / "b.png"], tmp_path / "kept"
    (file,) = measured(picture, kept).styles.values()
    content, style = file.read_bytes(), Style.load(file)
    if damage == "other space":
        replace(style, space=replace(style.space, pooling="max")).save(file, force=True)
    elif damage == "other layers":
        style.pick(["conv1_1"]).save(file, force=True)
    else:
        file.write_bytes(content[:-9] if damage == "cut" else b"")
    assert measured(picture, kept).measured == 1 and file.read_bytes() == content


def test_bad_pictures_are_reported_and_skipped(folder, tmp_path):
    (folder / "aa.png").write_bytes(b"not a picture")
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:200])
    (folder / "empty.jpg").touch()
    write_image(folder / "thin.png", torch.rand(1, 3, 1, 64))
    seen = []
    pictures = [*pictures_in(folder), folder / "gone.png"]
    found = measured(pictures, tmp_path / "kept", watch=seen.append)
    bad = ["aa.png", "cut.png", "empty.jpg", "thin.png", "gone.png"]
    assert [path.name for path, _ in found.skipped] == bad and len(found.styles) == 4
    reasons = {path.name: reason for path, reason in found.skipped}
    assert "not a picture that can be read" in reasons["aa.png"]
    assert "damaged or cut short" in reasons["cut.png"]
    assert reasons["empty.jpg"].startswith("the file is empty")
    assert "too small for conv3_1" in reasons["thin.png"]
    assert reasons["gone.png"].startswith("no such file")
    assert not any("\n" in reason or str(folder) in reason for reason in reasons.values())
    assert [one.number for one in seen] == list(range(1, 10)) and {one.total for one in seen} == {9}
    assert {one.picture.name: one.reason for one in seen if one.reason} == reasons
    assert measured(pictures, tmp_path / "kept") == replace(found, measured=0)


def test_a_picture_of_a_network_that_gives_no_numbers_is_skipped(folder, tmp_path):
    network = tiny_network(dtype=torch.float32)
    network.filters["third"][0].fill_(torch.inf)
    with pytest.raises(PictureError, match=r"none of 4 .*/b.png'.*not finite"):
        measured(pictures_in(folder), tmp_path / "kept", network=network)
    assert not list((tmp_path / "kept").iterdir())


def test_not_one_good_picture_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(PictureError, match=r"none of 1 pictures could be measured; '.*a.png': not"):
        measured([tmp_path / "a.png"], tmp_path / "kept")
    with pytest.raises(PictureError, match="no pictures: name at least one"):
        measured([], tmp_path / "kept")


def test_progress_tells_the_kept_ones_first(folder, tmp_path):
    pictures, seen = pictures_in(folder), []
    measured(pictures[2:], tmp_path / "kept")
    measured(pictures, tmp_path / "kept", watch=seen.append)
    assert [one.picture for one in seen] == [*pictures[2:], *pictures[:2]]
    assert [one.kept for one in seen] == [True, True, False, False]
    assert [(one.number, one.total) for one in seen] == [(n, 4) for n in (1, 2, 3, 4)]
    assert all(0 <= a.seconds <= b.seconds for a, b in zip(seen, seen[1:], strict=False))


def test_an_interrupted_call_loses_nothing(folder, tmp_path):
    pictures, kept = pictures_in(folder), tmp_path / "kept"

    def stop(seen):
        if seen.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(pictures, kept, watch=stop)
    assert len(list(kept.iterdir())) == 2
    assert measured(pictures, kept).measured == 2


def test_a_style_is_measured_in_one_thread_wherever(folder, tmp_path, monkeypatch):
    threads, capture = [], Style.capture

    def counted(*arguments):
        threads.append(torch.get_num_threads())
        return capture(*arguments)

    monkeypatch.setattr(Style, "capture", staticmethod(counted))
    torch.set_num_threads(2)
    measured(pictures_in(folder), tmp_path / "kept")
    assert threads == [1] * 4 and torch.get_num_threads() == 2


@pytest.mark.slow
def test_worker_processes_keep_the_same_bytes(folder, tmp_path):
    (folder / "bad.png").write_bytes(b"no")
    settings = StyleLayers(layers=("conv1_1",), weights="random:0", device="cpu")
    network, pictures = load_network(weights="random:0"), pictures_in(folder)
    options = {"settings": settings, "network": network, "size": 20}
    far = measured(pictures, tmp_path / "far", executor="processes", workers=2, **options)
    near = measured(pictures, tmp_path / "near", **options)
    assert [path.name for path, _ in far.skipped] == ["bad.png"] and far.measured == 4
    assert list(far.styles) == list(near.styles) and far.skipped == near.skipped
    for picture, file in far.styles.items():
        assert file.read_bytes() == near.styles[picture].read_bytes()


def test_a_worker_with_another_network_is_refused():
    settings = StyleLayers(weights="random:0", device="cpu")
    space = load_network(weights="random:1").space
    cache.worker_network.cache_clear()
    with pytest.raises(WeightsError, match=r"another network \(weights .* instead of "):
        cache.worker_network(settings, space)


def test_a_worker_has_the_precision_of_the_network_that_is_loaded_here():
    settings = StyleLayers(weights="random:0")
    network = load_network(weights="random:0", precision="float64")
    placed = capturing._placed(settings, network)
    assert (placed.precision, placed.device) == ("float64", "cpu")
    assert cache.worker_network(placed, network.space).dtype == torch.float64


def test_styles_are_kept_beside_downloaded_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    assert cache_folder() == tmp_path / "hub" / "stylespace" / "styles"
    assert not cache_folder().exists()


def test_the_folder_of_kept_styles_is_the_default(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "new" / "styles")
    found = measured([folder / "b.png"], None)
    assert [file.parent for file in found.styles.values()] == [tmp_path / "new" / "styles"]
    assert len(list(folder.iterdir())) == 3, "nothing is written beside the pictures"


def test_a_folder_that_cannot_be_made_is_named(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file.*cannot be made.*TORCH_HOME"):
        measured([folder / "b.png"], tmp_path / "file" / "kept")


def test_a_measurement_has_the_networks_own_layers():
    found = Measurement.of(tiny_network(), LAYERS, 24)
    assert found.layers == ("conv1_1", "conv3_1") and found.dtype == "torch.float64"
    with pytest.raises(UsageError, match="conv2_2"):
        Measurement.of(tiny_network(), StyleLayers(layers=("conv2_2",)), 24)


# Statistics and neighbours.


@pytest.fixture
def collection(folder, tmp_path):
    return measured(pictures_in(folder), tmp_path / "kept")


def test_statistics_are_those_of_every_style(collection):
    seen = []
    found = collection_statistics(collection.styles, watch=lambda *count: seen.append(count))
    assert list(found) == list(collection.styles) and seen == [(n, 4) for n in (1, 2, 3, 4)]
    for picture, layers in found.items():
        style = Style.load(collection.styles[picture])
        for name, numbers in layers.items():
            layer = style.layers[name]
            assert numbers == flattened(layer_statistics(layer.gram, layer.mean))
            rank = layer.gram.double()
            assert numbers["effective_rank"] == pytest.approx(
                float(rank.trace() ** 2 / rank.square().sum())
            )
        assert set(layers) == {"conv1_1", "conv3_1"}


@pytest.mark.parametrize("kind", DISTANCES)
def test_neighbours_are_the_nearest_of_the_matrix(collection, kind):
    pictures = list(collection.styles)
    styles = [Style.load(file) for file in collection.styles.values()]
    matrices = distance_matrix(styles, kind)
    for number, style in enumerate(styles):
        found = neighbours(style, collection.styles, kind=kind, count=3)
        order = np.argsort(matrices["together"][number])[:3]
        assert [one.picture for one in found] == [pictures[place] for place in order]
        for one, place in zip(found, order, strict=True):
            assert one.distance == pytest.approx(matrices["together"][number, place], abs=1e-13)
            for name, value in one.layers.items():
                assert value == pytest.approx(matrices[name][number, place], abs=1e-13)
        assert found[0].picture == pictures[number] and found[0].distance < 1e-13


def test_neighbours_look_at_the_layers_of_the_style_alone(collection):
    style = Style.load(next(iter(collection.styles.values()))).pick(["conv3_1"])
    found = neighbours(style, collection.styles, count=99)
    assert len(found) == 4 and all(list(one.layers) == ["conv3_1"] for one in found)


def test_equally_near_pictures_keep_their_order(collection):
    picture, file = next(iter(collection.styles.items()))
    alike = {Path(name): file for name in "zxy"} | {picture: file}
    found = neighbours(Style.load(file), alike)
    assert [one.picture for one in found] == list(alike)


def test_neighbours_refuse_what_does_not_compare(collection, tmp_path):
    style = Style.load(next(iter(collection.styles.values())))
    for count in (0, -1):
        with pytest.raises(UsageError, match="at least 1"):
            neighbours(style, collection.styles, count=count)
    with pytest.raises(UsageError, match="'grams'"):
        neighbours(style, collection.styles, kind="grams")
    with pytest.raises(StyleError, match="pooling"):
        other = replace(style, space=replace(style.space, pooling="max"))
        neighbours(other, collection.styles)
    with pytest.raises(StyleError, match="missing"):
        neighbours(style, {Path("a.png"): tmp_path / "none.style.safetensors"})


def test_kept_styles_have_streamed_distances(collection):
    files = list(collection.styles.values())
    found = streamed_distances(files, "gram").matrices
    for name, matrix in distance_matrix([Style.load(file) for file in files]).items():
        assert found[name] == pytest.approx(matrix, abs=1e-7)


def live_styles():
    return sum(type(one) is Style for one in gc.get_objects())


@pytest.mark.slow
def test_a_thousand_styles_are_never_in_memory_together(collection, monkeypatch):
    """Neither as Python memory nor as living styles, whose tensors Python does not count."""
    file = next(iter(collection.styles.values()))
    style, most, load = Style.load(file), [], Style.load

    def counted(path):
        most.append(live_styles())
        return load(path)

    peaks = {}
    for count in (50, 1000):
        many = {Path(f"{number}.png"): file for number in range(count)}
        tracemalloc.start()
        assert len(neighbours(style, many, count=5)) == 5
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[1000] - peaks[50] < 950 * 1500  # bytes of a result: a name and three numbers
    monkeypatch.setattr(Style, "load", staticmethod(counted))
    neighbours(style, dict(list(many.items())[:20]))
    assert len(most) == 20 and max(most) - min(most) <= 1


def test_measuring_many_pictures_holds_one_at_a_time(folder, tmp_path, monkeypatch):
    most, keep = [], cache.keep

    def counted(*arguments):
        gc.collect()
        most.append(live_styles())
        keep(*arguments)

    monkeypatch.setattr(cache, "keep", counted)
    found = measured(pictures_in(folder), tmp_path / "kept")
    assert isinstance(found, Collection) and len(most) == 4 and len(set(most)) == 1
