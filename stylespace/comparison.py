"""Transfers side by side: the same pictures under several settings, judged alike, in a folder.

Every picture carries its recipe, so that an interrupted comparison goes on where it stopped.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tabulate import tabulate
from torch import Tensor

from stylespace.errors import PictureError
from stylespace.files import check_folder, write_whole
from stylespace.images import read_image, read_recipe, resize
from stylespace.judging import Judges
from stylespace.networks import Network
from stylespace.plots import contact_sheet
from stylespace.recipes import figures_of, write_outcome
from stylespace.settings import (
    RECIPE_FILE,
    TransferSettings,
    recipe_of,
    split_weight,
)
from stylespace.sources import open_picture
from stylespace.synthesis import Watch
from stylespace.transfer import transfer

STRIP = "strip.jpg"
THUMBNAIL = 256
OWN = ("style_distance", "copy_index", "explained_energy", "loss")
"""Figures that a picture itself carries and a table shows."""


@dataclass(frozen=True)
class Row:
    """One transfer of a comparison.

    name: of its picture, without suffix. label: what it shows. figures: its own and the judges'.
    """

    name: str
    label: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """What a comparison found, rows before Ctrl-C if it was interrupted."""

    rows: tuple[Row, ...]
    count: int
    interrupted: bool = False
    remarks: tuple[str, ...] = field(default=())


def partitions(settings: TransferSettings) -> dict[str, TransferSettings]:
    """Return {label: settings} of partial transfers: nothing kept, the shallowest layer, two, ...

    All but the deepest layer are kept at last.

    Source: NN16a, partial transfer.
    """
    names = tuple(settings.style_layers())
    return {
        "kept: " + (", ".join(names[:count]) or "nothing"): replace(
            settings, partitions=False, keep=names[:count], layers=_left(settings, names[count:])
        )
        for count in range(len(names))
    }


def _left(settings: TransferSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return style layers as settings name them: the defaults stay unnamed."""
    if not settings.layers:
        return ()
    weights = settings.style_layers()
    return tuple(f"{name}={weights[name]:g}" for name in names)


def compare(
    variants: Mapping[str, TransferSettings],
    folder: Path,
    network: Network,
    *,
    title: str,
    recipe: str,
    force: bool = False,
    watch: Callable[[str], Watch] | None = None,
) -> Comparison:
    """Run transfers into a folder, and show them side by side with what they are judged by.

    Writes a picture a variant, strip.jpg, table.csv, results.json and README.md beside
    recipe.toml; pictures that are there, with the same settings, are kept.

    Args:
        variants: {label: settings}, all of one content size.
        folder: made if it is missing. recipe: text of recipe.toml, by which it is known again.
        network: loaded; of all variants.
        title: of the page.
        force: use a folder that holds anything else.
        watch: name of a run -> a watcher of it.

    Raises:
        OutputError: the folder holds something else.
    """
    check_folder(folder, RECIPE_FILE, recipe, force=force)
    folder.mkdir(exist_ok=True)
    write_whole(folder / RECIPE_FILE, recipe.encode(), force=True)
    judges, rows, interrupted, remarks = Judges(network), [], False, []
    for number, (label, settings) in enumerate(variants.items(), 1):
        path = folder / f"{number:02d}.png"
        try:
            made = _made(path, settings, network, watch and watch(label))
        except KeyboardInterrupt:
            made = None
        if made is None:
            interrupted = True
            break
        style = resize(open_picture(_style_name(settings)), settings.source_side(settings.size))
        image = read_image(path)
        figures = {name: made["figures"][name] for name in OWN if name in made["figures"]}
        figures |= judges.figures(image, open_picture(settings.content), style)
        rows.append(Row(path.stem, label, figures))
        remarks += [f"{label}: {made['remark']}"] if made.get("remark") else []
    if rows:
        first = next(iter(variants.values()))
        _write(folder, title, rows, _beside(first))
    return Comparison(tuple(rows), len(variants), interrupted, tuple(remarks))


def _style_name(settings: TransferSettings) -> str:
    return split_weight(settings.styles[0])[0]


def _beside(settings: TransferSettings) -> list[tuple[str, Tensor]]:
    """Return what stands before the results: content and style."""
    return [
        ("content", open_picture(settings.content)),
        ("style", open_picture(_style_name(settings))),
    ]


def _made(
    path: Path, settings: TransferSettings, network: Network, watch: Watch | None
) -> dict[str, Any] | None:
    """Return what a picture carries, made now or before; None where Ctrl-C ended its run."""
    known = _known(path)
    if known and known.get("recipe") == recipe_of(settings):
        return {**known, "figures": figures_of(known)}
    outcome = transfer(settings=settings, network=network, watch=watch)
    if outcome.synthesis.stopped == "interrupted":
        return None
    record = write_outcome(path, outcome, force=True)
    return {**record, "figures": dict(outcome.figures)}


def _known(path: Path) -> Mapping[str, Any] | None:
    try:
        return read_recipe(path)
    except PictureError:
        return None


def _write(folder: Path, title: str, rows: Sequence[Row], beside: list) -> None:
    """Write the strip and the tables, replacing those of an earlier call."""
    columns = list(dict.fromkeys(name for row in rows for name in row.figures))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("picture", "label", *columns))
    for row in rows:
        writer.writerow((row.name, row.label, *(row.figures.get(name) for name in columns)))
    write_whole(folder / "table.csv", stream.getvalue().encode(), force=True)
    results = [{"picture": r.name, "label": r.label, **r.figures} for r in rows]
    write_whole(folder / "results.json", json.dumps(results, indent=1).encode(), force=True)
    shown = [*beside, *((row.label, read_image(folder / f"{row.name}.png")) for row in rows)]
    pictures = [resize(picture, THUMBNAIL) for _, picture in shown]
    labels = [label.replace(": ", ":\n", 1) for label, _ in shown]
    write_whole(folder / STRIP, contact_sheet(pictures, labels, columns=4), force=True)
    write_whole(folder / "README.md", _page(title, columns, rows).encode(), force=True)


def _page(title: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    table = tabulate(
        [(row.label, *(_shown(row.figures.get(name)) for name in columns)) for row in rows],
        ("", *columns),
        tablefmt="github",
        disable_numparse=True,
    )
    return (
        f"# {title}\n\n![{', '.join(row.label for row in rows)}]({STRIP})\n\n{table}\n\n"
        "`style_distance` is the geometric mean of the relative Gram distances, what full transfer "
        "lowers; the other columns are optimised by none: `sliced`, sliced Wasserstein distance of "
        "features to the style; `similarity`, structural similarity to the content; "
        "`content_colours` and `style_colours`, CIELAB histogram distances; `other_style` and "
        "`other_content`, distances in another network.\n\n"
        f"Made again by `stylespace run {RECIPE_FILE}`.\n"
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
