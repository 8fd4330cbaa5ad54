"""Several transfers into files: those that are there, and were made alike, are kept."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stylespace.commands.many import Make, Record, make_many
from stylespace.commands.outcome import Outcome
from stylespace.commands.sight import SIGHT, network_for
from stylespace.commands.spreading import Spread
from stylespace.commands.transfer.transfer import transferred
from stylespace.errors import UsageError
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.styles.sources import open_styles
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.loop import Watch


def maker() -> Make:
    """Return what makes transfers; styles that two in a row share are opened once."""
    opened = functools.lru_cache(maxsize=1)(open_styles)

    def make(
        settings: TransferSettings, network: Network, watch: Watch | None, checkpoint: Checkpoint
    ) -> Outcome:
        """Make a transfer."""
        sources = opened(settings.styles)
        return transferred(settings, network, sources, watch=watch, checkpoint=checkpoint)

    return make


def transfer_many(
    wanted: Mapping[Path, TransferSettings],
    network: Network,
    *,
    force: bool,
    watch: Callable[[Path], Watch | None],
    spread: Spread | None = None,
) -> tuple[dict[Path, Record], bool]:
    """Make those of some pictures that are missing; return {file: what it carries}.

    Args:
        wanted: {file: settings}, in folders that are there.
        network: loaded; of all settings, see `network_of`.
        force, watch, spread: see `make_many`.

    Returns:
        The pictures that are done, and whether Ctrl-C left others out.

    Raises:
        StylespaceError: a picture could not be made; the others are.
        OutputError: another picture lies where one belongs.
        KeyboardInterrupt: Ctrl-C before the first picture was there.
    """
    made = make_many(maker, wanted, network=network, force=force, watch=watch, spread=spread)
    for failure in made.failed.values():
        raise failure.error()
    return dict(made.records), made.interrupted


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
