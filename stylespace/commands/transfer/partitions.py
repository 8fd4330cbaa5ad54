"""Transfers side by side: the same pictures under several settings, judged alike, in a folder.

Every picture carries its recipe, so that an interrupted comparison goes on where it stopped.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from stylespace.assets import split_weight
from stylespace.commands.folder import Folder
from stylespace.commands.many import Record
from stylespace.commands.recipes import plain_figures
from stylespace.commands.spreading import Spread
from stylespace.commands.transfer.many import transfer_many
from stylespace.commands.transfer.metrics import Judges
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet
from stylespace.figures.tables import columns_of, csv_text, json_text
from stylespace.files import write_files
from stylespace.images import read_image, resize
from stylespace.networks.network import Network
from stylespace.settings import RECIPE_FILE, TransferSettings
from stylespace.styles.sources import open_picture
from stylespace.synthesis.loop import Watch

STRIP = "strip.jpg"
THUMBNAIL, LETTERS = 256, 44
"""Longer side in pixels of a picture in the strip, and letters of a line above it."""
DEEPEST = 2
"""Style layers, from the deepest up, whose relative Gram distances a table shows."""
CARRIED = ("style_distance", "copy_index", "explained_energy", "loss")
"""Figures that a picture itself carries and a table shows."""


@dataclass(frozen=True)
class ComparedTransfer:
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
    """What a comparison found: the transfers that are done, of `count`; others if interrupted.

    networks: which one made the pictures and which judged them, a sentence.
    """

    rows: tuple[ComparedTransfer, ...]
    count: int
    interrupted: bool = False
    networks: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the runs had to say, each under its label."""
        return tuple(f"{row.label}: {row.remark}" for row in self.rows if row.remark)


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


def source_sizes(settings: TransferSettings) -> dict[str, TransferSettings]:
    """Return {label: settings} of transfers, one for each size of the source."""
    return {
        f"source: {side} pixels": replace(settings, source_size=(side,))
        for side in settings.source_size
    }


def _left(settings: TransferSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return style layers as settings name them: the defaults stay unnamed."""
    weights = settings.weighted(settings.layers)
    return tuple(f"{name}={weights[name]}" for name in names) if weights else ()


def _windows(settings: TransferSettings, names: Sequence[str]) -> tuple[str, ...]:
    """Return the windows of a setting, without those of layers that are kept."""
    windows: list[str] = []
    for text in settings.window:
        name, equals, number = text.rpartition("=")
        layers = settings.weighted((name,)) if equals else ()
        windows += [f"{layer}={number}" for layer in layers if layer in names]
        windows += [] if equals else [text]
    return tuple(windows)


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
    spread: Spread | None = None,
) -> Comparison:
    """Run transfers into a folder, and show them side by side with what they are judged by.

    Writes a picture a variant, strip.jpg, table.csv, results.json and README.md beside
    recipe.toml; pictures that are there, with the same settings, filters and inputs, are kept.
    Without a first picture nothing is left.

    Args:
        variants: {label: settings}, all of one content size.
        folder: made if it is missing. recipe: text of the file `mark` in it, by which it is known
            again.
        network: loaded; of all variants, see `network_of`.
        title: of the page. again: its last sentence, how the folder is made again.
        force: use a folder that holds anything else, and replace pictures that are in the way.
        watch: name of a run -> a watcher of it. spread: where the pictures are made; None for
            this process.

    Raises:
        OutputError: the folder holds something else, or another's picture under a name of ours.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    paths = [folder / f"{number:02d}.png" for number in range(1, len(variants) + 1)]
    labels = dict(zip(paths, variants, strict=True))
    wanted = dict(zip(paths, variants.values(), strict=True))

    def watched(path: Path) -> Watch | None:
        return watch and watch(labels[path])

    with Folder(folder, recipe, mark, force=force).opened():
        made, interrupted = transfer_many(
            wanted, network, force=force, watch=watched, spread=spread
        )
    judges = Judges(network)
    rows = [
        _judged(judges, labels[path], wanted[path], path, record) for path, record in made.items()
    ]
    found = Comparison(tuple(rows), len(variants), interrupted, judges.sentence)
    content, style = open_picture(wanted[paths[0]].content), _style_picture(wanted[paths[0]])
    beside = {"content": content, "style": style}
    _write(folder, _page(title, again, found), rows, beside, network.name)
    return found


def _judged(
    judges: Judges, label: str, settings: TransferSettings, path: Path, record: Record
) -> ComparedTransfer:
    """Return the row of a picture that carries a record."""
    style = resize(_style_picture(settings), settings.source_side(settings.size))
    deepest = [f"gram.{layer}" for layer in list(settings.style_layers())[-DEEPEST:]]
    carried = record["figures"]
    figures = {name: carried[name] for name in (*CARRIED, *deepest) if name in carried}
    figures |= judges.figures(read_image(path), open_picture(settings.content), style)
    return ComparedTransfer(path.stem, label, figures, record.get("remark") or "")


def _style_picture(settings: TransferSettings) -> Tensor:
    return open_picture(split_weight(settings.styles[0])[0])


def _write(
    folder: Path,
    page: str,
    rows: Sequence[ComparedTransfer],
    beside: Mapping[str, Tensor],
    network: str,
) -> None:
    """Write page, tables and the strip, replacing those of an earlier call."""
    named = [{"picture": row.name, "label": row.label} for row in rows]
    table = [{**name, **row.figures} for name, row in zip(named, rows, strict=True)]
    results = [
        {**name, **plain_figures(row.figures)} | ({"remark": row.remark} if row.remark else {})
        for name, row in zip(named, rows, strict=True)
    ]
    made = {row.label: read_image(folder / f"{row.name}.png") for row in rows}
    shown = {**beside, **made}
    pictures = [resize(picture, THUMBNAIL) for picture in shown.values()]
    labels = [_lines(label) for label in shown]
    files: dict[str, bytes | str] = {
        "table.csv": csv_text(table, columns_of(table)),
        "results.json": json_text(results),
        STRIP: contact_sheet(pictures, labels, network=network, columns=4),
        "README.md": page,
    }
    write_files(folder, files)


def _lines(label: str) -> str:
    """Return a label in lines that a thumbnail is wide enough for."""
    parts = label.replace(": ", ":\n", 1).splitlines()
    return "\n".join(line for part in parts for line in textwrap.wrap(part, LETTERS))


def _page(title: str, again: str, found: Comparison) -> str:
    rows, columns = found.rows, columns_of(row.figures for row in found.rows)
    parts = [
        f"# {markdown.plain(title)}",
        found.networks,
        f"![{markdown.plain(', '.join(row.label for row in rows))}]({STRIP})",
        markdown.number_table({row.label: row.figures for row in rows}, columns),
        "`style_distance` is the geometric mean of the relative Gram distances of the layers that "
        "a row styles, `gram.` that of one layer: what full transfer lowers. `loss` is a row's "
        "own objective. What follows is optimised by none, but `sliced` by the representation of "
        "that name: `sliced`, sliced Wasserstein distance of features to the style; `similarity`, "
        "structural similarity to the content; `content_colours` and `style_colours`, CIELAB "
        "histogram distances; `grain` and `style_grain`, the shares of energy above 0.35 cycles a "
        "pixel; `other_style` and `other_content`, distances in the judge; `placed`, "
        "sliced Wasserstein distance there between parts of both pictures that are alike.",
        again,
    ]
    return markdown.page(parts)
