"""What `stylespace estimate` says, against what runs take."""

import json
import subprocess
import sys

import pytest

from stylespace.commands import estimate as module
from stylespace.commands.estimate import Calibration, Line, calibrated, estimate
from stylespace.commands.probe.probes import probe
from stylespace.commands.scales import plan_of
from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import UsageError
from stylespace.networks.loading import load_network
from stylespace.settings import ProbeSettings, TransferSettings
from tests.helpers.command_line import RANDOM

PAIR = ("sample:astronaut", "sample:gogh-auvers")
LAYERS = ("--layers", "conv1_1,conv2_1", "--content-layers", "conv2_1")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache, and calibration by small pictures."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SIDES", (32, 48))
    return tmp_path / "cache"


def test_a_plan_runs_nothing(cheap):
    network = load_network("vgg19", weights="random:0")
    seen = []
    plan = plan_of(lambda: transfer(*PAIR, size=300, network=network, watch=seen.append))
    assert not seen
    assert [(one.height, one.width, one.steps) for one in plan.scales] == [
        (150, 150, 90),
        (300, 300, 45),
    ]
    assert plan.count == 1 and plan.needed > 0
    assert plan_of(lambda: transfer(*PAIR, size=64, seed=1, network=network)).scales
    with pytest.raises(UsageError):
        plan_of(lambda: None)


def test_a_batch_counts_its_pictures(cheap):
    network = load_network("vgg19", weights="random:0")
    plan = plan_of(lambda: probe("conv1_1", (1, 2), seeds=3, size=64, network=network))
    assert plan.count == 3


def test_the_command_prints_figures_and_writes_nothing(call, cache, tmp_path):
    said = call("estimate", "transfer", *PAIR, *RANDOM, "--size", "64", *LAYERS, "--json")
    assert said.code == 0, said.err
    figures = said.json["figures"]
    assert said.json["command"] == "estimate" and said.json["outputs"] == []
    assert figures["evaluations"] == 135 and figures["tile"] == 0
    assert figures["peak_bytes"] > 2**28
    parts = [figures[f"{name}_seconds"] for name in ("start", "step", "other")]
    assert figures["seconds"] == pytest.approx(sum(parts))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert "GiB" in said.err


def test_a_calibration_is_kept_and_depends_on_what_changes_the_time(cache, monkeypatch, cheap):
    network = load_network("vgg19", weights="random:0")
    settings = TransferSettings(content=PAIR[0], styles=PAIR[1:], layers=("conv1_1",))
    layers = ("conv1_1", "conv4_2")
    calls = []
    lines = iter(range(1, 100))

    def measured(settings, network, make, side):
        calls.append(side)
        return side**2, float(next(lines)), 1.0

    monkeypatch.setattr(module, "_measured", measured)
    first = calibrated(settings, network, transfer, layers)
    assert calls == [32, 48]
    assert calibrated(settings, network, transfer, layers) == first and len(calls) == 2
    other = TransferSettings(content=PAIR[1], styles=PAIR[:1], layers=("conv1_1",), size=80)
    assert calibrated(other, network, transfer, layers) == first and len(calls) == 2
    local = TransferSettings(content=PAIR[0], styles=PAIR[1:], representation="local")
    calibrated(local, network, transfer, layers)
    assert len(calls) == 4
    for file in (cache / "hub" / "stylespace" / "calibrations").iterdir():
        file.write_text("{}")  # damaged: measured again
    calibrated(settings, network, transfer, layers)
    assert len(calls) == 6


def test_a_line_through_two_points():
    line = module._line([(10.0, 3.0), (30.0, 7.0)])
    assert line == Line(1.0, 0.2) and line(50) == pytest.approx(11)
    assert module._line([(10.0, 3.0), (30.0, 2.0)]) == Line(3.0, 0.0)


def test_tiles_and_their_halos_are_counted(cheap, monkeypatch):
    network = load_network("vgg19", weights="random:0")
    linear = Calibration(Line(0.0, 1.0), Line(0.0, 0.0))
    monkeypatch.setattr(module, "calibrated", lambda *given: linear)
    common = {"content": PAIR[0], "styles": PAIR[1:], "size": 320, "sizes": (320,)}
    whole, tiled = (
        TransferSettings(**common, iterations=(2,), weights="random:0", tile=tile, device="cpu")
        for tile in (0, 160)
    )
    assert estimate(whole, transfer).figures["step_seconds"] == 2 * 320**2
    # two by two tiles of 160 pixels, each with a halo of 80 on two of its sides
    read = 4 * 240**2 * 3 / 2
    assert estimate(tiled, transfer).figures["step_seconds"] == pytest.approx(2 * read)
    assert network.tile == 0


def test_what_cannot_be_estimated_says_why(call):
    assert "makes no picture" in call("estimate", "capture", PAIR[0], "--out", "a.safetensors").err
    refused = call("estimate", "transfer", "missing.png", PAIR[1])
    assert refused.code == 1 and "missing.png" in refused.err
    assert call("estimate", "nothing").code == 2
    assert "optimised" not in call("estimate", "probe", "--layer", "conv9", "--entry", "1,2").out


def test_probes_can_be_estimated_though_so_few_evaluations_reach_nothing(cache, cheap):
    settings = ProbeSettings(
        layer="conv1_1", entry=("1,2",), size=64, weights="random:0", device="cpu"
    )
    figures = estimate(settings, probe).figures
    assert figures["evaluations"] == sum(settings.schedule()) and figures["width"] == 64


MEASURE = """
import json, sys, time
import psutil
from stylespace.cli.main import main
code = main(sys.argv[1:])
lines = open("/proc/self/status").read().split("VmHWM:")[1].split()
seconds = time.time() - psutil.Process().create_time()
print(json.dumps([code, 1024 * int(lines[0]), seconds]), file=sys.stderr)
"""
RUNS = (
    ("transfer", *PAIR, "--size", "256"),
    ("transfer", *PAIR, "--size", "512", "--iterations", "30,20,10"),
    ("transfer", *PAIR, "--size", "640", "--tile", "192", "--sizes", "640", "--iterations", "6"),
    ("transfer", *PAIR, "--size", "192", "--representation", "covariance"),
    ("texture", "sample:gogh-auvers", "--size", "256", "--iterations", "80"),
    ("texture", "sample:durer-lion", "--size", "384", "--iterations", "40"),
    ("probe", "--layer", "conv3_1", "--entry", "12,40"),
    ("edit", "sample:gogh-auvers", "--layer", "conv2_1", "--entry", "3,5", "--iterations", "40"),
)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", RUNS, ids=lambda run: "-".join(run[:2]))
def test_memory_and_time_are_right_to_a_quarter(arguments, tmp_path):
    """On a quiet machine of two cores or more."""
    program = [sys.executable, "-m", "stylespace", "estimate", *arguments, "--json", "--quiet"]
    subprocess.run(program, check=True, capture_output=True, cwd=tmp_path)  # calibrates
    told = subprocess.run(program, check=True, capture_output=True, cwd=tmp_path, text=True)
    figures = json.loads(told.stdout)["figures"]
    run = [sys.executable, "-c", MEASURE, *arguments, "--quiet", "--out", str(tmp_path / "a.png")]
    done = subprocess.run(run, capture_output=True, cwd=tmp_path, text=True, check=True)
    code, peak, seconds = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    print(f"{figures['peak_bytes'] / peak:.2f} {figures['seconds'] / seconds:.2f}", peak, seconds)
    assert figures["peak_bytes"] == pytest.approx(peak, rel=0.25)
    assert figures["seconds"] == pytest.approx(seconds, rel=0.25)
