"""neural-style on the same weights, pictures, layers, size and start, scored by its own loss.

Both programs write a picture, and `scorer` reads it. The peer runs its iterations at one scale;
ours runs with as few evaluations as give its picture a loss as low, each try a whole command: at
one scale as well, from coarse to fine as it does by default, and in float32 as the peer does.
"""

import functools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from stylespace.figures.sheets import contact_sheet
from stylespace.images import read_image, resize, write_image
from stylespace.networks.devices import device_for, known_precision
from stylespace.networks.network import Network
from stylespace.networks.weights import load_weights
from stylespace.settings import BenchSettings
from stylespace.studies.bench.caffe import caffe_state
from stylespace.studies.bench.programs import OURS, Run, measured_run, sight_options
from stylespace.studies.bench.rows import Measured, Piece, Record, UnmeasuredError
from stylespace.studies.bench.scorer import CONTENT, STYLE, written_loss
from stylespace.studies.bench.steps import network_at
from stylespace.styles.gram import gram
from stylespace.styles.sources import open_picture

PEER, VERSION, MODULE = "neural-style", "0.5.7", "neural_style"
CONTENT_WEIGHT, STYLE_WEIGHT = 5.0, 100.0
"""Of the peer's losses, its defaults."""
FIRST, FACTOR, MOST = 16, 1.1, 2
"""Evaluations that are tried first; how near the fewest the answer is; how many are tried at most,
by the peer's."""
SOONER = "1/30 = 0.033"
COARSE_TO_FINE, ONE_SCALE, PLAIN = "coarse to fine", "one scale", "one scale in float32"
"""How ours runs: as it does by default; at the size alone; and in the peer's precision as well."""
TRIAL = "trial"
"""The name of a picture of ours that is scored."""
STRIP = "-strip.jpg"
"""What the names of pictures beside each other end in."""


@dataclass(frozen=True)
class Case:
    """A pair of samples at a size, with its folder for pictures."""

    settings: BenchSettings
    side: int
    content: str
    style: str
    folder: Path

    @property
    def place(self) -> str:
        """What the names of its rows end with."""
        return f"{self.side} px, {self.content} + {self.style}"

    @property
    def ways(self) -> tuple[str, ...]:
        """How ours runs; in float32 where it would not by itself."""
        device = device_for(self.settings.device)
        plain = known_precision(self.settings.precision, device) == "float32"
        return (ONE_SCALE, COARSE_TO_FINE, *(() if plain else (PLAIN,)))

    @property
    def peer(self) -> str:
        """The name of the peer's row."""
        return f"{PEER}, {self.settings.iterations} iterations, {self.place}"

    def path(self, name: str) -> Path:
        """Return where a picture lies; no option of either program takes it for anything else."""
        stem = f"{self.side}-{self.content}-{self.style}-{name.replace(' ', '-')}"
        return (self.folder / f"{stem}.png").resolve()

    def filters(self) -> dict[str, Tensor]:
        """Return the filters that the peer reads."""
        return _filters(self.settings.network, self.settings.weights)

    def loss(self, name: str) -> float:
        """Return the peer's loss of a picture."""
        content, style, picture = (self.path(one) for one in ("content", "style", name))
        weights = {"content_weight": CONTENT_WEIGHT, "style_weight": STYLE_WEIGHT}
        return written_loss(self.filters(), content, style, picture, **weights)


@functools.cache
def _filters(network: str, weights: str | None) -> dict[str, Tensor]:
    return caffe_state(load_weights(network, weights))


def peer_pieces(
    settings: BenchSettings, folder: Path, rows: Mapping[str, Record]
) -> Iterator[Piece]:
    """Yield the peer's run and ours for every size and pair; rows: those that are done."""
    for case in cases(settings, folder):
        yield Piece("peers", case.peer, functools.partial(peer_row, case))
        for way in case.ways:
            name = f"stylespace to its loss, {way}, {case.place}"
            yield Piece("peers", name, functools.partial(our_row, case, way, rows), SOONER)
    yield Piece("peers", "MCRpy, Gram matrices", mcrpy_row)


def cases(settings: BenchSettings, folder: Path) -> Iterator[Case]:
    """Yield every pair at every size."""
    here = settings.at(str(device_for(settings.device).type), settings.precision)
    for side in settings.sides:
        for content, style in settings.pairs_at(side):
            yield Case(here, side, content, style, folder / "peers")


def strips(settings: BenchSettings, folder: Path) -> dict[str, bytes]:
    """Return JPEGs by name: a case's pictures beside each other, where all of them are there."""
    found = {}
    for case in cases(settings, folder):
        paths = [case.path(name) for name in ("content", "style", "peer", *case.ways)]
        if all(path.is_file() for path in paths):
            labels = ["content", "style", PEER, *(f"stylespace, {way}" for way in case.ways)]
            sheet = contact_sheet([read_image(path) for path in paths], labels, columns=3)
            found[f"{case.side}-{case.content}-{case.style}{STRIP}"] = sheet
    return found


def mcrpy_row() -> Measured:
    """Say why MCRpy 0.2.0 is not measured, though it has these filters and matches Gram matrices.

    Raises:
        UnmeasuredError: always.
    """
    raise UnmeasuredError(
        "it makes grey, periodic pictures in float64 with TensorFlow, which needs an environment "
        "and a scorer of its own"
    )


def peer_row(case: Case) -> Measured:
    """Run the peer, and score what it wrote.

    Raises:
        UnmeasuredError: it is not installed, or fails.
    """
    if find_spec(MODULE) is None:
        raise UnmeasuredError(f"{PEER} is not installed: pip install 'stylespace[peers]'")
    case.folder.mkdir(exist_ok=True)
    for name, sample in (("content", case.content), ("style", case.style)):
        picture = resize(open_picture(f"sample:{sample}"), case.side)
        write_image(case.path(name), picture, force=True)
    model = f"{case.settings.network[:5]}.pth"  # the peer knows the network by the file's name
    with tempfile.TemporaryDirectory() as folder:
        torch.save(case.filters(), Path(folder, model))
        run = measured_run(f"{MODULE}.{MODULE}", peer_options(case, model), folder)
    figures = {"evaluations": case.settings.iterations, "loss": case.loss("peer"), **run.figures}
    return Measured(run.seconds, figures=figures)


def peer_options(case: Case, model: str) -> list[str]:
    """Return the peer's options; what it takes by default is not named."""
    on_cpu = case.settings.device == "cpu"
    options = {
        **{f"{name}_image": case.path(name) for name in ("content", "style")},
        "output_image": case.path("peer"),
        **{
            "model_file": model,
            "image_size": case.side,
            "num_iterations": case.settings.iterations,
        },
        **{"init": "image", "pooling": "avg", "tv_weight": 0},
        **{"content_weight": CONTENT_WEIGHT, "style_weight": STYLE_WEIGHT},
        **{"save_iter": 0, "print_iter": 0},
        **({"gpu": "c", "backend": "mkl"} if on_cpu else {"gpu": 0, "backend": "cudnn"}),
    }
    pairs = ((f"-{name}", str(value)) for name, value in options.items())
    return [*(part for pair in pairs for part in pair), "-disable_check"]


def our_row(case: Case, way: str, rows: Mapping[str, Record]) -> Measured:
    """Find the fewest evaluations whose picture has the peer's loss, and what they took.

    Raises:
        UnmeasuredError: the peer was not measured, or its loss is never reached.
    """
    peer = rows.get(case.peer, {})
    if "figures" not in peer:
        raise UnmeasuredError("its peer was not measured")
    aim = our_objective(network_at(case.settings).precise, case.path("content"), case.path("style"))
    sizes = [] if way == COARSE_TO_FINE else ["--sizes", str(case.side)]
    more = [*sizes, *(["--precision", "float32"] if way == PLAIN else [])]
    goal, runs, trials = peer["figures"]["loss"], dict[int, Run](), dict[int, dict[str, float]]()

    def reaches(count: int) -> bool:
        """Run with so many evaluations, and say whether the picture's loss is the peer's."""
        run = runs[count] = our_run(case, [*aim, *more, "--iterations", str(count)])
        loss = case.loss(TRIAL)
        trials[count] = {"evaluations": count, "seconds": run.seconds, "loss": loss}
        if loss <= goal:  # of fewer evaluations than any before that did
            case.path(TRIAL).replace(case.path(way))
        return loss <= goal

    count = fewest(reaches, MOST * case.settings.iterations)
    if count is None:
        raise UnmeasuredError(f"not {goal:.4g}, but {trials[max(trials)]['loss']:.4g}")
    run, others = runs[count], {"loss": trials[count]["loss"], **runs[count].figures}
    figures = {"evaluations": count, **others, "times sooner": peer["value"] / run.seconds}
    return Measured(run.seconds, PEER, peer["value"], figures=figures, trials=(*trials.values(),))


def our_run(case: Case, options: list[str]) -> Run:
    """Run a transfer of the case's pictures into its trial, as a whole command."""
    more = ("--size", str(case.side), "--grey", "never", "--quiet", "--force")
    out = ("--out", str(case.path(TRIAL)))
    sight = sight_options(case.settings)
    pictures = [str(case.path(name)) for name in ("content", "style")]
    words = ["transfer", *pictures, *more, *sight, *options, *out]
    return measured_run(OURS, words, case.folder)


def our_objective(network: Network, content: Path, style: Path) -> list[str]:
    """Return the options that make a transfer's objective the peer's, divided by a number.

    In the peer's filters (`caffe_state`) a style term is the squared difference of Gram matrices,
    and the content's the mean one of activations, times C^2. Ours are divided by the target's
    square, which is therefore their weight. The weights of style layers add up to 1 in a transfer,
    and so the content's is divided by their sum.
    """
    with torch.no_grad():
        kept = network(read_image(content), CONTENT)[CONTENT]
        seen = network(read_image(style), STYLE)
    weights = {name: STYLE_WEIGHT * float(gram(x).square().sum()) for name, x in seen.items()}
    square = kept.shape[1] ** 2 * float(kept.square().mean())
    total = sum(weights.values())
    share = CONTENT_WEIGHT * square / total
    layers = ",".join(f"{name}={weight / total:.9g}" for name, weight in weights.items())
    options = {"layers": layers, "content-layers": CONTENT, "content-weight": f"{share:.9g}"}
    options |= {"tv-weight": "0"}
    return [part for name, value in options.items() for part in (f"--{name}", value)]


def fewest(reaches: Callable[[int], bool], most: int) -> int | None:
    """Return about the smallest number that reaches: doubled from FIRST on, then halved between.

    At most FACTOR times the smallest, where all larger ones reach as well; None where `most` does
    not.
    """
    low, high = 0, FIRST
    while not reaches(min(high, most)):
        if high >= most:
            return None
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > max(1, (FACTOR - 1) * low):
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
