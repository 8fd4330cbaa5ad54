"""Transfers side by side: the same pictures under several settings, judged alike, in a folder.

Every picture carries its recipe, so that an interrupted comparison goes on where it stopped.
"""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.assets import split_weight
from stylespace.commands.recipes import (
    figures_of,
    input_hashes,
    plain_figures,
    read_origin,
    write_outcome,
)
from stylespace.commands.sight import SIGHT, network_for
from stylespace.commands.transfer.metrics import Judges
from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import PictureError, UsageError
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet
from stylespace.files import check_folder, check_output, write_whole
from stylespace.images import read_image, read_recipe, resize
from stylespace.networks.network import Network
from stylespace.settings import RECIPE_FILE, TransferSettings
from stylespace.styles.sources import open_picture
from stylespace.synthesis.loop import Watch

STRIP = "strip.jpg"
THUMBNAIL, LETTERS = 256, 44
"""Longer side in pixels of a picture in the strip, and letters of a line above it."""
DEEPEST = 2
"""Style layers, from the deepest up, whose relative Gram distances a table shows."""
OWN = ("style_distance", "copy_index", "explained_energy", "loss")
"""Figures that a picture itself carries and a table shows."""


@dataclass(frozen=True)
class Row:
    """One transfer of a comparison.

    name: of its picture, without suffix. label: what it shows. figures: its own and the judges'.
    remark: what the run had to say.
    """

    name: str
    label: str
    figures: Mapping[str, float]
    remark: str = ""


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
    styled = settings.style_layers()
    names = tuple(layer.name for layer in settings.architecture if layer.name in styled)
    least = 2 if settings.representation == "chained" else 1
    return {
        "kept: " + (", ".join(names[:count]) or "nothing"): replace(
            settings,
            partitions=False,
            keep=names[:count],
            layers=_left(settings, names[count:]),
            window=_windows(settings, names[count:]),
        )
        for count in range(len(names) - least + 1)
    }


def _left(settings: TransferSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return style layers as settings name them: the defaults stay unnamed."""
    weights = settings.weighted(settings.layers)
    return tuple(f"{name}={weights[name]}" for name in names) if weights else ()


def _windows(settings: TransferSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return the windows of a setting, without those of layers that are kept."""
    found = []
    for text in settings.window:
        name, equals, number = text.rpartition("=")
        layers = settings.weighted((name,)) if equals else ()
        found += [f"{one}={number}" for one in layers if one in names] if equals else [text]
    return tuple(found)


def compare(
    variants: Mapping[str, TransferSettings],
    folder: Path,
    network: Network,
    *,
    title: str,
    recipe: str,
    mark: str = RECIPE_FILE,
    again: str = f"Made again by `stylespace run {RECIPE_FILE}`.",
    force: bool = False,
    watch: Callable[[str], Watch] | None = None,
) -> Comparison:
    """Run transfers into a folder, and show them side by side with what they are judged by.

    Writes a picture a variant, strip.jpg, table.csv, results.json and README.md beside
    recipe.toml; pictures that are there, with the same settings, filters and inputs, are kept.
    Nothing is written before the first picture.

    Args:
        variants: {label: settings}, all of one content size.
        folder: made if it is missing. recipe: text of the file `mark` in it, by which it is known
            again.
        network: loaded; of all variants, see `network_of`.
        title: of the page. again: its last sentence, how the folder is made again.
        force: use a folder that holds anything else, and replace pictures that are in the way.
        watch: name of a run -> a watcher of it.

    Raises:
        OutputError: the folder holds something else, or another's picture under a name of ours.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    check_folder(folder, mark, recipe, force=force)
    work = _Work(folder, network, mark, recipe, force)
    known = {label: work.known(at, one) for at, (label, one) in enumerate(variants.items(), 1)}
    for number, made in enumerate(known.values(), 1):
        if made is None and folder.exists():
            check_output(work.path(number), force=force)
    judges, rows, interrupted = Judges(network), [], False
    for number, (label, settings) in enumerate(variants.items(), 1):
        try:
            made = known[label] or work.make(number, settings, watch and watch(label))
        except KeyboardInterrupt:
            interrupted = True
            break
        rows.append(_judged(judges, label, settings, work.path(number), made))
    if not rows:
        raise KeyboardInterrupt
    write_whole(folder / mark, recipe.encode(), force=True)
    _write(folder, title, again, rows, _beside(next(iter(variants.values()))))
    remarks = tuple(f"{row.label}: {row.remark}" for row in rows if row.remark)
    return Comparison(tuple(rows), len(variants), interrupted, remarks)


def _judged(
    judges: Judges, label: str, settings: TransferSettings, path: Path, made: Mapping[str, Any]
) -> Row:
    """Return the row of a picture that carries `made`."""
    style = resize(open_picture(_style_name(settings)), settings.source_side(settings.size))
    deepest = [f"gram.{layer}" for layer in list(settings.style_layers())[-DEEPEST:]]
    figures = {n: made["figures"][n] for n in (*OWN, *deepest) if n in made["figures"]}
    figures |= judges.figures(read_image(path), open_picture(settings.content), style)
    return Row(path.stem, label, figures, made.get("remark") or "")


def _style_name(settings: TransferSettings) -> str:
    return split_weight(settings.styles[0])[0]


def _beside(settings: TransferSettings) -> list[tuple[str, Tensor]]:
    """Return what stands before the results: content and style."""
    return [
        ("content", open_picture(settings.content)),
        ("style", open_picture(_style_name(settings))),
    ]


@dataclass(frozen=True)
class _Work:
    """What every picture of a comparison is made with."""

    folder: Path
    network: Network
    mark: str
    recipe: str
    force: bool

    def path(self, number: int) -> Path:
        """Return where a picture goes, numbered from 1."""
        return self.folder / f"{number:02d}.png"

    def known(self, number: int, settings: TransferSettings) -> dict[str, Any] | None:
        """Return what a picture of an earlier call carries, if it is whole and the same."""
        return known_record(self.path(number), settings, self.network)

    def make(self, number: int, settings: TransferSettings, watch: Watch | None) -> dict[str, Any]:
        """Make a picture and write it; return what it carries.

        Raises:
            KeyboardInterrupt: Ctrl-C ended its run.
        """
        inputs = input_hashes(settings)
        outcome = transfer(settings=settings, network=self.network, watch=watch)
        if outcome.synthesis.stopped == "interrupted":
            raise KeyboardInterrupt
        self.folder.mkdir(exist_ok=True)
        write_whole(self.folder / self.mark, self.recipe.encode(), force=True)
        record = write_outcome(self.path(number), outcome, inputs=inputs, force=self.force)
        return {**record, "figures": dict(outcome.figures)}


def network_of(variants: Iterable[TransferSettings]) -> Network:
    """Load the one network that all settings name.

    Raises:
        UsageError: settings that differ in what they see pictures with.
    """
    first, *others = variants
    for name in SIGHT:
        values = dict.fromkeys(getattr(one, name) for one in (first, *others))
        if len(values) > 1:
            raise UsageError(
                f"{name} differs between ways ({', '.join(map(str, values))}): compare ways of one "
                "network, and keep other networks for another folder."
            )
    return network_for(first)


def known_record(path: Path, settings: TransferSettings, network: Network) -> dict[str, Any] | None:
    """Return what a picture carries, if it is whole and was made so: settings, filters, inputs.

    Settings that the picture's recipe does not have are at their defaults.
    """
    try:
        read_image(path)  # a file that was cut short still has its recipe
        (made, _), record = read_origin(path), read_recipe(path)
    except (PictureError, UsageError):
        return None
    ours = {"weights": network.sha256, "inputs": input_hashes(settings)}
    if made != settings or {key: record.get(key) for key in ours} != ours:
        return None
    return {**record, "figures": figures_of(record)}


def _write(folder: Path, title: str, again: str, rows: Sequence[Row], beside: list) -> None:
    """Write the strip and the tables, replacing those of an earlier call."""
    columns = list(dict.fromkeys(name for row in rows for name in row.figures))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("picture", "label", *columns))
    for row in rows:
        writer.writerow((row.name, row.label, *(row.figures.get(name) for name in columns)))
    write_whole(folder / "table.csv", stream.getvalue().encode(), force=True)
    results = [
        {"picture": row.name, "label": row.label, **plain_figures(row.figures)}
        | ({"remark": row.remark} if row.remark else {})
        for row in rows
    ]
    text = json.dumps(results, indent=1, allow_nan=False)
    write_whole(folder / "results.json", text.encode(), force=True)
    shown = [*beside, *((row.label, read_image(folder / f"{row.name}.png")) for row in rows)]
    pictures = [resize(picture, THUMBNAIL) for _, picture in shown]
    labels = [_lines(label) for label, _ in shown]
    write_whole(folder / STRIP, contact_sheet(pictures, labels, columns=4), force=True)
    write_whole(folder / "README.md", _page(title, again, columns, rows).encode(), force=True)


def _lines(label: str) -> str:
    """Return a label in lines that a thumbnail is wide enough for."""
    parts = label.replace(": ", ":\n", 1).splitlines()
    return "\n".join(line for part in parts for line in textwrap.wrap(part, LETTERS))


def _page(title: str, again: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [
        (row.label, *(markdown.shown(row.figures.get(name)) for name in columns)) for row in rows
    ]
    table = markdown.table(lines, ("", *columns))
    return (
        f"# {title}\n\n![{', '.join(row.label for row in rows)}]({STRIP})\n\n{table}\n\n"
        "`style_distance` is the geometric mean of the relative Gram distances of the layers that "
        "a row styles, `gram.` that of one layer: what full transfer lowers. `loss` is a row's own "
        "objective. What follows is optimised by none, but `sliced` by the representation of that "
        "name: `sliced`, sliced Wasserstein distance of features to the style; `similarity`, "
        "structural similarity to the content; `content_colours` and `style_colours`, CIELAB "
        "histogram distances; "
        "`other_style` and `other_content`, distances in another network; `placed`, sliced "
        "Wasserstein distance there between parts of both pictures that are alike.\n\n"
        f"{again}\n"
    )
