"""Whole commands: seconds, evaluations, memory, time to a loss, and two of them at once."""

import functools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stylespace.networks.memory import estimate
from stylespace.settings import BenchSettings
from stylespace.settings.shared import default_content_layer
from stylespace.studies.bench.programs import OURS, at_once, measured_run, python, sight_options
from stylespace.studies.bench.rows import Measured, Piece, seconds
from stylespace.studies.bench.steps import floor_call, network_at, style_layers

MIB = 2**20
TRANSFER = ("transfer", "sample:astronaut", "sample:gogh-auvers")
COMMANDS = (
    (("probe", "--layer", "conv3_1", "--entry", "12,40"), 224, "60 s"),
    (("probe", "--layer", "conv5_1", "--entry", "12,40"), 224, "180 s"),
    (("texture", "sample:gogh-auvers"), 256, ""),
    (TRANSFER, 256, ""),
    (TRANSFER, 512, "300 s"),
)
"""Commands with their defaults, the longer side of their pictures, and their bound."""
NEAR = 1.1
"""The loss to which a command's time is told, by that which it ends with."""
ATLAS = ("atlas", "--layer", "conv2_1", "--block", "0-3,0-3", "--check", "0")
"""Ten pictures."""


def small_pieces() -> Iterator[Piece]:
    """Yield what is measured of programs in little time: memory and start."""
    for side in (256, 512):
        measure = functools.partial(memory_row, side)
        bound = "600 MiB" if side == 256 else ""
        yield Piece("memory", f"transfer, {side} px, memory above torch", measure, bound)
    yield Piece("start", "stylespace --help", start_row, "0.5 s")


def command_pieces(settings: BenchSettings) -> Iterator[Piece]:
    """Yield whole commands, and two at once."""
    for arguments, side, bound in COMMANDS:
        measure = functools.partial(command_row, settings, arguments, side)
        name = " ".join(part for part in arguments if not part.startswith("--"))
        yield Piece("commands", f"{name}, {side} px", measure, bound)
    two = functools.partial(two_row, settings)
    many = functools.partial(many_row, settings)
    yield Piece("together", "two transfers at once, 256 px", two, "2.3")
    yield Piece("together", "ten entries of an atlas, two processes", many)


def command_row(settings: BenchSettings, arguments: Sequence[str], side: int) -> Measured:
    """A whole command with its defaults against one floor call at its final size."""
    with tempfile.TemporaryDirectory() as folder:
        more = ("--size", str(side), "--json", "--quiet", "--trace", "trace.jsonl")
        run = measured_run(OURS, [*arguments, *more, *sight_options(settings)], folder)
        lines = Path(folder, "trace.jsonl").read_text(encoding="utf-8").splitlines()
    trace = [json.loads(line) for line in lines]
    network, count = network_at(settings), json.loads(run.text)["evaluations"]
    floor = min(seconds(lambda: floor_call(network, side)) for _ in range(3))
    figures = {"evaluations": count, "s a step": run.seconds / count, **run.figures}
    figures |= time_to_loss(trace, run.seconds)
    return Measured(run.seconds, "one bare call", floor, figures=figures)


def time_to_loss(trace: Sequence[Mapping[str, Any]], whole: float) -> dict[str, float]:
    """Return a stated loss, and the seconds of a whole command to the first evaluation with it.

    The loss is NEAR times the lowest at the last scale, of what is minimised down to 0.

    trace: the lines of --trace. whole: seconds of the command.
    """
    last = [row for row in trace if row["size"] == trace[-1]["size"]]
    lowest = min(row["loss"] for row in last)
    if lowest <= 0:
        return {}
    stated = NEAR * lowest
    first = next(row for row in last if row["loss"] <= stated)
    return {"loss": stated, "s to it": whole - (trace[-1]["seconds"] - first["seconds"])}


def transfer_peak(side: int) -> float:
    """Return the peak MiB of a default transfer above a process that has only imported torch."""
    with tempfile.TemporaryDirectory() as folder:
        more = ("--size", str(side), "--iterations", "12", "--quiet")
        return measured_run(OURS, [*TRANSFER, *more], folder).above


def memory_row(side: int) -> Measured:
    """Peak memory of a transfer against the estimate that is made before it."""
    network = network_at(BenchSettings(device="cpu", precision="float32"))
    layers = (*style_layers(network), default_content_layer(network.name))
    expected = estimate(network, layers, side, side) / MIB
    return Measured(transfer_peak(side), "estimate", expected, "MiB")


def start_row() -> Measured:
    """`stylespace --help` against Python alone, the minimum of five."""
    helped = min(seconds(lambda: python("-m", "stylespace", "--help")) for _ in range(5))
    alone = min(seconds(lambda: python("-c", "pass")) for _ in range(5))
    return Measured(helped, "python -c pass", alone)


def two_row(settings: BenchSettings) -> Measured:
    """Two transfers at once against one."""
    one = (*TRANSFER, "--size", "256", "--iterations", "40", *sight_options(settings))
    return Measured(seconds(lambda: at_once(2, *one)), "one", seconds(lambda: at_once(1, *one)))


def many_row(settings: BenchSettings) -> Measured:
    """The pictures of an atlas by two processes against one, whole commands."""
    one = (*ATLAS, *sight_options(settings))
    two = (*one, "--executor", "processes", "--workers", "2")
    return Measured(
        seconds(lambda: at_once(1, *two)), "one process", seconds(lambda: at_once(1, *one))
    )
