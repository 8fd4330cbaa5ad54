"""Edits: the changed matrix by numpy, the figures, and the command from end to end."""

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import RANDOM, SMALL, assert_refused, listing, picture_file
from PIL import Image

from stylespace.commands.edit.edits import edit, edited
from stylespace.errors import UsageError
from stylespace.images import read_image, read_recipe, resize
from stylespace.networks.loading import load_network

PLACE = "conv1_2"
TWO = ("conv1_1", "conv1_2")
OPTIONS = {"size": 40, "iterations": 60, "layers": TWO, "weights": "random:0", "device": "cpu"}


@pytest.fixture(scope="module")
def net():
    return load_network(weights="random:0", device="cpu")


@pytest.fixture
def painting(tmp_path):
    """A smooth picture, 30 x 40, so that no entry is a matter of noise."""
    generator = torch.Generator().manual_seed(3)
    small = resize(torch.rand(1, 3, 6, 8, generator=generator), 40).clamp(0, 1)
    pixels = (255 * small[0].permute(1, 2, 0)).round().byte().numpy()
    Image.fromarray(pixels).save(tmp_path / "p.png")
    return str(tmp_path / "p.png")


def gram_of(net, image, layer):
    """In numpy."""
    with torch.no_grad():
        x = net(image, [layer])[layer][0].flatten(1).double().numpy()
    return x @ x.T / x.shape[1]


def entries_of(net, painting, layer=PLACE):
    """A painting's Gram matrix at 40 px, its largest off-diagonal place, and a zero one."""
    g = gram_of(net, resize(read_image(painting), 40), layer)
    upper = np.triu(g, 1)
    places = np.argwhere(np.triu(np.ones_like(g), 1))
    silent = [tuple(map(int, place)) for place in places if g[tuple(place)] == 0]
    return g, tuple(map(int, np.unravel_index(upper.argmax(), g.shape))), silent


# --- the changed matrix


def random_gram(channels=6, positions=4, seed=0):
    x = np.random.default_rng(seed).random((channels, positions))
    return x @ x.T / positions


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 4.0, 100.0])
@pytest.mark.parametrize("channel", [0, 3, 5])
def test_a_diagonal_edit_is_that_of_a_scaled_channel(factor, channel):
    """Of rank 4 among 6 channels: only the right row keeps it positive semidefinite."""
    x = np.random.default_rng(0).random((6, 4))
    scaled = x.copy()
    scaled[channel] *= np.sqrt(factor)
    found = edited(torch.tensor(x @ x.T), channel, channel, factor).numpy()
    np.testing.assert_allclose(found, scaled @ scaled.T, rtol=1e-12, atol=1e-12)
    values = np.linalg.eigvalsh(found)
    assert values.min() > -1e-12 * values.max()
    alone = (x @ x.T).copy()
    alone[channel, channel] *= factor  # without its row
    assert factor >= 1 or np.linalg.eigvalsh(alone).min() < -1e-3


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("pair", [(0, 1), (5, 2)])
def test_an_off_diagonal_edit_changes_the_entry_and_its_mirror_image_alone(factor, pair):
    g = random_gram()
    found = edited(torch.tensor(g), *pair, factor).numpy()
    expected = g.copy()
    expected[pair] *= factor
    expected[pair[::-1]] *= factor
    assert np.array_equal(found, expected)
    assert np.array_equal(found, found.T)


def test_the_matrix_given_stays_as_it_was():
    g = torch.tensor(random_gram())
    before = g.clone()
    edited(g, 2, 2, 0.0)
    edited(g, 1, 2, 9.0)
    assert torch.equal(g, before)


# --- from end to end


def run(net, painting, pair, factor, **more):
    return edit(painting, PLACE, pair, network=net, factor=factor, **{**OPTIONS, **more})


def assert_numpys(net, painting, made, pair, layers=TWO):
    """The figures against Gram matrices of the written picture and the painting."""
    image, start = made.image, resize(read_image(painting), 40)
    assert image.shape == start.shape == (1, 3, 30, 40)
    i, j = pair
    g, a = (gram_of(net, one, PLACE) for one in (image, start))
    mask = np.ones_like(a)
    mask[i, j] = mask[j, i] = 0
    expected = {
        "value": g[i, j],
        "painting_value": a[i, j],
        "ratio": g[i, j] / a[i, j],
        "rest": ((mask * (g - a)) ** 2).sum() / ((mask * a) ** 2).sum(),
        "change": float(np.abs(image.numpy() - start.numpy()).mean()),
    }
    for layer in layers:
        mine, its = (gram_of(net, one, layer) for one in (image, start))
        expected[f"gram.{layer}"] = ((mine - its) ** 2).sum() / (its**2).sum()
    for name, value in expected.items():
        assert made.figures[name] == pytest.approx(value, rel=1e-3, abs=1e-7), name


@pytest.mark.parametrize("diagonal", [False, True])
def test_an_entry_falls_with_factor_0_and_rises_with_factor_4(net, painting, one_thread, diagonal):
    g, (i, j), _ = entries_of(net, painting)
    pair = (i, i) if diagonal else (i, j)
    less, more = (run(net, painting, pair, factor) for factor in (0, 4))
    assert less.figures["ratio"] < 0.7
    assert more.figures["ratio"] > 1.3
    assert less.figures["painting_value"] == pytest.approx(g[pair], rel=1e-4)
    for made in (less, more):
        assert_numpys(net, painting, made, pair)
        assert 0 < made.figures["rest"] < 1
        assert torch.equal(made.beside, resize(read_image(painting), 40))
        assert made.settings.place() == (PLACE, *pair)


def test_the_rest_stays_small_where_it_is_held(net, painting, one_thread):
    _, pair, _ = entries_of(net, painting)
    held, free = (run(net, painting, pair, 0, hold=hold) for hold in (10, 0))
    assert free.figures["ratio"] < held.figures["ratio"] < 1
    assert held.figures["rest"] < 0.1
    assert held.figures["rest"] < 0.5 * free.figures["rest"]
    assert held.figures["style_distance"] < free.figures["style_distance"]


def test_factor_1_leaves_the_painting_as_it_is(net, painting, one_thread):
    _, pair, _ = entries_of(net, painting)
    same = run(net, painting, pair, 1, iterations=5)
    assert same.figures["ratio"] == pytest.approx(1, abs=1e-2)
    assert same.figures["rest"] < 1e-3 and same.figures["change"] < 1 / 255


def test_a_start_from_noise_makes_another_picture(net, painting, one_thread):
    _, pair, _ = entries_of(net, painting)
    one, other, same = (
        run(net, painting, pair, 4, init="noise", seed=seed, iterations=10) for seed in (0, 1, 0)
    )
    assert torch.equal(one.image, same.image) and not torch.equal(one.image, other.image)
    assert one.figures["change"] > 0.02
    assert_numpys(net, painting, one, pair)


def test_weights_of_layers_are_heard(net, painting, one_thread):
    """The layer that weighs a thousand times more is held nearer, at the cost of the other."""
    _, pair, _ = entries_of(net, painting)
    first, second = (
        run(net, painting, pair, 4, layers=layers, hold=10)
        for layers in (("conv1_1=1000", "conv1_2"), ("conv1_1", "conv1_2=1000"))
    )
    assert first.figures["gram.conv1_1"] < 0.9 * second.figures["gram.conv1_1"]
    assert first.figures["rest"] > 1.1 * second.figures["rest"]


def test_the_layer_of_the_entry_is_held_though_no_style_layer(net, painting, one_thread):
    _, pair, _ = entries_of(net, painting)
    made = run(net, painting, pair, 0, layers="conv1_1", iterations=5)
    assert {"gram.conv1_1", "gram.conv1_2"} <= set(made.figures)
    assert_numpys(net, painting, made, pair)


def test_a_silent_entry_is_refused_in_one_line(net, painting):
    _, _, silent = entries_of(net, painting)
    with pytest.raises(UsageError) as caught:
        run(net, painting, silent[0], 4)
    message = str(caught.value)
    i, j = silent[0]
    assert f"{PLACE} {i},{j} is zero in this painting" in message and "\n" not in message
    assert "entries='top:8' painting=" in message


# --- the command


def test_the_command_writes_picture_and_figure(call, net, painting):
    _, (i, j), _ = entries_of(net, painting)
    command = ("edit", painting, "--layer", PLACE, "--entry", f"{i},{j}", *RANDOM,
               "--size", "40", "--iterations", "30", "--factor", "0", "--quiet")  # fmt: skip
    result = call(*command, "--json")
    assert result.code == 0, result.err
    said = result.json
    names = [f"edit-p-{PLACE}-{i}-{j}.png", f"edit-p-{PLACE}-{i}-{j}-figure.png"]
    assert said["command"] == "edit" and said["outputs"] == names
    assert (said["stopped"], said["evaluations"]) == ("steps", 30)
    assert said["figures"]["ratio"] < 0.9
    assert {f"gram.conv{k}_1" for k in range(1, 6)} | {f"gram.{PLACE}"} <= set(said["figures"])
    record = read_recipe(names[0])
    assert record["recipe"] == said["recipe"] and list(record["inputs"]) == [painting]
    assert read_image(names[0]).shape == (1, 3, 30, 40)
    with Image.open(names[1]) as figure:
        figure.load()
        assert figure.format == "PNG" and figure.width > 2 * figure.height
    again = call("run", names[0], "--quiet")
    assert again.paths == [name.replace(f"-{j}", f"-{j}-2", 1) for name in names]
    assert Path(again.paths[0]).read_bytes() == Path(names[0]).read_bytes()


def test_the_command_takes_style_layers_of_its_own(call, net, painting):
    _, (i, j), _ = entries_of(net, painting)
    result = call("edit", painting, "--layer", PLACE, "--entry", f"{i},{j}", *SMALL,
                  "--layers", "conv1_1", "--json")  # fmt: skip
    assert result.code == 0, result.err
    grams = {name for name in result.json["figures"] if name.startswith("gram.")}
    assert grams == {"gram.conv1_1", f"gram.{PLACE}"}
    assert result.json["recipe"]["layer"] == PLACE
    assert result.json["recipe"]["layers"] == ["conv1_1"]


def test_a_style_file_is_refused(call):
    picture = picture_file("q.png")
    options = ("--layers", "conv1_1,conv1_2", *RANDOM, "--size", "32")
    assert call("capture", picture, *options).code == 0
    before = listing()
    result = call("edit", "q.style.safetensors", "--layer", PLACE, "--entry", "1,2", *SMALL)
    assert_refused(result, 2, "picture", "style file")
    assert listing() == before


def test_a_style_file_is_refused_from_python(call, net):
    picture = picture_file("q.png")
    options = ("--layers", "conv1_1,conv1_2", *RANDOM, "--size", "32")
    assert call("capture", picture, *options).code == 0
    with pytest.raises(UsageError, match="no style file"):
        run(net, "q.style.safetensors", (1, 2), 4)


def test_an_entry_that_is_zero_in_the_painting_is_refused(call, net, painting):
    _, _, silent = entries_of(net, painting)
    i, j = silent[0]
    before = listing()
    result = call("edit", painting, "--layer", PLACE, "--entry", f"{i},{j}", *RANDOM,
                  "--size", "40", "--iterations", "2")  # fmt: skip
    assert_refused(result, 2, f"{PLACE} {i},{j} is zero", "top:8")
    assert listing() == before
