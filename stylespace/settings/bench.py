"""The settings of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from stylespace.assets import samples
from stylespace.errors import UsageError, check_known
from stylespace.settings.fields import MOST, setting
from stylespace.settings.shared import Settings

PAIRS = (
    ("astronaut", "hokusai-great-wave"),
    ("chelsea", "gogh-auvers"),
    ("coffee", "renoir-moulin"),
    ("rocket", "kandinsky-composition-viii"),
)
"""Samples that a peer is compared on: content and style."""
LARGE = 256
"""Pixels above which a peer takes so long that the first two pairs will do."""


@dataclass(frozen=True, kw_only=True)
class BenchSettings(Settings):
    """Speed and memory, against the bare network and against other programs."""

    command: ClassVar[str] = "bench"

    all: bool = setting(False, "Whole commands too, which takes a quarter of an hour.")
    peers: bool = setting(
        False, "The program neural-style too, where it is installed, which takes hours."
    )
    sides: tuple[int, ...] = setting(
        (256, 512), "Longer sides in pixels, of steps and of peers.", minimum=32, option="--size"
    )
    iterations: int = setting(500, "Iterations of a peer.", minimum=1, maximum=MOST)
    pairs: tuple[str, ...] = setting(
        (),
        "Samples for the peers, as astronaut=gogh-auvers; default: four pairs, and two of them "
        f"above {LARGE} px.",
    )
    device: str = setting("auto", "cpu, cuda, ...; auto: of steps both, where there is a CUDA.")
    precision: str = setting(
        "auto",
        "Precision of the convolutions; auto: of steps float32 and what is faster.",
        choices=("auto", "float32", "winograd", "bfloat16", "float64"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pairs_at(LARGE)
        if not self.sides or len(set(self.sides)) < len(self.sides):
            raise UsageError("--size: name at least one, and each once.")
        if not self.network.startswith("vgg"):
            raise UsageError(f"the benchmark knows VGGs only, not {self.network}.")
        if self.peers and (self.pooling, self.padding) != ("average", "zeros"):
            raise UsageError("--peers pool by averages and pad with zeros: leave both out.")

    @property
    def decisive(self) -> BenchSettings:
        """The settings that all rows of a folder share."""
        kept = ("network", "weights", "pooling", "padding", "seed")
        return BenchSettings(**{name: getattr(self, name) for name in kept})

    def devices(self) -> tuple[str, ...]:
        """Return the devices whose steps are measured."""
        return ("cpu", "cuda") if self.device == "auto" else (self.device,)

    def at(self, device: str, precision: str) -> BenchSettings:
        """Return the settings of the rows on one device in one precision."""
        return replace(self, device=device, precision=precision)

    def pairs_at(self, side: int) -> tuple[tuple[str, str], ...]:
        """Return the (content, style) samples that a peer is compared on at a size.

        Raises:
            UsageError: a pair that is none, or an unknown sample.
        """
        if not self.pairs:
            return PAIRS if side <= LARGE else PAIRS[:2]
        found, known = [], tuple(sample.name for sample in samples())
        for text in self.pairs:
            content, equals, style = text.partition("=")
            if not equals:
                raise UsageError(f"--pairs {text!r}: write it as astronaut=gogh-auvers.")
            for name in (content, style):
                check_known("sample", name, known)
            found.append((content, style))
        return tuple(found)
