"""Making an atlas in a folder: in batches, wherever they run, going on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from stylespace.commands.atlas.cells import Tools
from stylespace.commands.atlas.comparison import Comparison, compared, spread
from stylespace.commands.atlas.runs import Runs, batch_size, duration, groups_of
from stylespace.commands.atlas.sheets import name_of, parts, sheet, value_map
from stylespace.commands.atlas.store import FOLDER, Store, mark_of
from stylespace.commands.atlas.tables import MAP, Row, csv_text, json_text, page, rows_of
from stylespace.commands.recipes import figures_record
from stylespace.errors import UnreachedError, UsageError
from stylespace.executors import Serial, executor_for
from stylespace.files import check_folder, write_whole
from stylespace.images import write_image
from stylespace.networks.network import Network
from stylespace.settings import RECIPE_FILE, recipe_of, to_toml
from stylespace.settings.atlas import AtlasSettings, Pair, ordered
from stylespace.synthesis.loop import Watch

Named = Callable[[str], Watch]


@dataclass(frozen=True)
class Atlas:
    """What an atlas found.

    rows: the entries that are done, each once, i <= j. total: entries of the block. sheets: file
    names. comparison: with full probes. interrupted: by Ctrl-C, before all was done.
    """

    rows: tuple[Row, ...]
    total: int
    sheets: tuple[str, ...]
    comparison: Comparison
    interrupted: bool

    @property
    def figures(self) -> dict[str, float]:
        """Counts, and the rank correlation with full probes: NaN where nothing was checked."""
        return {
            "entries": self.total,
            "done": len(self.rows),
            "reached": sum(row.reached for row in self.rows),
            "checked": len(self.comparison.rows),
            "rank_correlation": self.comparison.correlation,
        }


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
    table.json and README.md beside the recipe.toml that makes the folder again. Interrupted, it
    writes them for the entries that are done, and the same call goes on where it stopped, on
    whatever executor. The same settings give the same cells wherever they are computed, up to
    rounding where the number of threads differs.

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
    """
    recipe = to_toml(settings.decisive)
    check_folder(folder, RECIPE_FILE, recipe, force=force)
    _check_sizes(settings, network)
    cells = folder / FOLDER
    ours = [path for path in (folder / RECIPE_FILE, cells, folder) if not path.exists()]
    cells.mkdir(parents=True, exist_ok=True)
    write_whole(folder / RECIPE_FILE, recipe.encode(), force=True)
    store = Store(folder, mark_of(settings, network.sha256), network.sha256)
    interrupted = False
    try:
        with executor_for(settings.executor, settings.workers) as executor:
            _fill(settings, Tools(network, settings), executor, store, watch, say)
    except BaseException as error:
        if not any(pair in store.figures for pair in settings.pairs()):
            _remove(ours)
            raise
        if not isinstance(error, KeyboardInterrupt):
            raise
        interrupted = True
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


def _remove(ours: Sequence[Path]) -> None:
    """Remove what a call made before its first batch; folders only where nothing else is in."""
    with suppress(OSError):
        for path in ours:
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def _fill(
    settings: AtlasSettings,
    tools: Tools,
    executor: Serial,
    store: Store,
    watch: Named | None,
    say: Callable[[str], object] | None,
) -> None:
    """Make what is missing: cells first, then the full probes of some of them."""
    runs, pairs = Runs(settings, tools, executor), settings.pairs()
    size = batch_size(tools.network, settings, executor.count)
    groups = groups_of(pairs, size, store.figures.keys())
    if groups and say:
        done = sum(pair in store.figures for pair in pairs)
        expected = runs.expected_seconds(groups, settings.check)
        say(f"about {duration(expected)} for {len(pairs)} entries ({done} done).")
    for batch in runs.batches(groups, watch and watch(f"atlas {settings.place}")):
        store.add(batch)
    values = store.checks(settings.check_size)
    missing = [pair for pair in _chosen(settings, store) if pair not in values]
    for pair, value in runs.full_values(missing, watch and watch("full probes")):
        values[pair] = value
        store.keep_checks(settings.check_size, values)


def _chosen(settings: AtlasSettings, store: Store) -> tuple[Pair, ...]:
    """Return the entries to compare with full probes: spread over those that were reached."""
    figures = store.figures
    reached = [p for p in settings.pairs() if p in figures and figures[p]["value"] > 0]
    return spread(reached, settings.check, settings.seed)


def _written(
    settings: AtlasSettings, folder: Path, store: Store, network: Network, interrupted: bool
) -> Atlas:
    """Write sheets, map, tables and page of what is done."""
    pairs = settings.pairs()
    values = {pair: row["value"] for pair, row in store.figures.items()}
    full = store.checks(settings.check_size)
    comparison = compared(values, full, _chosen(settings, store), settings.check_size)
    rows = rows_of(pairs, store.figures, comparison)
    sheets = tuple(name_of(*part) for part in parts(settings.rows, settings.columns))
    result = Atlas(rows, len(pairs), sheets, comparison, interrupted)
    record = {"recipe": recipe_of(settings.decisive), "weights": network.sha256}
    _write_sheets(settings, folder, store, {**record, **figures_record(result.figures)})
    files = {
        MAP: value_map(values, settings.rows, settings.columns, _map_title(settings)),
        "table.csv": csv_text(rows).encode(),
        "table.json": json_text(rows, result.figures).encode(),
        "README.md": page(settings, rows, sheets, comparison, len(pairs)).encode(),
    }
    for name, content in files.items():
        write_whole(folder / name, content, force=True)
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
) -> None:
    """Write every sheet with the recipe inside; the cells of one at a time are in memory."""
    for rows, columns in parts(settings.rows, settings.columns):
        shown = {ordered(i, j) for i in rows for j in columns}
        cells = {
            pair: picture if store.figures[pair]["value"] > 0 else None
            for pair, picture in store.pictures(shown).items()
        }
        pixels = sheet(cells, rows, columns, settings.size, _title(settings))
        image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
        write_image(folder / name_of(rows, columns), image, recipe=record, force=True)


def _title(settings: AtlasSettings) -> str:
    return f"{settings.network} {settings.place}: pictures that maximise G(i, j)"


def _map_title(settings: AtlasSettings) -> str:
    return f"{settings.network} {settings.place}: values of G(i, j) that the pictures reach"
