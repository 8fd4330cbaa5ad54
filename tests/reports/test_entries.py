"""What a page carries for its entries: values and means against numpy, places against the exact."""

import base64

import numpy as np
import pytest
import torch
from grams import gram_of
from tiny import tiny_network

from stylespace import load_network, read_image
from stylespace.assets import sample_path
from stylespace.images import resize
from stylespace.reports.entries import entry_data, packed_means, packed_values
from stylespace.reports.measuring import FIELDS, MANY_FIELDS, field_means, measured
from stylespace.reports.pictures import opened
from stylespace.settings import ReportSettings

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_values_are_those_of_the_matrix_in_single_precision():
    gram = gram_of(7)
    found = numbers(packed_values(torch.from_numpy(gram)), "<f4")
    np.testing.assert_array_equal(found, gram[np.triu_indices(7)].astype(np.float32))


def test_means_are_shares_of_each_channels_peak():
    means = np.random.default_rng(0).exponential(size=(4, 3, 5))
    means[2] = 0
    found = numbers(packed_means(torch.from_numpy(means)), "u1").reshape(4, 3, 5)
    peaks = np.where(means.max((1, 2), keepdims=True), means.max((1, 2), keepdims=True), 1)
    np.testing.assert_allclose(found / 255, means / peaks, atol=0.5 / 255 + 1e-9)
    assert not found[2].any()


def test_fields_are_means_over_equal_parts_or_single_positions():
    features = torch.rand(1, 2, 8, 6, generator=torch.Generator().manual_seed(0))
    parts = features[0].reshape(2, 4, 2, 3, 2).mean((2, 4))
    found = field_means({"a": features}, 4)["a"][:, :, :3]
    assert found.shape == (2, 4, 3)
    whole = field_means({"a": features}, 16)["a"]
    np.testing.assert_array_equal(whole, features[0])
    three = field_means({"a": features[..., :3, :3]}, 3)["a"]
    np.testing.assert_array_equal(three, features[0, :, :3, :3])
    halves = field_means({"a": features}, 2)["a"]
    np.testing.assert_allclose(halves, features[0].reshape(2, 2, 4, 2, 3).mean((2, 4)), rtol=1e-6)
    assert parts.shape == (2, 4, 3)


def test_data_name_their_pictures_layers_and_options(tmp_path):
    network, layers = tiny_network(), ("conv1_1", "conv3_1")
    pictures = opened(["sample:gogh-auvers"], network, layers, 96)
    found = [measured(one, network, stability=False, side=5) for one in pictures]
    settings = ReportSettings(pictures=("a.png",), pooling="max", padding="reflect")
    data = entry_data(found, network, settings)
    assert data["options"] == " --pooling max --padding reflect"
    assert data["channels"] is None, "a network without a sheet"
    assert list(data["orders"]) == list(layers)
    (picture,) = data["pictures"]
    for layer in layers:
        gram = found[0].picture.style.grams[layer].double().numpy()
        values = numbers(picture["values"][layer], "<f4")
        np.testing.assert_allclose(values, gram[np.triu_indices(len(gram))], rtol=1e-6)
        assert sorted(data["orders"][layer]) == list(range(len(gram)))
        assert len(numbers(picture["places"][layer]["codes"], "u1")) == 25 * len(gram)


def test_the_embedded_network_brings_the_sheet_of_its_channels():
    network = load_network("vgg19-norm").precise
    (picture,) = opened(["sample:gogh-auvers"], network, ("conv1_1",), 48)
    found = [measured(picture, network, stability=False)]
    sheet = entry_data(found, network, ReportSettings(pictures=("a.png",)))["channels"]
    assert sheet["first"] == {"conv1_1": 0} and sheet["src"].startswith("data:image/webp;base64,")
    assert (sheet["cell"], sheet["columns"]) == (48, 46)


@pytest.fixture(scope="module")
def activations():
    network = load_network("vgg19-norm").precise
    image = resize(read_image(sample_path("gogh-auvers")), 512)
    with torch.no_grad():
        return network(image, LAYERS)


def correlations(activations, layer, count, side, generator):
    """Of pairs of channels that ever meet, between the page's place and the exact one."""
    features, means = activations[layer][0], field_means(activations, side)[layer]
    live = np.flatnonzero((features.amax((1, 2)) > 0).numpy())
    found = []
    while len(found) < count:
        i, j = generator.choice(live, 2, replace=False)
        product = field_means({layer: (features[i] * features[j])[None, None]}, side)[layer][0]
        if product.max() > 0:
            place = means[i] * means[j]
            found.append(np.corrcoef(place.numpy().ravel(), product.numpy().ravel())[0, 1])
    return found


@pytest.mark.parametrize("side", [MANY_FIELDS, FIELDS])
def test_the_place_of_a_hundred_pairs_is_near_the_exact_one(activations, side):
    """Of a hundred of all pairs the median correlation over the fields is at least .9.

    As many a layer as its share of all pairs; of each layer by itself it is at least .85.
    """
    generator = np.random.default_rng(0)
    channels = {layer: one.shape[1] for layer, one in activations.items()}
    pairs = np.array([count * (count - 1) / 2 for count in channels.values()])
    shares = np.random.default_rng(1).multinomial(100, pairs / pairs.sum())
    found = [
        correlations(activations, layer, max(count, 60), side, generator)
        for layer, count in zip(channels, shares, strict=True)
    ]
    every = [one[:count] for one, count in zip(found, shares, strict=True)]
    assert np.median(np.concatenate(every)) >= 0.9
    assert min(np.median(one) for one in found) >= 0.85
