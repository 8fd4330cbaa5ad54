"""Speed and memory against the floor, as ratios measured in one run: `make bench`.

The floor is what no program on this network can go below: its convolutions, ReLUs and poolings,
forward and backward to the picture, in torch.nn.functional alone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tabulate import tabulate
from torch import Tensor

from stylespace.images import resize_to
from stylespace.losses.entries import entry_term
from stylespace.losses.matching import MATCHES
from stylespace.losses.objective import Objective, content_term
from stylespace.losses.representations import Representation, represented_style
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Terms
from stylespace.networks.architectures import Convolution
from stylespace.networks.memory import estimate
from stylespace.networks.network import Network, load_network
from stylespace.settings import TransferSettings
from stylespace.studies.plain import (
    benchmark_features,
    plain_value_and_gradient,
    value_and_gradient,
)
from stylespace.styles.sources import open_picture, open_styles
from stylespace.styles.style import Style
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.parameters import Fourier

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT = "conv4_2"
MIB = 2**20


def main() -> None:
    """Measure and print a table; --all adds whole commands, which takes minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="whole commands too: minutes")
    everything = parser.parse_args().all
    network = load_network()
    rows = [objective_row(network), distribution_row(network), batch_row(network)]
    rows += [local_row(), *(representation_row(network, *case) for case in REPRESENTATIONS)]
    rows += [*(memory_row(size) for size in (256, 512)), start_row()]
    if everything:
        rows += [command_row(network, *case) for case in COMMANDS]
    print(tabulate(rows, ("what", "measured", "against", "ratio", "bound"), disable_numparse=True))


def objective_row(network: Network) -> tuple[str, ...]:
    """One objective call with gradient against the floor, interleaved, the minimum of ten."""
    measured = objective(network, 256)
    ours, floor = interleaved(
        lambda: objective_call(measured, 256), lambda: floor_call(network, 256)
    )
    return _row("objective call, 256 px", ours, "bare network", floor, "1.15")


def interleaved(a: Callable[[], object], b: Callable[[], object], runs: int = 10) -> tuple:
    """Return the smallest seconds of two calls that take turns, after one warm-up each."""
    a(), b()
    times = [(seconds(a), seconds(b)) for _ in range(runs)]
    return min(one for one, _ in times), min(other for _, other in times)


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def objective(network: Network, size: int) -> Objective:
    """Return the objective of a default transfer."""
    content, style = (
        resize_to(open_picture(f"sample:{name}"), size, size)
        for name in ("astronaut", "gogh-auvers")
    )
    target = Style.capture(network, style, STYLE)
    terms = Terms(tuple(gram_term(name, target.layers[name].gram) for name in STYLE))
    with torch.no_grad():
        kept = network(content, [CONTENT])[CONTENT]
    return Objective(network, terms + content_term(CONTENT, kept))


def objective_call(measured: Objective, size: int) -> None:
    """Evaluate an objective and its gradient once."""
    z = torch.full((1, 3, size, size), 0.5).requires_grad_()
    torch.autograd.grad(torch.stack(list(measured(z).values())).sum(), z)


def floor_call(network: Network, size: int) -> None:
    """Run the bare network to conv5_1 and back: same weights, precision, layout and threads."""
    z = torch.full((1, 3, size, size), 0.5).contiguous(memory_format=torch.channels_last)
    x = z.requires_grad_()
    for layer in network.layers:
        for operation in layer.operations:
            x = _bare(network, operation, x)
        x = F.relu(x)
        if layer.name == STYLE[-1]:
            break
    torch.autograd.grad(x.sum(), z)


def _bare(network: Network, operation: object, x: Tensor) -> Tensor:
    if isinstance(operation, Convolution):
        weight, bias = network.filters[operation.key]
        return F.conv2d(x, weight, bias, padding=1)
    return F.avg_pool2d(x, 2)


def distribution_row(network: Network) -> tuple[str, ...]:
    """A step that matches sorted entries against one that matches every entry in its place."""
    by_entry, by_rank = (matching(network, match, 192) for match in ("gram", "distribution"))
    ours, gram = interleaved(
        lambda: objective_call(by_rank, 192), lambda: objective_call(by_entry, 192)
    )
    return _row("distribution step, 192 px", ours, "Gram step", gram, "1.3")


def matching(network: Network, match: str, size: int) -> Objective:
    """Return the objective of a texture to conv4_1."""
    picture = resize_to(open_picture("sample:gogh-auvers"), size, size)
    style = Style.capture(network, picture, STYLE[:-1])
    terms = (MATCHES[match](name, g, 1.0) for name, g in style.grams.items())
    return Objective(network, Terms(tuple(terms)))


BATCH = 2


def local_row() -> tuple[str, ...]:
    """The localised distance with gradient against maps of its Gram entries, in blocks."""
    f, p = benchmark_features()
    ours, plain = interleaved(
        lambda: value_and_gradient(f, p, 3), lambda: plain_value_and_gradient(f, p, 3), runs=2
    )
    return _row("local distance, C 64, 128x128, s 3", ours, "plain maps", plain, "1/20 = 0.05")


REPRESENTATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("local", {"window": ("1",)}),
    ("local", {"window": ("2",)}),
    ("local", {"window": ("4",)}),
    ("local", {"window": ("4",), "stride": 9}),
    ("covariance", {}),
    ("chained", {}),
    ("sliced", {}),
)
"""Representations of a style, with their settings, whose step is measured."""


def representation_row(network: Network, kind: str, options: dict) -> tuple[str, ...]:
    """A step in a representation against one in global Gram matrices, 256 px."""
    ours, gram = (
        Objective(network, represented(network, **given).terms(256, 256))
        for given in ({"representation": kind, **options}, {"representation": "gram"})
    )
    one, other = interleaved(
        lambda: objective_call(ours, 256), lambda: objective_call(gram, 256), runs=2
    )
    plain = {name: value[0] if name == "window" else value for name, value in options.items()}
    told = " ".join(f"{name} {value}" for name, value in plain.items())
    return _row(f"step, {kind} {told}".strip(), one, "Gram step", other, "stated")


def represented(network: Network, **options: Any) -> Representation:
    """Return the style of a transfer at 256 px from van Gogh, in whatever representation."""
    content, style = "sample:astronaut", "sample:gogh-auvers"
    settings = TransferSettings(content=content, styles=(style,), size=256, **options)
    picture = resize_to(open_picture(content), 256, 256)
    return represented_style(settings, network, picture, open_styles(settings.styles))


def batch_row(network: Network) -> tuple[str, ...]:
    """Entries of conv3_1 at 128 px in a batch against the same ones one by one."""
    together, alone = interleaved(
        lambda: entries_call(network, BATCH, 1), lambda: entries_call(network, 1, BATCH), runs=3
    )
    a_minute = 60 * BATCH * ENTRY_STEPS / 256
    ours, theirs = f"{a_minute / together:.3g} entries a minute", f"{a_minute / alone:.3g}"
    bound = f"1 ({BATCH * ENTRY_STEPS} evaluations timed, 256 an entry)"
    measured = ours, f"one by one {theirs}", f"{together / alone:.2f}"
    return "probe entries in a batch", *measured, bound


ENTRY_STEPS = 8


def entries_call(network: Network, count: int, times: int) -> None:
    """Optimise `count` entries at once for a few evaluations, `times` times."""
    fourier = Fourier(128, 128)
    noise = fourier.noise(1, generator=torch.Generator().manual_seed(0))
    entries = torch.tensor([(k, 2 * k + 1) for k in range(count)])
    objective = Objective(network, Terms((entry_term("conv3_1", entries),)))
    for _ in range(times):
        start = fourier.decode(noise).repeat(count, 1, 1, 1)
        synthesize(objective, start, optimizer="adam", steps=ENTRY_STEPS, parameters=fourier)


MEASURE = """
import resource, sys
import torch
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from stylespace.cli.main import main
code = main(sys.argv[1:])
print(code, base, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def transfer_peak(size: int) -> float:
    """Return the peak MiB of a default transfer above a process that has only imported torch."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.png")
        command = ["transfer", "sample:astronaut", "sample:gogh-auvers", "--out", out, "--quiet"]
        command += ["--size", str(size), "--iterations", "12"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True
        )
    code, base, peak = map(int, done.stderr.split()[-3:])
    if code:
        raise SystemExit(done.stderr)
    return (peak - base) / 1024


def memory_row(size: int) -> tuple[str, ...]:
    """Peak memory of a transfer against the estimate that is made before it."""
    expected = estimate(load_network(), (*STYLE, CONTENT), size, size) / MIB
    peak = transfer_peak(size)
    name, bound = f"transfer, {size} px, memory above torch", "600 MiB" if size == 256 else "-"
    measured = f"{peak:.0f} MiB", f"estimate {expected:.0f} MiB", f"{peak / expected:.2f}"
    return name, *measured, bound


def start_row() -> tuple[str, ...]:
    """`stylespace --help` against Python alone, the minimum of five."""
    helped = min(seconds(lambda: _python("-m", "stylespace", "--help")) for _ in range(5))
    alone = min(seconds(lambda: _python("-c", "pass")) for _ in range(5))
    return _row("stylespace --help", helped, "python -c pass", alone, "0.5 s")


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)


COMMANDS = (
    ("probe conv3_1, 224 px", ("probe", "--layer", "conv3_1", "--entry", "12,40"), 224, "60 s"),
    ("probe conv5_1, 224 px", ("probe", "--layer", "conv5_1", "--entry", "12,40"), 224, "180 s"),
    ("transfer, 512 px", ("transfer", "sample:astronaut", "sample:gogh-auvers"), 512, "300 s"),
)


def command_row(
    network: Network, name: str, arguments: tuple[str, ...], size: int, bound: str
) -> tuple[str, ...]:
    """A whole command with its defaults against one floor call at its final size."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.png")
        took = seconds(lambda: _python("-m", "stylespace", *arguments, "--out", out, "--quiet"))
    floor = min(seconds(lambda: floor_call(network, size)) for _ in range(3))
    return _row(name, took, "one bare call", floor, bound)


def _row(name: str, ours: float, against: str, theirs: float, bound: str) -> tuple[str, ...]:
    return name, f"{ours:.3g} s", f"{against} {theirs:.3g} s", f"{ours / theirs:.2f}", bound


if __name__ == "__main__":
    main()
