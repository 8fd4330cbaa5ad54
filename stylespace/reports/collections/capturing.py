"""Measuring the styles of many pictures into files: in parallel, going on where it stopped."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import stylespace.reports.collections.cache as cache
from stylespace.commands.folder import resume
from stylespace.commands.sight import workers_for
from stylespace.errors import MemoryLimitError, PictureError, StyleError, UsageError
from stylespace.executors import completed, executor_for
from stylespace.networks.network import Network
from stylespace.networks.space import Space
from stylespace.settings import StyleLayers

FAULTS = (PictureError, UsageError, MemoryLimitError, StyleError)
"""What may be wrong with one picture and leaves the others as they are."""


class Skipped(NamedTuple):
    """A picture that could not be measured, and why: one line, with the remedy."""

    picture: Path
    reason: str


@dataclass(frozen=True)
class Collection:
    """Pictures with their styles.

    styles: {picture: style file}, in the order of the pictures; pictures of the same content share
    one file. skipped: the others, in the same order. measured: files that were not there before.
    """

    styles: Mapping[Path, Path]
    skipped: tuple[Skipped, ...]
    measured: int


@dataclass(frozen=True)
class Seen:
    """One picture of a collection that is done with, for whoever shows the progress.

    number: how many are, this one included. total: of all. reason: why it was skipped, or empty.
    kept: its style was there before. seconds: since the beginning.
    """

    number: int
    total: int
    picture: Path
    reason: str
    kept: bool
    seconds: float


def captured(
    pictures: Sequence[Path],
    settings: StyleLayers,
    network: Network,
    *,
    size: int,
    folder: Path | None = None,
    executor: str = "processes",
    workers: int | None = None,
    watch: Callable[[Seen], object] | None = None,
) -> Collection:
    """Measure the styles of pictures, in parallel, into files; those that are there are kept.

    A file is whole or not there, so whatever ends a call, the next one goes on where it stopped. A
    picture that cannot be measured is reported and left out. Styles never leave the worker that
    measures them but as files: the memory does not grow with the number of pictures.

    Args:
        pictures: files, such as those of `pictures_in`.
        settings: the network and its options, and the layers.
        network: loaded, that of `settings`; other processes load it again, once each.
        size: pixels of the longer side, to which every picture is resized.
        folder: where the styles are kept; None for `cache_folder()`.
        executor: see `stylespace.executors`. workers: processes; None for one a core.
        watch: called with every picture that is done with, those that are kept first.

    Raises:
        PictureError: no pictures, or not one could be measured.
        OutputError: the folder cannot be written to. WeightsError: a worker has another network.
        UsageError: a layer that the network does not have, an unknown executor, or several
        workers for a module that was wrapped in this process.
    """
    pictures = tuple(dict.fromkeys(pictures))
    if not pictures:
        raise PictureError("no pictures: name at least one.")
    measurement = cache.Measurement.of(network, settings, size)
    folder = cache.made_folder(folder or cache.cache_folder())
    work = _Pictures(pictures, measurement, folder, watch)

    def make(missing: list[Path]) -> Iterator[tuple[Path, str]]:
        """Measure the missing styles, as they end."""
        if not missing:
            return
        with executor_for(executor, workers_for(network, workers)) as pool:
            place = (_placed(settings, network), network.space) if pool.remote else network
            calls = [(work.groups[file][0], file, measurement, place) for file in missing]
            for number, reason in completed(pool, _kept, calls):
                yield missing[number], work.finish(missing[number], reason)

    _, interrupted = resume(work.groups, work.known, make)
    if interrupted:
        raise KeyboardInterrupt
    return work.collection()


def _placed(settings: StyleLayers, network: Network) -> StyleLayers:
    """Return the settings with the device and precision that the loaded network has."""
    return replace(settings, device=str(network.device), precision=network.precision)


class _Pictures:
    """The pictures of a collection, and what became of each so far.

    groups: {style file: pictures of that content}.
    """

    def __init__(
        self,
        pictures: Sequence[Path],
        measurement: cache.Measurement,
        folder: Path,
        watch: Callable[[Seen], object] | None,
    ) -> None:
        self._pictures, self._measurement, self._watch = pictures, measurement, watch
        self._began, self._measured = perf_counter(), 0
        self._files: dict[Path, Path] = {}
        self._reasons: dict[Path, str] = {}
        self.groups: dict[Path, list[Path]] = {}
        for picture in pictures:
            try:
                file = measurement.file(folder, cache.content_of(picture))
            except PictureError as error:
                self._tell(picture, reason_of(str(picture), error))
            else:
                self.groups.setdefault(file, []).append(picture)

    def known(self, file: Path) -> str | None:
        """Return the reason why a style file is not there: none if it is, None to make it."""
        return self._end(file, "", kept=True) if self._measurement.is_kept(file) else None

    def finish(self, file: Path, reason: str) -> str:
        """Take note of a style file that was made, or of the reason why it was not."""
        self._measured += not reason
        return self._end(file, reason)

    def collection(self) -> Collection:
        """Return what was found, in the order of the pictures.

        Raises:
            PictureError: not one could be measured.
        """
        styles = {path: self._files[path] for path in self._pictures if path in self._files}
        skipped = tuple(
            Skipped(path, self._reasons[path]) for path in self._pictures if path in self._reasons
        )
        if not styles:
            picture, reason = skipped[0]
            raise PictureError(
                f"none of {len(skipped)} pictures could be measured; {str(picture)!r}: {reason}"
            )
        return Collection(styles, skipped, self._measured)

    def _end(self, file: Path, reason: str, *, kept: bool = False) -> str:
        for picture in self.groups[file]:
            self._tell(picture, reason, None if reason else file, kept=kept)
        return reason

    def _tell(
        self, picture: Path, reason: str, file: Path | None = None, *, kept: bool = False
    ) -> None:
        """Note the style file of a picture, or why there is none, and tell the watcher."""
        if file:
            self._files[picture] = file
        else:
            self._reasons[picture] = reason
        if self._watch:
            number, seconds = len(self._files) + len(self._reasons), perf_counter() - self._began
            self._watch(Seen(number, len(self._pictures), picture, reason, kept, seconds))


def _kept(
    picture: Path,
    file: Path,
    measurement: cache.Measurement,
    place: Network | tuple[StyleLayers, Space],
) -> str:
    """Keep a picture's style, in whatever process; return why it could not be, or nothing."""
    network = place if isinstance(place, Network) else cache.worker_network(*place)
    try:
        cache.keep(picture, file, network, measurement)
    except FAULTS as error:
        return reason_of(str(picture), error)
    return ""


def reason_of(picture: str, error: Exception) -> str:
    """Return what an error says, without the picture's name before it."""
    return str(error).removeprefix(f"{picture!r}: ")
