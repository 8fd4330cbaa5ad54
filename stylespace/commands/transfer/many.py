"""Several transfers into files: those that are there, and were made alike, are kept."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stylespace.commands.folder import resume
from stylespace.commands.picture import checkpoint_of
from stylespace.commands.recipes import figures_of, input_hashes, read_origin, write_outcome
from stylespace.commands.sight import SIGHT, network_for
from stylespace.commands.transfer.transfer import transferred
from stylespace.errors import PictureError, UsageError
from stylespace.files import check_output
from stylespace.images import read_image, read_recipe
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.styles.sources import open_styles
from stylespace.synthesis.loop import Watch

Record = dict[str, Any]
"""What a picture carries."""


def transfer_many(
    wanted: Mapping[Path, TransferSettings],
    network: Network,
    *,
    force: bool,
    watch: Callable[[Path], Watch | None],
) -> tuple[dict[Path, Record], bool]:
    """Make those of some pictures that are missing; return {file: what it carries}.

    Args:
        wanted: {file: settings}, in folders that are there.
        network: loaded; of all settings, see `network_of`.
        force: replace pictures that are in the way.
        watch: file -> a watcher of its run, or None.

    Returns:
        The pictures that are done, and whether Ctrl-C left others out.

    Raises:
        OutputError: another picture lies where one belongs.
        KeyboardInterrupt: Ctrl-C before the first picture was there.
    """
    maker = Maker(network, force=force)

    def make(missing: list[Path]) -> Iterator[tuple[Path, Record]]:
        """Make the missing pictures, one after the other."""
        for path in missing:
            check_output(path, force=force)
        for path in missing:
            yield path, maker.made(path, wanted[path], watch(path))

    return resume(wanted, lambda path: known_record(path, wanted[path], network), make)


class Maker:
    """Makes transfers into files, one after the other: what two in a row share is opened once.

    network: loaded, of all of them. force: replace pictures that are in the way.
    """

    def __init__(self, network: Network, *, force: bool) -> None:
        self._network, self._force = network, force
        self._opened = functools.lru_cache(maxsize=1)(open_styles)

    def made(self, path: Path, settings: TransferSettings, watch: Watch | None) -> Record:
        """Make a picture and write it; return what it carries.

        Raises:
            KeyboardInterrupt: Ctrl-C ended its run; its checkpoint is beside it.
        """
        inputs, sources = input_hashes(settings), self._opened(settings.styles)
        with checkpoint_of(path, settings, self._network, inputs) as checkpoint:
            outcome = transferred(
                settings, self._network, sources, watch=watch, checkpoint=checkpoint
            )
            if outcome.synthesis.stopped == "interrupted":
                raise KeyboardInterrupt
            record = write_outcome(path, outcome, inputs=inputs, force=self._force)
        return {**record, "figures": dict(outcome.figures)}


def known_record(path: Path, settings: TransferSettings, network: Network) -> Record | None:
    """Return what a picture carries, if it is whole and was made so: settings, filters, inputs.

    Settings that the picture's recipe does not have are at their defaults.
    """
    try:
        read_image(path)  # a file that was cut short still has its recipe
        (made, _), record = read_origin(path), read_recipe(path)
    except (PictureError, UsageError):
        return None
    ours = {"weights": network.sha256, "inputs": input_hashes(settings)}
    if made != settings or not record or {name: record.get(name) for name in ours} != ours:
        return None
    return {**record, "figures": figures_of(record)}


def network_of(variants: Iterable[TransferSettings]) -> Network:
    """Load the one network that all settings name.

    Raises:
        UsageError: settings that differ in what they see pictures with.
    """
    first, *others = variants
    for name in SIGHT:
        values = dict.fromkeys(getattr(variant, name) for variant in (first, *others))
        if len(values) > 1:
            raise UsageError(
                f"{name} differs between ways ({', '.join(map(str, values))}): compare ways of one "
                "network, and keep other networks for another folder."
            )
    return network_for(first)
