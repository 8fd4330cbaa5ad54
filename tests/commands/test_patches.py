"""Patches: where they lie, which they are, and what the paintings are evaluated for."""

import numpy as np
import pytest
import torch
from tiny import seeded_picture, tiny_network

import stylespace as ss
from stylespace.assets import paintings
from stylespace.commands.probe.patches import (
    MOST_PATCHES,
    PAINTING_SIDE,
    SHOWN_SIDE,
    SMALLEST_PATCH,
    Paintings,
    Patches,
)
from stylespace.images import resize_to
from stylespace.networks.network import Network
from stylespace.styles.gram import gram
from stylespace.styles.sources import open_picture

pytestmark = pytest.mark.usefixtures("one_thread")

PICTURES = {
    name: seeded_picture(height, width, seed=seed)
    for seed, (name, height, width) in enumerate(
        [("wide", 70, 121), ("high", 118, 45), ("small", 20, 90)]
    )
}
LAYERS = ("conv1_1", "conv2_1", "conv3_1")


def products(net, picture, layer, i, j):
    """F_i F_j of one picture in numpy, (h, w)."""
    features = net(picture, [layer])[layer][0].numpy()
    return features[i] * features[j]


def crop(picture, position, side):
    """The square of a side around a centre, moved inside the picture."""
    side = min(side, *picture.shape[2:])
    corners = (
        min(max(round(at - (side - 1) / 2), 0), length - side)
        for at, length in zip(position, picture.shape[2:], strict=True)
    )
    top, left = corners
    return top, left, side, picture[..., top : top + side, left : left + side]


@pytest.mark.parametrize("layer", LAYERS)
def test_patches_are_those_of_a_search_over_all_positions(tiny, layer):
    i, j = 1, 3
    found = Paintings(tiny, PICTURES).patches(layer, i, j)
    reach = tiny.reach(layer)
    candidates = sorted(
        (
            (-value, name, (y * reach.stride + shift, x * reach.stride + shift))
            for name, picture in PICTURES.items()
            for shift in [(reach.after - reach.before) / 2]
            for (y, x), value in np.ndenumerate(products(tiny, picture, layer, i, j))
            if value > 0
        ),
        key=lambda one: one[0],
    )
    taken = []
    for value, name, position in candidates:
        top, left, side, patch = crop(PICTURES[name], position, max(reach.field, SMALLEST_PATCH))
        free = all(
            max(abs(top - other[0]), abs(left - other[1])) >= side / 2
            for other in taken
            if other[2] == name
        )
        if free and len(taken) < MOST_PATCHES:
            taken.append((top, left, name, -value, position, patch))
    assert list(found.paintings) == [one[2] for one in taken]
    assert list(found.products) == pytest.approx([one[3] for one in taken])
    assert list(found.positions) == [one[4] for one in taken]
    assert found.pictures.shape == (len(taken), 3, SHOWN_SIDE, SHOWN_SIDE)
    for picture, one in zip(found.pictures, taken, strict=True):
        assert torch.equal(picture[None], resize_to(one[5], SHOWN_SIDE, SHOWN_SIDE))
    assert len(taken) > 4 and len(set(found.paintings)) > 1


@pytest.mark.parametrize("spot", [(25, 61), (90, 140), (2, 3), (109, 157)])
@pytest.mark.parametrize("layer", ["conv2_1", "conv3_1", "conv4_1"])
def test_a_patch_shows_what_fires(layer, spot):
    """A black picture with one bright square: the first patch holds it, near its middle."""
    net = ss.load_network()
    picture = torch.zeros(1, 3, 112, 160)
    y, x = spot
    picture[..., y : y + 4, x : x + 4] = 1
    black = net(torch.zeros_like(picture), [layer])[layer]
    lit = net(picture, [layer])[layer]
    channel = int((lit.amax((2, 3)) - black.amax((2, 3))).argmax())  # fires for the square
    found = Paintings(net, {"spot": picture}).patches(layer, channel, channel)
    side = min(max(net.reach(layer).field, SMALLEST_PATCH), 112)
    shown = found.pictures[0].mean(0) * (SHOWN_SIDE / side) ** -2
    whole = float(picture.mean(1).sum())
    assert float(shown.sum()) == pytest.approx(whole, rel=0.15)  # all of the square is inside
    row, column = found.positions[0]
    assert abs(row - (y + 1.5)) <= net.reach(layer).field / 2
    assert abs(column - (x + 1.5)) <= net.reach(layer).field / 2


def test_positions_are_the_centres_of_what_is_seen(tiny):
    """By the gradient of one position: the pixels on which it depends."""
    picture = seeded_picture(40, 52)
    found = Paintings(tiny, {"one": picture}).patches("conv3_1", 2, 2)
    for position, product in zip(found.positions, found.products, strict=True):
        image = picture.clone().requires_grad_()
        features = tiny(image, ["conv3_1"])["conv3_1"][0, 2]
        place = int((features.square() - product).abs().argmin())
        (gradient,) = torch.autograd.grad(features.flatten()[place], image)
        seen = gradient.abs().sum((0, 1)).nonzero().double()
        low, high = seen.amin(0), seen.amax(0)
        inside = (low > 0) & (high < torch.tensor([39, 51]))
        middle = (low + high) / 2
        expected = torch.tensor(position, dtype=torch.float64)
        torch.testing.assert_close(middle[inside], expected[inside])


def test_silent_channels_have_no_patches(tiny):
    dark = {"dark": torch.zeros(1, 3, 40, 52, dtype=torch.float64)}
    net = tiny_network()
    with torch.no_grad():
        silent = int(net(dark["dark"], ["conv1_1"])["conv1_1"].amax((0, 2, 3)).argmin())
        net.filters["first"][1][silent] = -1e3
    found = Paintings(net, dark).patches("conv1_1", silent, 0)
    assert found.pictures.shape == (0, 3, SHOWN_SIDE, SHOWN_SIDE)
    assert (found.products, found.paintings, found.positions) == ((), (), ())
    assert Paintings(net, dark).percentile("conv1_1", silent, 0, 1e-9, (9, 9)) == 100
    assert Paintings(net, dark).percentile("conv1_1", silent, 0, 0.0, (9, 9)) == 0


@pytest.mark.parametrize("layer", LAYERS)
def test_values_and_percentiles_are_numpys(tiny, layer):
    seen = Paintings(tiny, PICTURES)
    assert seen.names == tuple(PICTURES)
    expected = [products(tiny, one, layer, 0, 2).mean() for one in PICTURES.values()]
    assert seen.values(layer, 0, 2) == pytest.approx(expected)
    maps = [products(tiny, p, layer, 0, 2) for p in PICTURES.values()]
    for window in ((1, 1), (3, 7), (8, 8), (6, 200), (500, 500)):
        every = np.concatenate([windows(one, *window) for one in maps])
        peak = float(every.max())
        for value in (0.0, 1e-9, float(np.quantile(every, 0.503)), 1.01 * peak):
            found = seen.percentile(layer, 0, 2, value, window)
            assert found == pytest.approx(100 * np.mean(every < value))


def windows(product, height, width):
    """The mean of every window, cut to the map, by taking it out."""
    h, w = (min(pair) for pair in zip(product.shape, (height, width), strict=True))
    rows, columns = product.shape[0] - h + 1, product.shape[1] - w + 1
    return np.array(
        [product[y : y + h, x : x + w].mean() for y in range(rows) for x in range(columns)]
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_a_value_above_every_painting_is_above_all_windows_of_their_size(tiny, layer):
    """A mean over a picture is compared with means, not with single positions that stand out."""
    seen = Paintings(tiny, PICTURES)
    above = 1.001 * max(seen.values(layer, 0, 2))
    assert seen.percentile(layer, 0, 2, above, (500, 500)) == 100
    assert seen.percentile(layer, 0, 2, above, (1, 1)) < 95


@pytest.mark.parametrize("layer", LAYERS)
def test_the_agreement_of_paintings_is_the_median_cosine_of_two(tiny, layer):
    features = [tiny(one, [layer])[layer][0].flatten(1).numpy() for one in PICTURES.values()]
    a, b, c = (x @ x.T / x.shape[1] for x in features)
    norm = np.linalg.norm
    cosines = [(x * y).sum() / norm(x) / norm(y) for x, y in ((a, b), (a, c), (b, c))]
    assert Paintings(tiny, PICTURES).agreement(layer) == pytest.approx(np.median(cosines))
    assert np.isnan(Paintings(tiny, {"one": PICTURES["wide"]}).agreement(layer))


def test_the_bundled_paintings_are_measured_in_the_order_of_their_names():
    net = tiny_network(dtype=torch.float32)
    seen = Paintings(net)
    assert seen.names == paintings()
    values = seen.values("conv2_1", 1, 4)
    assert len(values) == len(paintings())
    image = open_picture(f"sample:{seen.names[2]}")
    scale = PAINTING_SIDE / max(image.shape[2:])
    image = resize_to(image, *(round(side * scale) for side in image.shape[2:]))
    expected = gram(net(image, ["conv2_1"])["conv2_1"])[0, 1, 4]
    assert values[2] == pytest.approx(float(expected), rel=1e-5)
    patches = seen.patches("conv2_1", 1, 4)
    assert set(patches.paintings) <= set(paintings()) and len(patches.pictures) == MOST_PATCHES
    assert list(patches.products) == sorted(patches.products, reverse=True)


def test_each_painting_is_evaluated_once_a_layer(tiny, monkeypatch):
    calls, call = [], Network.__call__

    def counted(self, image, layers):
        calls.append(tuple(layers))
        return call(self, image, layers)

    monkeypatch.setattr(Network, "__call__", counted)
    seen = Paintings(tiny, PICTURES)
    for i in range(4):
        seen.values("conv1_1", i, 0)
        seen.patches("conv1_1", i, 0)
        seen.percentile("conv1_1", i, 0, 1.0, (4, 4))
        seen.agreement("conv1_1")
    assert calls == [("conv1_1",)] * 3
    seen.values("conv2_1", 0, 1)
    seen.values("conv1_1", 0, 1)  # Gram matrices are kept of every layer
    assert calls == [("conv1_1",)] * 3 + [("conv2_1",)] * 3
    seen.patches("conv1_1", 0, 1)  # features of the last one alone
    assert len(calls) == 9


def test_asking_for_patches_does_not_change_what_comes_next(tiny):
    seen = Paintings(tiny, PICTURES)
    one, other = (seen.patches("conv2_1", 1, 3) for _ in range(2))
    assert torch.equal(one.pictures, other.pictures) and one.products == other.products
    diagonal = seen.patches("conv2_1", 1, 1)
    again = seen.patches("conv2_1", 1, 1)
    assert diagonal.products == again.products and diagonal.products != one.products


@pytest.mark.parametrize(("light", "factor"), [(0.9, 1.0), (0.45, 2.0), (0.05, 3.0), (1.0, 1.0)])
def test_dark_patches_are_brightened_by_one_number(light, factor):
    pictures = torch.full((9, 3, 20, 20), 0.2 * light)
    pictures[:, :, :6] = light
    found = Patches(pictures, (1.0,) * 9, ("a",) * 9, ((0.0, 0.0),) * 9)
    bright, told = found.bright
    assert told == pytest.approx(factor)
    assert torch.allclose(bright, factor * pictures) and float(bright.max()) <= 1
    none = Patches(pictures[:0], (), (), ())
    assert none.bright[1] == 1 and len(none.bright[0]) == 0


def test_activations_are_those_of_positions_that_look_at_the_patches(tiny):
    """Position by position, in the order of rows; a patch's corner is that of `crop`."""
    paintings, names = Paintings(tiny, PICTURES), ("conv1_1", "conv3_1")
    found, patches = (
        paintings.activations("conv3_1", 1, 3, names),
        paintings.patches("conv3_1", 1, 3),
    )
    field = max(tiny.reach("conv3_1").field, SMALLEST_PATCH)
    for name in names:
        reach, expected = tiny.reach(name), []
        shift = (reach.after - reach.before) / 2
        for painting_name, position in zip(patches.paintings, patches.positions, strict=True):
            picture = PICTURES[painting_name]
            top, left, side, _ = crop(picture, position, field)
            features = tiny(picture, [name])[name][0].numpy()
            for y in range(features.shape[1]):
                for x in range(features.shape[2]):
                    row, column = y * reach.stride + shift, x * reach.stride + shift
                    if top <= row < top + side and left <= column < left + side:
                        expected.append(features[:, y, x])
        values = found[name].numpy()
        assert values.shape == (len(expected[0]), len(expected))
        expected = np.stack(expected, 1)
        np.testing.assert_allclose(np.sort(values, 1), np.sort(expected, 1), rtol=1e-5)
        pairs = [np.sort(one[1] * one[3]) for one in (values, expected)]
        np.testing.assert_allclose(*pairs, rtol=1e-4)  # the channels belong together
