"""A table of features: pictures measured wherever the executor is, rows in the order asked for.

Free of torch: where workers measure, this process only keeps their rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylespace.commands.command import Output, Result
from stylespace.commands.features.tables import (
    Head,
    Store,
    Table,
    check_columns,
    record_path,
    stored,
)
from stylespace.commands.spreading import Spread, Tools
from stylespace.errors import PictureError
from stylespace.executors import Failure
from stylespace.files import check_output
from stylespace.settings import FeaturesSettings, recipe_of
from stylespace.settings.inputs import with_folders
from stylespace.synthesis.progress import Counting

if TYPE_CHECKING:
    from stylespace.commands.features.measurer import Measurer

UNSEEN = "not measured: the call was interrupted."


def made_table(settings: FeaturesSettings, output: Output, path: Path) -> Result:
    """Measure pictures into a table.

    Ctrl-C after the first rows writes those that are there; the others have that as their reason.

    Raises:
        PictureError: a folder without pictures, or not one could be measured.
        UsageError: a CSV or Parquet of too many columns. OutputError: it cannot be written.
    """
    names = with_folders(settings.pictures)
    tools = Tools(_measurer, (settings, not output.quiet))
    with Spread(settings.executor, settings.workers).kept() as spread:
        ((_, head),) = spread.results(_head, [()], tools, tools)
        if isinstance(head, Failure):
            raise head.error()
        check_columns(path, len(head.columns))
        if path.suffix.lower() == ".csv":
            check_output(record_path(path), force=output.force)
        with stored(path, len(names), len(head.columns)) as store:
            results = spread.results(_measured, _calls(names, head), tools, tools)
            reasons, interrupted = _filled(store, names, results, head, quiet=output.quiet)
            bad = [place for place, why in enumerate(reasons) if why]
            if len(bad) == len(names):
                if interrupted:
                    raise KeyboardInterrupt
                raise PictureError(
                    f"none of {len(names)} pictures could be measured; {names[0]!r}: {reasons[0]}"
                )
            figures = {"pictures": len(names), "measured": len(names) - len(bad)}
            table = Table(names, reasons, head.columns, store, {**head.record, **figures})
            outputs = table.write(path, force=output.force)
    remarks = tuple(f"left out {names[k]}: {reasons[k]}" for k in bad if reasons[k] != UNSEEN)
    figures["columns"] = len(head.columns)
    recipe = recipe_of(settings.decisive)
    return Result(outputs, figures, recipe, interrupted=interrupted, remarks=remarks)


def _calls(names: Sequence[str], head: Head) -> list[tuple[Sequence[str], Any, Any]]:
    """Return the arguments of each call: some of the names, and what all rows have in common."""
    starts = range(0, len(names), head.count)
    common = (head.record["weights"], head.record["scales"])
    return [(names[start : start + head.count], *common) for start in starts]


def _filled(
    store: Store,
    names: Sequence[str],
    results: Iterator[tuple[int, Any]],
    head: Head,
    *,
    quiet: bool,
) -> tuple[list[str], bool]:
    """Fill a store; return the reason of each row that is missing, and whether Ctrl-C came."""
    reasons, done = [UNSEEN] * len(names), 0
    with Counting(quiet=quiet) as counting:
        counting.at("measuring", 0, len(names))
        try:
            for number, result in results:
                start = number * head.count
                count = len(names[start : start + head.count])
                if isinstance(result, Failure):
                    reasons[start : start + count] = [result.reason] * count
                else:
                    rows, reasons[start : start + count] = result
                    store.put(start, rows)
                done += count
                counting.at("measuring", done, len(names))
        except KeyboardInterrupt:
            return reasons, True
    return reasons, False


def _measurer(settings: FeaturesSettings, progress: bool) -> Measurer:
    from stylespace.commands.features.measurer import Measurer

    return Measurer(settings, progress=progress)


def _head(measurer: Measurer) -> Head:
    return measurer.head()


def _measured(measurer: Measurer, *arguments: Any) -> tuple[Any, list[str]]:
    return measurer.measured(*arguments)
