"""Many pictures into files, wherever they are made: those that are there, and alike, are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from stylespace.commands.folder import resume
from stylespace.commands.outcome import Outcome
from stylespace.commands.picture import checkpoint_of
from stylespace.commands.recipes import figures_of, input_hashes, read_origin, write_outcome
from stylespace.commands.sight import check_weights, network_of_sight, sight_of
from stylespace.commands.spreading import Spread, Tools
from stylespace.commands.unfinished import drop_unbegun
from stylespace.errors import PictureError, StylespaceError, UnreachedError, UsageError
from stylespace.executors import Failure
from stylespace.files import check_output, sweep
from stylespace.images import read_image, read_recipe
from stylespace.networks.network import Network
from stylespace.settings import Settings
from stylespace.synthesis.loop import Watch

Record = dict[str, Any]
"""What a picture carries."""
Make = Callable[..., Outcome]
"""(settings, network, watch, checkpoint) as keywords -> the outcome."""


@dataclass(frozen=True)
class Made:
    """What became of many pictures.

    records: {file: what it carries}, and of those that were made now `seconds`. failed: {file:
    why there is none}. interrupted: by Ctrl-C, before all was done.
    """

    records: Mapping[Path, Record]
    failed: Mapping[Path, Failure]
    interrupted: bool


def make_many(
    maker: Callable[[], Make],
    wanted: Mapping[Path, Settings],
    *,
    network: Network | None = None,
    force: bool = False,
    spread: Spread | None = None,
    watch: Callable[[Path], Watch | None] = lambda path: None,
    told: Callable[[Path, Record], object] = lambda path, record: None,
) -> Made:
    """Make those of some pictures that are missing; one that fails, twice, leaves the others.

    Args:
        maker: importable; returns what makes each of them.
        wanted: {file: settings}, in folders that are there.
        network: loaded, of all settings; None: each set of settings names its own.
        force: replace pictures that are in the way.
        spread: where they are made; None for this process.
        watch: file -> a watcher of its run in this process, or None.
        told: called with every picture that is done, those that are kept first.

    Raises:
        OutputError: another picture lies where one belongs.
        KeyboardInterrupt: Ctrl-C before the first picture was there.
    """
    here = Maker(maker, network=network, force=force, watch=watch)
    failed: dict[Path, Failure] = {}

    def known(path: Path) -> Record | None:
        """Return what a picture of an earlier call carries."""
        if not path.exists():
            return None
        record = known_record(path, wanted[path], here.network(wanted[path]))
        if record is not None:
            told(path, record)
        return record

    def make(missing: list[Path]) -> Any:
        """Make the missing pictures, those of a network together, and note those that fail."""
        for path in missing:
            check_output(path, force=force)
        sights = list(dict.fromkeys(map(sight_of, wanted.values())))
        missing.sort(key=lambda path: sights.index(sight_of(wanted[path])))
        calls = [(path, wanted[path], here.weights(wanted[path])) for path in missing]
        tools = Tools(Maker, (maker, force))
        try:
            for number, result in (spread or Spread()).results(Maker.made, calls, here, tools):
                if isinstance(result, Failure):
                    failed[missing[number]] = result
                    missing[number].unlink(missing_ok=True)  # of other settings, given up by force
                else:
                    told(missing[number], result)
                    yield missing[number], result
        finally:  # workers that were ended left what they had begun
            for folder in {path.parent for path in missing}:
                sweep(folder)
            for path in missing:
                drop_unbegun(path)

    records, interrupted = resume(wanted, known, make)
    return Made(records, {path: failed[path] for path in wanted if path in failed}, interrupted)


class Maker:
    """Makes pictures into files, one after the other: what two in a row share is opened once.

    maker, network, force, watch: see `make_many`.
    """

    def __init__(
        self,
        maker: Callable[[], Make],
        force: bool,
        network: Network | None = None,
        watch: Callable[[Path], Watch | None] = lambda path: None,
    ) -> None:
        self._make, self._given, self._force, self._watch = maker(), network, force, watch
        self._loaded = lru_cache(maxsize=1)(network_of_sight)
        self._weights: dict[tuple, str] = {}

    def network(self, settings: Settings) -> Network:
        """Return the network that settings name."""
        return self._loaded(sight_of(settings)) if self._given is None else self._given

    def weights(self, settings: Settings) -> str:
        """Return the SHA-256 of its filters; nothing where it cannot be loaded."""
        sight = sight_of(settings)
        if sight not in self._weights:
            try:
                self._weights[sight] = self.network(settings).sha256
            except StylespaceError:  # whoever makes the picture says so
                self._weights[sight] = ""
        return self._weights[sight]

    def made(self, path: Path, settings: Settings, weights: str) -> Record:
        """Make a picture and write it; return what it carries, and its seconds.

        weights: SHA-256 of the filters in the process that asks, or nothing.

        Raises:
            KeyboardInterrupt: Ctrl-C ended its run; its checkpoint is beside it.
        """
        network = self.network(settings)
        if weights:
            check_weights(network, weights)
        if path.exists() and (known := known_record(path, settings, network)):
            return known  # its worker was lost on the way back
        began, inputs = perf_counter(), input_hashes(settings)
        with checkpoint_of(path, settings, network, inputs) as checkpoint:
            looking = {"watch": self._watch(path), "checkpoint": checkpoint}
            try:
                outcome = self._make(settings=settings, network=network, **looking)
            except UnreachedError as error:
                if error.interrupted:
                    raise KeyboardInterrupt from error
                checkpoint.drop()
                raise
            if outcome.synthesis.stopped == "interrupted":
                raise KeyboardInterrupt
            record = write_outcome(path, outcome, inputs=inputs, force=self._force)
        seconds = round(perf_counter() - began, 3)
        return {**_short(record), "figures": dict(outcome.figures), "seconds": seconds}


def known_record(path: Path, settings: Settings, network: Network) -> Record | None:
    """Return what a picture carries, if it is whole and was made so: settings, filters, inputs.

    Settings that the picture's recipe does not have are at their defaults.
    """
    try:
        read_image(path)  # a file that was cut short still has its recipe
        (made, _), record = read_origin(path), read_recipe(path)
    except (PictureError, UsageError):
        return None
    if getattr(settings, "tile", 0) is None:
        made = replace(cast(Any, made), tile=None)  # chosen by what memory there was
    ours = {"weights": network.sha256, "inputs": input_hashes(settings)}
    if made != settings or not record or {name: record.get(name) for name in ours} != ours:
        return None
    return {**_short(record), "figures": figures_of(record)}


def _short(record: Record) -> Record:
    """Return a record without its trace, which is most of it."""
    return {name: value for name, value in record.items() if name != "trace"}
