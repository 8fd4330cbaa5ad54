"""What a study tries: parts of pairs of pictures, ways to transfer and claims, from TOML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

from stylespace.errors import UsageError, unknown
from stylespace.settings import TransferSettings, recipe_text, settings_from, toml_of
from stylespace.studies.claims import Claim
from stylespace.studies.measures import MEASURES

ANALYSES = ("noise", "networks", "basins", "space", "knobs", "light")
"""What a part may tell beside its table; see `stylespace.studies.page`."""
QUICK = {"size": 64, "sizes": [64], "iterations": [4]}
"""Settings of every run of a quick study."""
QUICK_PAIRS = 2
Shapes = Mapping[str, Sequence[Sequence[float]]]
"""Polygons and circles of a mask, in percent of the sides."""


@dataclass(frozen=True)
class Pair:
    """A content and a style picture. masks: of the figures of each, or None."""

    content: str
    style: str
    masks: tuple[Shapes, Shapes] | None = None


@dataclass(frozen=True)
class Way:
    """One way to transfer.

    settings: that differ from those of all. content_weights: its curve, and seeds; those of the
    part where there are none. count: of pairs, all for 0. prepared: what its pictures are made
    into first, see `stylespace.studies.prepared`. instead: of a transfer the "content" itself, or
    its "colours" matched. crops: two crops of each result are judged as well.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    content_weights: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    count: int = 0
    prepared: str = ""
    instead: str = ""
    crops: bool = False


@dataclass(frozen=True)
class Run:
    """One result: a way on a pair, with one weight of the content and one seed."""

    part: str
    way: str
    pair: str
    content_weight: float
    seed: int
    pictures: Pair
    settings: TransferSettings
    prepared: str = ""
    instead: str = ""
    crops: bool = False

    @property
    def place(self) -> dict[str, Any]:
        """What tells its row from others."""
        names = ("part", "way", "pair", "content_weight", "seed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Part:
    """One question of a study.

    name: of its recipe. title, text: of its section. paper: what the paper says, a sentence each.
    pairs, count: and how many of them, all for 0. base: settings of all ways. content_weights:
    of the curves; those of the settings for none. along: measure of the content by which curves
    are compared. shown: measures of its table. also: of ANALYSES. unmeasured: {what could not be
    measured: why}.
    """

    name: str
    title: str
    text: str = ""
    paper: tuple[str, ...] = ()
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    count: int = 0
    base: Mapping[str, Any] = field(default_factory=dict)
    ways: Mapping[str, Way] = field(default_factory=dict)
    content_weights: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    along: str = ""
    shown: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    also: tuple[str, ...] = ()
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    def weights_of(self, way: str) -> tuple[float, ...]:
        """Return the weights of the content of a way's curve; none where it is a point."""
        return self.ways[way].content_weights or self.content_weights

    def runs(self) -> Iterator[Run]:
        """Return all runs: of every way, pair, weight and seed."""
        for label, way in self.ways.items():
            pairs = list(islice(self.pairs.items(), way.count or self.count or None))
            weights = self.weights_of(label)
            for name, pair in pairs:
                plain = _settings(pair, {**self.base, **way.settings})
                for weight in weights or (plain.content_weight,):
                    for seed in way.seeds or self.seeds:
                        settings = replace(plain, content_weight=weight, seed=seed)
                        yield Run(
                            *(self.name, label, name, weight, seed, pair, settings),
                            prepared=way.prepared,
                            instead=way.instead,
                            crops=way.crops,
                        )

    def quick(self) -> Part:
        """Return the same in small: two pairs, the ends of each curve, two seeds."""
        ways = {
            label: replace(
                way,
                settings={**way.settings, **QUICK},
                content_weights=way.content_weights[:: max(1, len(way.content_weights) - 1)],
                seeds=way.seeds[:2],
                count=QUICK_PAIRS,
            )
            for label, way in self.ways.items()
        }
        ends = self.content_weights[:: max(1, len(self.content_weights) - 1)]
        return replace(self, ways=ways, content_weights=ends, seeds=self.seeds[:2])


@dataclass(frozen=True)
class Plan:
    """A study: its parts in their order. recipe: the file's own text."""

    title: str
    text: str
    parts: tuple[Part, ...]
    recipe: str

    def quick(self) -> Plan:
        """Return the same in small."""
        return replace(self, parts=tuple(part.quick() for part in self.parts))

    def runs(self) -> tuple[Run, ...]:
        """Return the runs of all parts."""
        return tuple(run for part in self.parts for run in part.runs())


def plan_of(path: Path) -> Plan:
    """Return the plan of a TOML file: of several `parts`, files beside it, or of one itself.

    Raises:
        UsageError: what is missing, unknown or of another kind. PictureError: no such file.
    """
    values = toml_of(path)
    recipe = recipe_text(path)
    try:
        if "parts" not in values:
            if not values["pairs"] or not values["ways"]:
                raise ValueError("nothing to run")
            part = _part(path, values)
            return _checked(Plan(part.title, "", (part,), recipe))
        _known(values, ("title", "text", "parts"), "a study")
        names = [path.parent / name for name in values["parts"]]
        parts = tuple(_part(name, toml_of(name)) for name in names)
        return _checked(Plan(values["title"], values.get("text", ""), parts, recipe))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{str(path)!r} holds no study ({error}): name [pairs] and [ways]; see "
            "probes/paper/networks.toml."
        ) from None


def _part(path: Path, values: Mapping[str, Any]) -> Part:
    """Return the part of a TOML file, whose pairs may stand in a file beside it."""
    names = {one.name for one in fields(Part)} - {"name"} | {"masks"}
    _known(values, names, "a study")
    beside = values.get("pairs", {})
    found = toml_of(path.parent / beside) if isinstance(beside, str) else {"pairs": {}, **values}
    masks = found.get("masks", {})
    own = {name: values[name] for name in names - {"masks"} if name in values}
    own |= {name: tuple(own[name]) for name in _LISTS if name in own}
    own["pairs"] = {name: _pair(a, b, masks) for name, (a, b) in found["pairs"].items()}
    own["ways"] = {label: _way(way) for label, way in values.get("ways", {}).items()}
    own["claims"] = tuple(_claim(claim) for claim in values.get("claims", ()))
    return Part(path.stem, **own)


_LISTS = ("paper", "content_weights", "seeds", "shown", "also")


def _pair(content: str, style: str, masks: Mapping[str, Shapes]) -> Pair:
    """Return a pair with its masks, where there are any of both pictures."""
    both = [masks.get(name.removeprefix("sample:")) for name in (content, style)]
    return Pair(content, style, cast(Any, tuple(both)) if all(both) else None)


def _way(values: Mapping[str, Any]) -> Way:
    """Return a way, whose own settings are all that are none of `Way`."""
    own = {one.name for one in fields(Way)} - {"settings"}
    kept = {name: value for name, value in values.items() if name in own}
    kept |= {name: tuple(kept[name]) for name in ("content_weights", "seeds") if name in kept}
    settings = {name: value for name, value in values.items() if name not in own}
    return Way(settings, **kept)


def _claim(values: Mapping[str, Any]) -> Claim:
    _known(values, [one.name for one in fields(Claim)], "a claim")
    return Claim(**values)


def _known(values: Mapping[str, Any], names: Iterable[str], what: str) -> None:
    """Refuse a setting that nobody knows, the nearest named."""
    for name in values:
        if name not in names:
            raise unknown(f"setting of {what}", name, tuple(sorted(names)))


def _settings(pair: Pair, values: Mapping[str, Any]) -> TransferSettings:
    """Return the settings of a transfer that differs from the defaults in `values`.

    Raises:
        UsageError: unknown settings, or values out of range.
    """
    given = {"content": pair.content, "styles": [pair.style], **values, "command": "transfer"}
    return cast(TransferSettings, settings_from(given))


def _checked(plan: Plan) -> Plan:
    """Return a plan whose runs can be, and whose claims name ways and measures that there are."""
    plan.runs()
    for part in plan.parts:
        for claim in part.claims:
            for way in (claim.way, claim.than):
                if way not in part.ways:
                    raise unknown("way of a claim", way, tuple(part.ways))
            if claim.measure not in MEASURES:
                raise unknown("measure of a claim", claim.measure, tuple(MEASURES))
        for what, given, known in (
            ("measure", (*part.shown, *filter(None, [part.along])), tuple(MEASURES)),
            ("analysis", part.also, ANALYSES),
        ):
            for name in given:
                if name not in known:
                    raise unknown(f"{what} of a study", name, known)
    return plan
