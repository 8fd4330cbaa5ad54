"""Season, weather and light of one photograph moved to another.

The style picture is the scene itself, altered (`alterations`) and mirrored, so that what should
come out is known: the content altered alike. Every way to transfer is scored against it,
and so is matching colours alone, which needs no network. A file in TOML names scenes and ways;
pictures that are there are kept, so that an interrupted run goes on where it stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stylespace.assets import SAMPLE
from stylespace.commands.transfer.many import network_of, transfer_many
from stylespace.commands.transfer.metrics import grey_similarity
from stylespace.commands.transfer.partitions import STRIP
from stylespace.errors import UsageError
from stylespace.figures import markdown
from stylespace.figures.sheets import contact_sheet
from stylespace.files import write_files
from stylespace.images import read_image, resize, resize_to, write_image, written_image
from stylespace.images.colour import lab, match_colours
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.studies.alterations import ALTERATIONS, LOCAL
from stylespace.studies.paired import LEVEL, holm, sign_test, verdict
from stylespace.studies.results import (
    StudyResult,
    filled,
    result_of,
    study_values,
    way_settings,
    write_study,
)
from stylespace.styles.sources import open_picture
from stylespace.synthesis.loop import Watch
from stylespace.synthesis.progress import Watching

MARK = "scenes.toml"
"""File that tells the folder of a ground truth from others."""
STYLE = "style.png"
"""File of the altered scene, mirrored."""
UNCHANGED, COLOURS = "unchanged", "colours alone"
HOW_TESTED = f"""\
Whether the lowest mean shows anything is tested by signs over the scenes, two-sided and \
corrected for all comparisons with colours alone (Holm). It holds or fails at {LEVEL:g}; all else \
is undecided, as fewer than six scenes always are. An interval is of the median gain and stands \
for itself."""
SHOWN = 200  # pixels of a picture on a strip
Place = tuple[str, str]
"""A scene, and how it is altered."""


@dataclass(frozen=True)
class GroundTruth:
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
        return way_settings(SAMPLE + scene, str(style), self.base, self.ways[way])


def ground_truth_of(path: Path) -> GroundTruth:
    """Return the ground truth of a TOML file: scenes, text, [base], [ways.LABEL].

    Raises:
        UsageError: what is missing, unknown or of another kind. PictureError: no such file.
    """
    values = study_values(path, GroundTruth, "scenes")
    if not isinstance(values.get("scenes"), list) or not values.get("ways"):
        raise UsageError(f"{str(path)!r} holds no scenes: see probes/scenes/season.toml.")
    return GroundTruth(**values)


def run_ground_truth(
    tried: GroundTruth, folder: Path, watching: Watching, *, force: bool = False
) -> StudyResult:
    """Transfer every alteration of every scene in every way, and write scores and page.

    force: use a folder that holds anything else, and replace pictures that were made otherwise.

    Raises:
        OutputError: a folder that holds anything else, or a picture that was made otherwise.
        UsageError: ways of different networks.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    rows: list[dict[str, Any]] = []
    places = [(scene, name) for scene in tried.scenes for name in ALTERATIONS]
    every = [tried.settings(scene, way, folder) for scene in tried.scenes for way in tried.ways]
    network = network_of(every)

    def fill(place: Place) -> bool:
        """Make the pictures of a place and write what is known; say if it is whole."""
        scored, whole = _scored(tried, place, folder, network, watching, force)
        rows.extend(scored)
        _write(folder, f"{tried.text.strip()}\n\nMade with {network.name}.", rows)
        return whole

    interrupted = filled(folder, tried.recipe, MARK, places, fill, force=force)
    total = len(places) * (len(tried.ways) + 2)
    return result_of(folder, pd.DataFrame(rows), total, tried.recipe, interrupted)


def _scored(
    tried: GroundTruth,
    place: Place,
    folder: Path,
    network: Network,
    watching: Watching,
    force: bool,
) -> tuple[list[dict[str, Any]], bool]:
    """Try every way on an altered scene, in a folder of its own.

    Returns:
        The scores, a row a way, and whether they are all: Ctrl-C leaves ways out.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first way was done.
    """
    (scene, name), at = place, folder / "-".join(place)
    at.mkdir(exist_ok=True)
    files = {at / f"{file_stem(way)}.png": way for way in tried.ways}
    wanted = {file: tried.settings(scene, way, at / STYLE) for file, way in files.items()}
    content = resize(open_picture(SAMPLE + scene), next(iter(wanted.values())).size)
    truth = ALTERATIONS[name](content)
    style = _style(at / STYLE, truth.flip(3), force=force)

    def watch(file: Path) -> Watch:
        return watching.named(f"{scene} {name} {files[file]}")

    done, interrupted = transfer_many(wanted, network, force=force, watch=watch)
    results = {UNCHANGED: content, COLOURS: match_colours(content, style).clamp(0, 1)}
    results |= {way: read_image(file) for file, way in files.items() if file in done}
    shown = {"content": content, "style": style, "truth": truth, **results}
    pictures = [resize(picture.clamp(0, 1), SHOWN) for picture in shown.values()]
    write_files(at, {STRIP: contact_sheet(pictures, list(shown), network=network.name, columns=5)})
    rows = [
        {"scene": scene, "alteration": name, "way": way, **scores(image, truth)}
        for way, image in results.items()
    ]
    return rows, not interrupted


def file_stem(way: str) -> str:
    """Return the name of a way as that of its file, without suffix."""
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


def _write(folder: Path, text: str, rows: list[dict[str, Any]]) -> None:
    table = pd.DataFrame(rows)
    results = table.to_json(orient="records", indent=1, double_precision=6)
    write_study(folder, rows, results, _page(text, table))


def nearest_ways(table: pd.DataFrame) -> list[str]:
    """Return which way has the lowest mean error, and whether that is shown: two sentences each.

    Beside it stand colours alone, or where these are the lowest, the best of the others; between
    the two a sign test, each scene a gain. As they were chosen by their means, every way is
    compared with colours alone for every alteration, and all are corrected together (Holm).
    """
    gains = _gains_over_colours(table)
    corrected = dict(zip(gains, holm([sign_test(one).p for one in gains.values()]), strict=True))
    said = []
    for name, rows in table.groupby("alteration", sort=False):
        means = rows.groupby("way", sort=False)["colour_error"].mean()
        best, ways = means.idxmin(), means.drop([UNCHANGED, COLOURS])
        other = ways.idxmin() if best == COLOURS else COLOURS
        tested, sign = (name, other if best == COLOURS else best), -1 if best == COLOURS else 1
        test, p = sign_test(sign * gains[tested]), corrected[tested]
        where = "depends on place" if name in LOCAL else "is the same everywhere"
        said.append(
            f"{name}, which {where}: {best} has the lowest mean colour error, {means[best]:.3g}; "
            f"{other} has {means[other]:.3g} and the content unchanged {means[UNCHANGED]:.3g}. "
            f"That {best} is nearer than {other} {verdict(test, p)}: it is in {test.above} of "
            f"{test.count} scenes (p = {test.p:.3g}, {p:.3g} for {len(gains)} comparisons); median "
            f"gain {test.median:.3g} ({test.interval})."
        )
    return said


def _gains_over_colours(table: pd.DataFrame) -> dict[tuple[str, str], np.ndarray]:
    """Return {(alteration, way): gains in colour error over colours alone, a scene each}."""
    found = {}
    for name, rows in table.groupby("alteration", sort=False):
        wide = rows.pivot_table(index="scene", columns="way", values="colour_error", sort=False)
        for way in wide.columns.drop(COLOURS):
            found[name, way] = (wide[COLOURS] - wide[way]).dropna().to_numpy()
    return found


def _page(text: str, table: pd.DataFrame) -> str:
    parts = [
        "# Season, weather and light between photographs",
        "The style picture is the scene altered and mirrored, so that what should come out is "
        "known: the content altered alike. Every way keeps the content with weight 1, and a table "
        "shows means over the scenes.",
        text,
    ]
    for score, better in (("colour_error", "lower"), ("similarity", "higher")):
        wide = table.pivot_table(
            index="way", columns="alteration", values=score, aggfunc="mean", sort=False
        )
        shown = markdown.number_table(wide.to_dict("index"), list(wide.columns), score)
        parts.append(f"Mean `{score}` over the scenes, {better} is better:\n\n{shown}")
    parts += [HOW_TESTED, markdown.bullets(nearest_ways(table))]
    places = dict.fromkeys(f"{row.scene}-{row.alteration}" for row in table.itertuples())
    for place in places:
        name = markdown.plain(place)
        parts.append(f"## {name}\n\n![{name}: every way]({quote(place)}/{STRIP})")
    parts.append("Made again by `stylespace study probes/scenes/season.toml --out FOLDER`.")
    return markdown.page(parts)
