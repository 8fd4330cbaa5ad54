"""Commands in tiles: the same pictures in less memory, chosen by themselves where it is short."""

import pytest
import torch

from stylespace.commands.scales import in_tiles
from stylespace.commands.transfer.transfer import transfer
from stylespace.images import read_image, read_recipe
from stylespace.networks import memory
from stylespace.networks.loading import load_network
from stylespace.networks.memory import TILES, estimate, tile_for
from stylespace.settings import ProbeSettings, TransferSettings
from tests.helpers.command_line import RANDOM, SHALLOW

PAIR = ("sample:astronaut", "sample:gogh-auvers")
QUICK = (*RANDOM, "--size", "64", "--iterations", "6", "--sizes", "64")
LAYERS = ("conv1_1", "conv2_1")


def distance(a, b):
    """Mean difference of two pictures, in 255ths."""
    return 255 * float((read_image(a) - read_image(b)).abs().mean())


@pytest.mark.parametrize(
    "arguments",
    [
        ("transfer", *PAIR, "--layers", "conv1_1,conv2_1", "--content-layers", "conv2_2"),
        (
            "transfer",
            *PAIR,
            "--layers",
            "conv1_1,conv2_1",
            "--representation",
            "local",
            "--window",
            "1",
        ),
        ("texture", "sample:gogh-auvers", "--layers", "conv1_1,conv2_1"),
        ("texture", "sample:gogh-auvers", "--layers", "conv1_1,conv2_1", "--match", "distribution"),
        ("edit", "sample:gogh-auvers", "--layer", "conv1_1", "--entry", "4,4", *SHALLOW),
    ],
)
def test_a_command_in_tiles_makes_nearly_the_same_picture(call, arguments):
    """Up to rounding, and to what a few evaluations make of it: less than a level in the mean."""
    made = [
        call(*arguments, *QUICK, "--out", f"{k}.png", *more, "--no-figure", "--optimizer", "adam")
        for k, more in enumerate(((), ("--tile", "32")))
    ]
    assert [one.code for one in made] == [0, 0], [one.err for one in made]
    assert distance("0.png", "1.png") <= 0.5
    assert read_recipe("1.png")["recipe"]["tile"] == 32
    assert "tiles of 32 pixels" in made[1].err and "tiles" not in made[0].err


def test_what_cannot_be_done_in_tiles_is_one_line(call):
    options = (*QUICK, "--layers", "conv1_1,conv2_1", "--tile", "16", "--out", "a.png")
    for more in (
        ("texture", "sample:gogh-auvers", "--spectrum-weight", "1"),
        ("transfer", *PAIR, "--representation", "sliced"),
    ):
        refused = call(*more, *options)
        assert refused.code != 0 and "in tiles" in refused.err
        assert len([line for line in refused.err.splitlines() if "tiles:" in line]) == 1


def test_tiles_are_chosen_where_a_whole_picture_does_not_fit(monkeypatch):
    network = load_network("vgg19", weights="random:0")
    whole = estimate(network, LAYERS, 3000, 2000)
    for free in (whole, whole - 1):
        monkeypatch.setattr(memory, "available", lambda device, free=free: free)
        assert tile_for(network, LAYERS, 3000, 2000) == (0 if free == whole else TILES[0])
    tightest = estimate(network.in_tiles(TILES[-1]), LAYERS, 3000, 2000)
    monkeypatch.setattr(memory, "available", lambda device: tightest)
    assert tile_for(network, LAYERS, 3000, 2000) == TILES[-1]
    monkeypatch.setattr(memory, "available", lambda device: tightest + 10**9)
    assert tile_for(network, LAYERS, 3000, 2000, extra=lambda tiled: 10**9) == TILES[-1]


def test_the_tile_of_the_settings_comes_first(tiny32):
    settings = ProbeSettings(layer="conv1_1", entry=("1,2",), tile=48)
    network, same = in_tiles(tiny32, settings, ("conv1_1",), 64, 64)
    assert network.tile == 48 and same is settings
    network, same = in_tiles(
        tiny32, ProbeSettings(layer="conv1_1", entry=("1,2",)), ("conv1_1",), 64, 64
    )
    assert network is tiny32 and same.tile is None


def test_chosen_tiles_are_part_of_the_recipe(cheap, monkeypatch):
    monkeypatch.setattr(memory, "TILES", (32,))
    network = load_network("vgg19", weights="random:0")
    options = {"size": 64, "iterations": (2,), "sizes": (64,), "layers": ("conv1_1", "conv2_1")}
    options |= {"content_layers": ("conv1_1",), "network": network}
    plain = transfer(*PAIR, **options)
    limit = estimate(network, ("conv1_1", "conv2_1"), 64, 64) - 1
    monkeypatch.setattr(memory, "available", lambda device: limit)
    tiled = transfer(*PAIR, **options)
    assert plain.settings.tile is None and tiled.settings.tile == 32
    assert any("tiles of 32 pixels" in remark for remark in tiled.remarks)
    again = transfer(settings=tiled.settings, network=network)
    assert torch.equal(again.image, tiled.image)


def test_settings_refuse_a_negative_tile():
    with pytest.raises(Exception, match="tile"):
        TransferSettings(content="a.png", styles=("b.png",), tile=-1)


def test_the_limits_of_the_process_count(monkeypatch):
    resource = pytest.importorskip("resource")
    free = memory.available(torch.device("cpu"))
    limits = {resource.RLIMIT_DATA: (10**9, 10**9)}
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits.get(kind, unlimited))
    assert memory.available(torch.device("cpu")) < min(free, 10**9)
