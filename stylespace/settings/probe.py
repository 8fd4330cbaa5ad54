"""The settings of commands that push on single entries of a Gram matrix: probe and edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import stylespace.settings.entries as entries
from stylespace.errors import UsageError
from stylespace.networks.catalogue import check_entry
from stylespace.settings.entries import FORMS, Top
from stylespace.settings.fields import setting, side_setting, starts_setting, steps_setting
from stylespace.settings.shared import OPTIMIZERS, Making, Settings

Entry = tuple[str, int, int]
"""Layer, i, j."""
GOALS = ("energy", "log", "selectivity", "mixture")
"""What can be made large: G_ij, log G_ij, log G_ij - log ||G||_F, or between the last two."""
NATURAL = "natural"
"""The goal that makes nothing large: activations like those of natural patches."""


@dataclass(frozen=True, kw_only=True)
class ProbeSettings(Making, Settings):
    """Pictures that maximise Gram entries."""

    command: ClassVar[str] = "probe"

    layer: str = setting("conv3_1", "Layer of the entries; several as conv3_1,conv4_1.")
    entry: tuple[str, ...] = setting(
        (), "Entry of the Gram matrix as I,J; repeat it for several, or LAYER:I,J.", repeat=True
    )
    entries: tuple[str, ...] = setting(
        (), f"Many entries of each layer: {FORMS}; repeat it for several.", repeat=True
    )
    painting: str | None = setting(
        None,
        "Painting whose largest entries top:N takes: a picture or sample:NAME.",
        option="--from",
        picture=True,
    )
    seeds: int = starts_setting(
        "Starts an entry, from --seed upwards: the largest is kept, their agreement reported."
    )
    size: int = side_setting(224, "Side of the square picture in pixels.")
    iterations: tuple[int, ...] = steps_setting(256)
    optimizer: str = setting("adam", "Optimiser.", choices=OPTIMIZERS)
    parameters: str = setting(
        "natural",
        "What is optimised: natural (shapes, with little more power at any scale than paintings "
        "have), fourier (any power: larger values, clipped), phases (only the phase, with the "
        "paintings' spectrum), sigmoid or pixels (the paper's mode, with --optimizer lbfgs).",
        choices=("natural", "fourier", "phases", "sigmoid", "pixels"),
    )
    robust: bool = setting(
        False, "Jitter, scale and rotate the picture at every evaluation (with adam)."
    )
    goal: str = setting(
        "log",
        "What is made large: energy (the entry), log (its logarithm), selectivity (its share of "
        "the whole Gram matrix), mixture (between the two); or natural: the two channels fire as "
        "in the nine patches of paintings where they fire most, shown beside what log makes.",
        choices=(*GOALS, NATURAL),
    )
    selectivity: float = setting(
        0.0,
        "Between 0, the largest entry, and 1, the largest share; mixture takes 0.5.",
        minimum=0,
        maximum=1,
    )

    COARSEST: ClassVar[int] = 96

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_pyramid()
        self.layers()
        if not (self.entry or self.entries):
            raise UsageError("no entry: name one, such as --entry 12,40 or --entries diagonal.")
        if self.selectivity and self.goal in ("energy", "selectivity", NATURAL):
            raise UsageError(
                f"--selectivity {self.selectivity:g} says nothing to --goal {self.goal}: leave it "
                "out, or take --goal mixture."
            )
        if self.robust and self.optimizer != "adam":
            raise UsageError("--robust changes the objective at each evaluation: use adam for it.")
        self._check_choices()
        self._named()

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (*((self.painting,) if self.painting else ()), *super().inputs())

    def _check_choices(self) -> None:
        for text in self.entries:
            for layer in self.layers():
                entries.check_choice(text, layer, self._channels(layer), self.network)
        by_painting = any(map(entries.needs_painting, self.entries))
        if by_painting and not self.painting:
            raise UsageError("top:N takes the largest entries of a painting: name it with --from.")
        if self.painting and not by_painting:
            raise UsageError("--from is read by --entries top:N alone: add that, or leave it out.")

    def layers(self) -> tuple[str, ...]:
        """Return the layers' own names, once each.

        Raises:
            UsageError: an unknown layer, or none.
        """
        names = [name.strip() for name in self.layer.split(",") if name.strip()]
        if not names:
            raise UsageError("no layer: name one, such as --layer conv3_1.")
        return tuple(dict.fromkeys(map(self.own_name, names)))

    @property
    def several(self) -> bool:
        """Say whether the result is a folder of entries, not one picture."""
        return bool(self.entries) or len(self._named()) > 1

    @property
    def first(self) -> Entry:
        """The first entry that can be told without a network."""
        return (*self.chosen(), (self.layers()[0], 0, 0))[0]

    def chosen(self, top: Top | None = None) -> tuple[Entry, ...]:
        """Return (layer, i, j) for every entry, once each; (j, i) is the same entry.

        top: chooses by a painting's Gram matrix; without it such entries are left out.

        Raises:
            UsageError: malformed, an unknown layer, or outside the layer.
        """
        many = [
            (layer, i, j)
            for layer in self.layers()
            for text in self.entries
            for i, j in entries.pairs_of(
                text, layer, self._channels(layer), seed=self.seed, top=top
            )
        ]
        firsts: dict[Entry, Entry] = {}
        for layer, i, j in [*self._named(), *many]:
            firsts.setdefault((layer, min(i, j), max(i, j)), (layer, i, j))
        return tuple(firsts.values())

    def _named(self) -> tuple[Entry, ...]:
        """Return the entries of --entry: in its own layer, or in each of --layer."""
        result = []
        for text in self.entry:
            own, i, j = entries.split_entry(text)
            for layer in [self.own_name(own)] if own else self.layers():
                check_entry(layer, (i, j), self.network)
                result.append((layer, i, j))
        return tuple(dict.fromkeys(result))

    def _channels(self, layer: str) -> int:
        return next(one.channels for one in self.architecture if one.name == layer)
