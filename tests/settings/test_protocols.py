"""Protocols: a definition never changes under its name, and leaves nothing open."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest

import stylespace as ss
from stylespace.commands.score.measures import MEASURES
from stylespace.errors import UsageError
from stylespace.networks.catalogue import CATALOGUE, resolve_layer
from stylespace.networks.loading import load_network
from stylespace.settings import ScoreSettings, protocols, settings_from, to_toml
from stylespace.settings.recipe import parsed_toml

HASHES = {
    "gram-vgg19-norm@1": "cfa830505b89eb4004130747e3a5857f4296397ca8d7aa5a46de7a1814423150",
    "gram-vgg16-hed@1": "0b0030d18904328bd8fb3268a2609dbacb9aab87fd4eb90f5405f135f1a40899",
    "gatys-vgg19-norm@1": "21572ab3be791cddb188b6416b89382abb731d842d8845f9d46acbb764a4ea1c",
    "gatys-vgg19@1": "d590547f00ef36ac333eab02a4181358f4455a54c9b4f5b9728f8192841a9cab",
    "adain-vgg19-norm@1": "65ad92049863c8a848511ab34698df48b948ff17c63712b02fc8672e895d996b",
    "sliced-vgg19-norm@1": "17dbca3c30e89c14fb6a1741b8c448fc4a483efb50a94fb4407e940624f7a1fc",
    "colours@1": "504cdf12e92275ff6a1771c91b9de6caa461e9b6bce723d89dee5cb4adcd096d",
    "content-vgg19-norm@1": "f196a6b7ddc5a9a74bfb12c7aef225ad6ac79ff478c502993924499ae7c3e53a",
    "stlpips-alexnet@1": "852ce89aa6ffb47298272769f497af082430a59b153f05ea977e0c633c437328",
    "ssim@1": "15c8a8815a1efebb612a7b3a8a6ff7bd0e8a252271e6b5795118c1bbb0eb0bed",
}
"""Never to be changed: another definition is another version."""
ALL = ss.protocols()
PAPERS = (Path(__file__).parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")


def test_a_definition_never_changes_under_its_name():
    assert {name: one.sha256 for name, one in ALL.items()} == HASHES


def test_the_hash_is_that_of_the_definition_as_it_is_printed():
    for one in ALL.values():
        text = json.dumps(one.definition, sort_keys=True)
        assert one.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert one.record["hash"] == one.sha256 and one.definition.items() <= one.record.items()


WORDS = {"title": "x", "version": 2, "about": "x", "source": "x", "departs": "x"}
OTHERS = {
    **{"against": "content", "measure": "colours", "network": "vgg16", "weights": "x"},
    **{"pooling": "max", "padding": "reflect", "layers": ("conv1_1",), "size": 512},
    **{"resizing": "square", "aggregation": "mean"},
}


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(protocols.Protocol)])
def test_whatever_the_number_depends_on_is_in_the_hash_and_nothing_else(name):
    one = ALL["gram-vgg19-norm@1"]
    changed = dataclasses.replace(one, **{name: (WORDS | OTHERS)[name]})
    assert (changed.sha256 == one.sha256) == (name in WORDS)


@pytest.mark.parametrize("name", ALL)
def test_a_protocol_leaves_nothing_open(name):
    one = ALL[name]
    assert name == f"{one.title}@{one.version}" and one.against in ("style", "content")
    assert one.about and one.source and one.departs and one.size > 0
    keys = re.findall(r"\b[A-Z]{1,2}\d\d[a-z]?\b", one.source)
    assert all(f"| {key} |" in PAPERS for key in keys) and (keys or "200" in one.source)
    network = CATALOGUE.get(one.network)
    assert bool(network) == bool(one.layers) == bool(one.weights) == bool(one.pooling)
    assert bool(network) == (MEASURES[one.measure].see is not None)
    for layer in one.layers:
        assert resolve_layer(layer, network.layers, one.network) == layer
    assert one.aggregation == "mean" or one.measure == "relative-gram"
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.size = 3


def test_every_formula_is_computed_and_used():
    assert set(protocols.FORMULAS) == set(MEASURES) == {one.measure for one in ALL.values()}


@pytest.mark.parametrize("network", ["vgg19-norm", "vgg16-hed", "alexnet-st"])
def test_the_weights_are_those_that_are_there(network):
    found = load_network(network).sha256
    assert {one.weights for one in ALL.values() if one.network == network} == {found}


def test_the_file_of_torchvision_is_the_one_that_is_fetched():
    from stylespace.networks.weights import weights_url

    assert weights_url("vgg19").endswith(f"/{protocols.VGG19_FILE}")


def test_a_name_without_a_version_is_the_newest(monkeypatch):
    assert protocols.protocol_named("ssim").name == "ssim@1"
    second = dataclasses.replace(ALL["ssim@1"], version=2, size=128)
    monkeypatch.setitem(protocols._PROTOCOLS, "ssim@2", second)
    assert protocols.protocol_named("ssim") is second
    assert protocols.protocol_named("ssim@1").size == 256
    for name in ("ssim@3", "sim", ""):
        with pytest.raises(UsageError, match=r"ssim@1|gatys-vgg19-norm@1"):
            protocols.protocol_named(name)


def test_a_table_of_protocols_is_a_copy():
    ss.protocols().clear()
    assert len(ss.protocols()) == len(HASHES)


# --- settings


def test_a_recipe_holds_what_the_protocol_fixes_and_runs_again():
    made = ScoreSettings(results=("a.png",), content="c.png", protocol="stlpips-alexnet")
    again = settings_from(parsed_toml(to_toml(made)))
    assert again == made and made.protocol == "stlpips-alexnet@1"
    assert (made.network, made.pooling, made.precision) == ("alexnet-st", "max", "float32")


@pytest.mark.parametrize(
    "changes",
    [{"network": "vgg16"}, {"pooling": "max"}, {"padding": "reflect"}, {"precision": "float64"}],
)
def test_what_a_protocol_fixes_is_refused(changes):
    with pytest.raises(UsageError, match=rf"--{next(iter(changes))}: gram-vgg19-norm@1 fixes it"):
        ScoreSettings(results=("a",), style=("b",), protocol="gram-vgg19-norm", **changes)
