"""Making an atlas in a folder: in batches, wherever they run, going on where it stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from stylespace.commands.atlas.cells import Tools
from stylespace.commands.atlas.runs import Runs, cells_at_once, duration, groups_of
from stylespace.commands.atlas.sheets import name_of, parts, sheet, value_map
from stylespace.commands.atlas.store import CELLS, Store, mark_of
from stylespace.commands.atlas.tables import (
    MAP,
    Agreement,
    MappedEntry,
    about,
    page,
    rows_of,
    table_files,
)
from stylespace.commands.atlas.viewer import viewer
from stylespace.commands.folder import Folder, resume
from stylespace.commands.recipes import figures_record
from stylespace.errors import UnreachedError, UsageError, public
from stylespace.executors import executor_for
from stylespace.files import write_files
from stylespace.images import write_image
from stylespace.networks.network import Network
from stylespace.settings import PAGE, recipe_of, to_toml
from stylespace.settings.atlas import AtlasSettings, Pair, ordered
from stylespace.synthesis.loop import Watch

Named = Callable[[str], Watch]


@dataclass(frozen=True)
class Atlas:
    """What an atlas found.

    rows: the entries that are done, each once, i <= j. total: entries of the block. sheets: file
    names. agreement: with full probes. interrupted: by Ctrl-C, before all was done.
    """

    rows: tuple[MappedEntry, ...]
    total: int
    sheets: tuple[str, ...]
    agreement: Agreement
    interrupted: bool

    @property
    def figures(self) -> dict[str, float]:
        """Counts, and the rank correlation with full probes: NaN where nothing was checked."""
        return {
            "entries": self.total,
            "done": len(self.rows),
            "reached": sum(row.reached for row in self.rows),
            "checked": len(self.agreement.rows),
            "rank_correlation": self.agreement.correlation,
        }


@public
def atlas(
    settings: AtlasSettings,
    folder: Path,
    network: Network,
    *,
    force: bool = False,
    watch: Named | None = None,
    say: Callable[[str], object] | None = None,
) -> Atlas:
    """Map a block of a layer's Gram entries into a folder; cells that are there are kept.

    Writes batches of cells into cells/, then sheets (PNG), a map of the values, table.csv,
    table.json, README.md and index.html, which zooms into the sheets, beside the recipe.toml that
    makes the folder again. Interrupted, it writes them for the entries that are done, and the same
    call goes on where it stopped, on whatever executor. The same settings give the same cells
    wherever they are computed, up to rounding where the number of threads differs.

    Args:
        folder: made if it is missing.
        network: loaded.
        force: use a folder that holds anything else, and replace what is in the way.
        watch: name of a stage -> a watcher of its evaluations, counted over all entries.
        say: called with a line on how long it will take, before it starts.

    Raises:
        OutputError: the folder holds anything but an earlier call with the same settings.
        UsageError: cells or full probes too small for the layer.
        UnreachedError: not one entry was reached; the tables are written.
        KeyboardInterrupt: Ctrl-C before the first batch was done.

    Example:
        >>> import stylespace as ss
        >>> from pathlib import Path
        >>> from stylespace.settings import AtlasSettings
        >>> small = {"size": 32, "iterations": 4, "check": 0}
        >>> settings = AtlasSettings(layer="conv1_1", block="0-0,0-1", **small)
        >>> ss.atlas(settings, Path("atlas"), ss.load_network()).figures["done"]
        2
    """
    with Folder(folder, to_toml(settings.decisive), force=force, inside=(CELLS,)).opened():
        _check_sizes(settings, network)
        store = Store(folder, mark_of(settings, network.sha256), network.sha256)

        def make(missing: list[Pair]) -> Iterator[tuple[Pair, dict[str, float]]]:
            yield from _cells(settings, Tools(network, settings), store, missing, watch, say)

        _, interrupted = resume(settings.pairs(), store.figures.get, make)
    return _written(settings, folder, store, network, interrupted)


def _check_sizes(settings: AtlasSettings, network: Network) -> None:
    """Refuse cells or full probes that are too small for the layer."""
    layers = (settings.place,)
    network.check_size(layers, settings.size, settings.size)
    if settings.check and not network.fits(layers, settings.check_size, settings.check_size):
        raise UsageError(
            f"--check-size {settings.check_size} is too small for {settings.place}, which needs "
            f"{network.minimum_side(settings.place)}: take a larger one, or --check 0."
        )


def _cells(
    settings: AtlasSettings,
    tools: Tools,
    store: Store,
    missing: list[Pair],
    watch: Named | None,
    say: Callable[[str], object] | None,
) -> Iterator[tuple[Pair, dict[str, float]]]:
    """Make the cells that are missing and yield their figures; then full probes of some cells."""
    with executor_for(settings.executor, settings.workers) as executor:
        runs, pairs = Runs(settings, tools, executor), settings.pairs()
        groups = groups_of(pairs, cells_at_once(tools.network, settings, executor.count), missing)
        if groups and say:
            left = duration(runs.expected_seconds(groups, settings.check))
            say(f"about {left} for {len(pairs)} entries ({len(pairs) - len(missing)} done).")
        for batch in runs.batches(groups, watch and watch(f"atlas {settings.place}")):
            store.add(batch)
            yield from batch.rows.items()
        values = store.checks(settings.check_size)
        unchecked = [pair for pair in _chosen(settings, store) if pair not in values]
        for pair, value in runs.full_values(unchecked, watch and watch("full probes")):
            values[pair] = value
            store.keep_checks(settings.check_size, values)


def _chosen(settings: AtlasSettings, store: Store) -> tuple[Pair, ...]:
    """Return the entries to compare with full probes: spread over those that were reached."""
    figures = store.figures
    reached = [p for p in settings.pairs() if p in figures and figures[p]["value"] > 0]
    return spread(reached, settings.check, settings.seed)


def spread(pairs: Sequence[Pair], count: int, seed: int) -> tuple[Pair, ...]:
    """Choose entries at random, one from each of `count` equal parts of the list."""
    generator = np.random.default_rng(seed)
    groups = np.array_split(np.arange(len(pairs)), count) if count else []
    return tuple(pairs[generator.choice(group)] for group in groups if len(group))


def _written(
    settings: AtlasSettings, folder: Path, store: Store, network: Network, interrupted: bool
) -> Atlas:
    """Write sheets, map, tables and page of what is done."""
    pairs = settings.pairs()
    values = {pair: row["value"] for pair, row in store.figures.items()}
    full = store.checks(settings.check_size)
    checked = (pair for pair in _chosen(settings, store) if pair in full)
    compared = tuple((pair, values[pair], full[pair]) for pair in checked)
    agreement = Agreement(compared, settings.check_size)
    rows = rows_of(pairs, store.figures, agreement)
    sheets = tuple(name_of(*part) for part in parts(settings.rows, settings.columns))
    result = Atlas(rows, len(pairs), sheets, agreement, interrupted)
    record = {"recipe": recipe_of(settings.decisive), "weights": network.sha256}
    pixels = _write_sheets(settings, folder, store, record | figures_record(result.figures))
    html = viewer(settings, rows, pixels, [about(settings, len(rows), len(pairs))])
    title = f"{settings.network} {settings.place}: values of G(i, j) that the pictures reach"
    files = {
        MAP: value_map(values, settings.rows, settings.columns, title),
        **table_files(rows, result.figures),
        "README.md": page(settings, rows, sheets, agreement, len(pairs)),
        PAGE: html,
    }
    write_files(folder, files)
    if not any(row.reached for row in rows):
        raise UnreachedError(
            f"none of {len(rows)} entries was reached: their channels never fired together; try "
            f"more --iterations or another --seed ({str(folder / 'table.csv')!r} lists them).",
            result.figures,
            interrupted,
        )
    return result


def _write_sheets(
    settings: AtlasSettings, folder: Path, store: Store, record: dict[str, object]
) -> Iterator[np.ndarray]:
    """Write every sheet with the recipe inside and yield it; one at a time is in memory."""
    for rows, columns in parts(settings.rows, settings.columns):
        shown = {ordered(i, j) for i in rows for j in columns}
        cells = {
            pair: picture if store.figures[pair]["value"] > 0 else None
            for pair, picture in store.pictures(shown).items()
        }
        title = f"{settings.network} {settings.place}: pictures that maximise G(i, j)"
        pixels = sheet(cells, rows, columns, settings.size, title)
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
        write_image(folder / name_of(rows, columns), image, recipe=record, force=True)
        yield pixels
