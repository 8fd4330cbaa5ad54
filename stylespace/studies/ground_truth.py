"""Season, weather and light of one photograph moved to another.

The style picture is the scene itself, altered (`alterations`) and mirrored, so that what should
come out is known: the content altered alike. Every way to transfer is scored against it,
and so is matching colours alone, which needs no network. A file in TOML names scenes and ways;
pictures that are there are kept, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from stylespace.assets import SAMPLE
from stylespace.commands.recipes import write_outcome
from stylespace.commands.transfer.metrics import grey_similarity
from stylespace.commands.transfer.partitions import STRIP, known_record, network_of
from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import UsageError
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet
from stylespace.files import check_folder, check_output, write_whole
from stylespace.images import read_image, resize, resize_to, write_image, written_image
from stylespace.images.colour import lab, match_colours
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings, settings_from
from stylespace.studies.alterations import ALTERATIONS, LOCAL
from stylespace.studies.studies import study_command, study_values, write_study
from stylespace.styles.sources import open_picture
from stylespace.synthesis.progress import Watching

MARK = "scenes.toml"
"""File that tells a folder of scenes from others."""
UNCHANGED, COLOURS = "unchanged", "colours alone"
SHOWN = 200  # pixels of a picture on a strip


@dataclass(frozen=True)
class Scenes:
    """What is tried.

    scenes: names of photographs. ways: {label: settings that differ}. base: settings of all.
    text: of the page. recipe: the file's own text.
    """

    scenes: Sequence[str]
    ways: Mapping[str, Mapping[str, Any]]
    base: Mapping[str, Any]
    text: str = ""
    recipe: str = ""

    def settings(self, scene: str, way: str, style: Path) -> TransferSettings:
        """Return the settings of one way to move the altered scene's look to a scene."""
        pictures = {"content": SAMPLE + scene, "styles": [str(style)]}
        return settings_from({"command": "transfer", **pictures, **self.base, **self.ways[way]})


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the page; pictures that are there are kept."""
    example = "probes/scenes/season.toml"
    study_command("stylespace.studies.ground_truth", __doc__, example, read, run, arguments)


def read(path: Path) -> Scenes:
    """Return the scenes of a TOML file: scenes, text, [base], [ways.LABEL].

    Raises:
        UsageError: what is missing, unknown or of another kind. PictureError: no such file.
    """
    values = study_values(path, Scenes, "scenes")
    if not isinstance(values.get("scenes"), list) or not values.get("ways"):
        raise UsageError(f"{str(path)!r} holds no scenes: see probes/scenes/season.toml.")
    return Scenes(**values)


def run(tried: Scenes, folder: Path, watching: Watching, *, force: bool = False) -> pd.DataFrame:
    """Transfer every alteration of every scene in every way, write the page, return the scores.

    force: use a folder that holds anything else, and replace pictures that were made otherwise.

    Raises:
        OutputError: a folder that holds anything else, or a picture that was made otherwise.
        UsageError: ways of different networks.
        KeyboardInterrupt: Ctrl-C; what was made stays, and the same call goes on.
    """
    check_folder(folder, MARK, None, force=force)
    every = [tried.settings(scene, way, folder) for scene in tried.scenes for way in tried.ways]
    network = network_of(every)
    folder.mkdir(exist_ok=True)
    write_whole(folder / MARK, tried.recipe.encode(), force=True)
    rows: list[dict[str, Any]] = []
    for scene in tried.scenes:
        for name, alter in ALTERATIONS.items():
            place = folder / f"{scene}-{name}"
            place.mkdir(exist_ok=True)
            content = resize(open_picture(SAMPLE + scene), every[0].size)
            truth = alter(content)
            style = _style(style_path(place), truth.flip(3), force=force)
            results = {UNCHANGED: content, COLOURS: match_colours(content, style).clamp(0, 1)}
            for way in tried.ways:
                settings = tried.settings(scene, way, style_path(place))
                watch = watching.named(f"{scene} {name} {way}")
                made = place / f"{slug(way)}.png"
                results[way] = _made(made, settings, network, watch, force=force)
            rows += [
                {"scene": scene, "alteration": name, "way": way, **scores(image, truth)}
                for way, image in results.items()
            ]
            _strip(place, {"content": content, "style": style, "truth": truth, **results})
            _write(folder, tried.text, rows)
    return pd.DataFrame(rows)


def style_path(place: Path) -> Path:
    """Return where the altered scene lies."""
    return place / "style.png"


def slug(way: str) -> str:
    """Return a way's name as a file name."""
    return way.replace(",", "").replace(" ", "-")


def scores(image: Tensor, truth: Tensor) -> dict[str, float]:
    """Return how far a result (1, 3, H, W) is from what should have come out.

    `colour_error`: mean CIELAB distance over pixels; 2.3 is just noticeable (Mahy et al. 1994).
    `similarity`: structural similarity of the grey pictures, 1 is the same.
    """
    image = resize_to(image, *truth.shape[2:])
    error = float((lab(image) - lab(truth)).norm(dim=1).mean())
    return {"colour_error": error, "similarity": grey_similarity(image, truth)}


def _style(path: Path, picture: Tensor, *, force: bool) -> Tensor:
    """Write the altered scene where it is not there yet; return it as the file holds it.

    Raises:
        OutputError: another picture is there.
    """
    whole = written_image(picture)
    if not path.exists() or not torch.equal(read_image(path), whole):
        write_image(path, whole, force=force)
    return whole


def _made(
    path: Path, settings: TransferSettings, network: Network, watch: Any, *, force: bool
) -> Tensor:
    """Return the picture of a run, from its file where that was made so.

    Raises:
        OutputError: another picture is there.
        KeyboardInterrupt: Ctrl-C before it was done.
    """
    if known_record(path, settings, network) is None:
        check_output(path, force=force)
        outcome = transfer(settings=settings, network=network, watch=watch)
        if outcome.synthesis.stopped == "interrupted":
            raise KeyboardInterrupt
        write_outcome(path, outcome, force=force)
    return read_image(path)


def _strip(place: Path, pictures: Mapping[str, Tensor]) -> None:
    shown = [resize(picture.clamp(0, 1), SHOWN) for picture in pictures.values()]
    write_whole(place / STRIP, contact_sheet(shown, list(pictures), columns=5), force=True)


def _write(folder: Path, text: str, rows: Sequence[Mapping[str, Any]]) -> None:
    table = pd.DataFrame(rows)
    results = table.to_json(orient="records", indent=1, double_precision=6)
    write_study(folder, table, results, _page(text, table))


def sentences(table: pd.DataFrame) -> list[str]:
    """Return which way comes nearest to the truth, an alteration a sentence.

    Beside it stand colours alone, or where these are the nearest, the best of the others.
    """
    said = []
    for name, rows in table.groupby("alteration", sort=False):
        means = rows.groupby("way", sort=False)["colour_error"].mean()
        best, ways = means.idxmin(), means.drop([UNCHANGED, COLOURS])
        other = ways.idxmin() if best == COLOURS else COLOURS
        where = "depends on place" if name in LOCAL else "is the same everywhere"
        said.append(
            f"{name}, which {where}: {best} comes nearest, with a mean colour error of "
            f"{means[best]:.3g}; {other} has {means[other]:.3g} and the content unchanged "
            f"{means[UNCHANGED]:.3g}."
        )
    return said


def _page(text: str, table: pd.DataFrame) -> str:
    parts = [
        "# Season, weather and light between photographs",
        "The style picture is the scene altered and mirrored, so that what should come out is "
        "known: the content altered alike. Every way keeps the content with weight 1, and a table "
        "shows means over the scenes.",
        *filter(None, [text.strip()]),
    ]
    for score, better in (("colour_error", "lower"), ("similarity", "higher")):
        wide = table.pivot_table(
            index="way", columns="alteration", values=score, aggfunc="mean", sort=False
        )
        rows = [(way, *(f"{value:.3g}" for value in line)) for way, line in wide.iterrows()]
        shown = markdown.table(rows, (score, *wide.columns))
        parts.append(f"Mean `{score}` over the scenes, {better} is better:\n\n{shown}")
    parts.append(markdown.bullets(sentences(table)))
    places = dict.fromkeys(f"{row.scene}-{row.alteration}" for row in table.itertuples())
    parts += [f"## {place}\n\n![{place}: every way]({place}/{STRIP})" for place in places]
    parts.append(
        "Made again by `python -m stylespace.studies.ground_truth probes/scenes/season.toml "
        "--out FOLDER`."
    )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
