"""A network with a layer scaled up, and the next one's filters down, makes the same pictures.

Powers of two are exact in binary, so nothing but a constant in absolute units can tell the two
networks apart.
"""

import json

import pytest
import torch
from safetensors.torch import save_file
from slowly import first_of

import stylespace as ss
from stylespace.assets import weights_path
from stylespace.networks.loading import load_network
from stylespace.networks.weights import read_state
from stylespace.settings.representations import REPRESENTATIONS

pytestmark = pytest.mark.usefixtures("one_thread")

FACTOR = 128.0
SCALED, KEY, NEXT_KEY = "conv2_1", "features.5", "features.7"
LAYERS = ("conv1_1", "conv2_1", "conv3_1")
ABSOLUTE = {
    *("mean", "deviation", *(f"quantile_{level}" for level in ("05", "25", "50", "75", "95"))),
    *("value", "eigenvalue", "aic"),
}
"""Numbers of a report in squared units of activation: of entries, eigenvalues and likelihoods."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """The default network from a file, as it is and rescaled."""
    state = {
        name: tensor.float() for name, tensor in read_state(weights_path("vgg19-norm")).items()
    }
    scaled = dict(state)
    for name in (f"{KEY}.weight", f"{KEY}.bias"):
        scaled[name] = state[name] * FACTOR
    scaled[f"{NEXT_KEY}.weight"] = state[f"{NEXT_KEY}.weight"] / FACTOR
    made = []
    for name, tensors in (("plain", state), ("scaled", scaled)):
        path = tmp_path_factory.mktemp(name) / "weights.safetensors"
        save_file(tensors, path)
        made.append(
            load_network("vgg19-norm", weights=f"caffe:{path}", device="cpu", precision="float32")
        )
    return made


def alike(make, networks):
    """Make something on both networks; refuse pictures that differ anywhere or say nothing."""
    plain, scaled = (make(network).image for network in networks)
    assert torch.equal(plain, scaled)
    assert plain.std() > 0.02


def test_the_two_networks_differ_by_the_factor_alone(networks):
    image = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain, scaled = (network(image, LAYERS) for network in networks)
    for name in LAYERS:
        assert torch.equal(scaled[name], plain[name] * (FACTOR if name == SCALED else 1))
        assert plain[name].count_nonzero() > 100


@pytest.mark.parametrize("goal", ["log", "energy", "mixture"])
@pytest.mark.parametrize("optimizer", first_of(["adam", "lbfgs"]))
def test_probes(networks, goal, optimizer):
    options = {"goal": goal, "optimizer": optimizer, "size": 32, "iterations": 24}
    alike(lambda network: ss.probe(SCALED, (12, 40), network=network, **options), networks)


def test_a_probe_from_a_dead_start(networks):
    """Two channels of the noise that never fire together: the way out is relative as well."""
    options = {"parameters": "pixels", "size": 24, "iterations": 40}
    alike(lambda network: ss.probe(SCALED, (0, 114), network=network, **options), networks)


@pytest.mark.parametrize("match", ["gram", "distribution", "sparsity", "intensity"])
def test_textures(networks, match):
    options = {"match": match, "layers": LAYERS, "size": 48, "iterations": 10}
    if match == "gram":
        options |= {"histogram_weight": 1.0, "autocorrelation_weight": 1.0, "mean_weight": 1.0}
    alike(lambda net: ss.texture("sample:gogh-auvers", network=net, **options), networks)


@pytest.mark.parametrize("kind", first_of(["guided", *REPRESENTATIONS], 4))
def test_transfers(networks, kind):
    options = {"layers": LAYERS, "content_layers": SCALED, "size": 48, "iterations": 8}
    options |= {"auto_guides": 3} if kind == "guided" else {"representation": kind}
    pair = "sample:chelsea", "sample:gogh-auvers"
    alike(lambda net: ss.transfer(*pair, network=net, **options), networks)


def test_an_edit(networks):
    options = {"layer": SCALED, "entry": (12, 40), "size": 48, "iterations": 8}
    alike(lambda net: ss.edit("sample:gogh-auvers", network=net, **options), networks)


def numbers(results):
    """{(section, row, layer, name): number} of the rows of a report's results.json."""
    found = {}
    for section, rows in results.items():
        for place, row in enumerate(rows if isinstance(rows, list) else []):
            layer, name = row.get("layer", ""), row.get("number", "")
            cells = {key: one for key, one in row.items() if isinstance(one, float)}
            found |= {(section, place, layer, name or key, key): x for key, x in cells.items()}
    return found


@pytest.mark.slow
def test_the_relative_numbers_of_a_report(networks, tmp_path):
    found, pictures = [], ("sample:gogh-auvers", "sample:durer-lion")
    for name, network in zip(("plain", "scaled"), networks, strict=True):
        ss.report(pictures, out=tmp_path / name, network=network, layers=LAYERS, size=64)
        found.append(numbers(json.loads((tmp_path / name / "results.json").read_text())))
    plain, scaled = found
    assert plain.keys() == scaled.keys() and len(plain) > 2000
    absolute = {place for place in plain if plain[place] != scaled[place]}
    assert {place[2] for place in absolute} == {SCALED}
    names = {place[3].rpartition(".")[2] for place in absolute}
    assert names == ABSOLUTE
    for place in absolute:
        if place[3] != "aic":  # a logarithm: the same for all families but for a constant
            assert scaled[place] == pytest.approx(FACTOR**2 * plain[place], rel=1e-5)
