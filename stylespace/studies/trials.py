"""Trials: pairs of pictures by ways to transfer, judged alike.

A file in TOML names the pairs and the ways, and claims to be tested; every picture is kept with
its recipe, so that trials which were interrupted go on where they stopped. The page compares the
ways over all pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from stylespace.commands.recipes import plain_figures
from stylespace.commands.transfer.many import network_of
from stylespace.commands.transfer.metrics import Judges
from stylespace.commands.transfer.partitions import STRIP, Comparison, compare
from stylespace.errors import UsageError, unknown
from stylespace.figures import markdown
from stylespace.figures.sheets import loss_curves
from stylespace.figures.tables import json_text
from stylespace.files import write_files
from stylespace.images import read_image, read_recipe
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.studies.results import (
    StudyResult,
    filled,
    result_of,
    study_values,
    way_settings,
    write_study,
)
from stylespace.studies.verdicts import (
    SUMMARY,
    Claim,
    counted_wins,
    how_claims_are_tested,
    summary,
    verdicts,
)
from stylespace.synthesis.progress import Watching

CURVES = "losses.png"
MARK, PAIR_MARK = "trials.toml", "pair.toml"
"""Files that tell the folders of trials, and of a pair, from others."""
BETWEEN = {
    "pixels": "root mean squared difference of values in [0, 1]",
    "style": "symmetric relative Gram distance over the default style layers",
    "perceptual": "squared distance of unit features in the judge, in [0, 4]",
}
"""What results are compared with one another by."""


@dataclass(frozen=True)
class Trials:
    """What is tried.

    title, text: of the page. pairs: {name: (content, style)}. ways: {label: settings that
    differ}. base: settings of all. claims: to be tested. one_objective: all ways lower the same
    loss, so that their losses, and how far their results are from one another, are shown.
    recipe: the file's own text.
    """

    title: str
    text: str
    pairs: Mapping[str, tuple[str, str]]
    ways: Mapping[str, Mapping[str, Any]]
    base: Mapping[str, Any]
    claims: tuple[Claim, ...] = ()
    one_objective: bool = False
    recipe: str = ""

    def variants(self, pair: str) -> dict[str, TransferSettings]:
        """Return {label: settings} of a pair."""
        pictures = self.pairs[pair]
        return {label: way_settings(*pictures, self.base, way) for label, way in self.ways.items()}


def trials_of(path: Path) -> Trials:
    """Return the trials of a TOML file: title, [pairs], [ways.LABEL], and what else Trials has.

    Raises:
        UsageError: what is missing, unknown or of another kind. PictureError: no such file.
    """
    values = study_values(path, Trials, "trials")
    try:
        values["pairs"] = {
            name: (content, style) for name, (content, style) in values["pairs"].items()
        }
        values["claims"] = tuple(Claim(**claim) for claim in values.get("claims", ()))
        trials = Trials(**{"text": "", **values})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{str(path)!r} holds no trials ({error}): see probes/trials/transfer.toml."
        ) from None
    for claim in trials.claims:
        for way in (claim.way, claim.than):
            if way not in trials.ways:
                raise unknown("way of a claim", way, tuple(trials.ways))
        if claim.measure not in (*SUMMARY, "loss"):
            raise unknown("measure of a claim", claim.measure, (*SUMMARY, "loss"))
    return trials


def run_trials(
    trials: Trials, folder: Path, watching: Watching, *, force: bool = False
) -> StudyResult:
    """Make every picture that is missing, then the tables and the page.

    force: use a folder that holds anything else, and replace pictures that were made otherwise.

    Raises:
        OutputError: a folder that holds anything else, or a picture that was made otherwise.
        UsageError: ways of different networks.
        KeyboardInterrupt: Ctrl-C before the first picture was done.
    """
    ways = [way for pair in trials.pairs for way in trials.variants(pair).values()]
    tables = _Tables(trials, folder, network_of(ways))

    def fill(pair: str) -> bool:
        """Make the pictures of a pair; say if all are there."""
        comparison = _compared(trials, pair, folder / pair, tables.network, watching, force)
        tables.add(pair, comparison)
        return not comparison.interrupted

    interrupted = filled(folder, trials.recipe, MARK, trials.pairs, fill, force=force)
    table = pd.DataFrame(tables.rows)
    return result_of(folder, table, len(ways), trials.recipe, interrupted)


def _compared(
    trials: Trials, pair: str, folder: Path, network: Network, watching: Watching, force: bool
) -> Comparison:
    """Try every way on a pair; pictures that are there are kept."""
    return compare(
        trials.variants(pair),
        folder,
        network,
        title=f"{trials.title}: {pair}",
        mark=PAIR_MARK,
        recipe="content = {!r}\nstyle = {!r}\n".format(*trials.pairs[pair]),
        force=force,
        again="Every picture carries its recipe: `stylespace run PICTURE` makes it again.",
        watch=lambda label: watching.named(f"{pair} {label}"),
    )


class _Tables:
    """The tables of trials, written anew with every pair.

    rows: a result each. between: two results of a pair each.
    """

    def __init__(self, trials: Trials, folder: Path, network: Network) -> None:
        self._trials, self._folder, self.network = trials, folder, network
        self._judges = Judges(network) if trials.one_objective else None
        self.rows: list[dict[str, Any]] = []
        self.between: list[dict[str, Any]] = []

    def add(self, pair: str, comparison: Comparison) -> None:
        """Add the results of a pair, and write what there is so far."""
        self.rows += [{"pair": pair, "way": row.label, **row.figures} for row in comparison.rows]
        if self._judges:
            place = self._folder / pair
            write_files(place, {CURVES: loss_curves(_traces(comparison, place), self.network.name)})
            apart = distances(comparison, place, self._judges)
            self.between += [{"pair": pair, **row} for row in apart]
        content = {"title": self._trials.title, "rows": [_plain(row) for row in self.rows]}
        content |= {"between": self.between} if self.between else {}
        columns = ["pair", "one", "other", *BETWEEN]
        between = pd.DataFrame(self.between, columns=columns)
        page = _page(self._trials, comparison.networks, pd.DataFrame(self.rows), between)
        write_study(self._folder, self.rows, json_text(content), page)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    names = {"pair": row["pair"], "way": row["way"]}
    return names | plain_figures({name: row[name] for name in row if name not in names})


def distances(comparison: Comparison, folder: Path, judges: Judges) -> list[dict[str, Any]]:
    """Return how far the results of a comparison are from one another, a row for every two."""
    pictures = {row.label: read_image(folder / f"{row.name}.png") for row in comparison.rows}
    return [
        {"one": one, "other": other} | plain_figures(judges.between(pictures[one], pictures[other]))
        for one, other in combinations(pictures, 2)
    ]


def _traces(comparison: Comparison, folder: Path) -> dict[str, Any]:
    """Return {label: trace} of the results of a comparison, as their pictures carry them."""
    records = {row.label: read_recipe(folder / f"{row.name}.png") for row in comparison.rows}
    return {label: record["trace"] for label, record in records.items() if record}


def _page(trials: Trials, networks: str, table: pd.DataFrame, between: pd.DataFrame) -> str:
    """Return the page in Markdown: medians over all pairs, claims, wins, and a strip a pair.

    networks: which one made the pictures and which judged them, a sentence.
    """
    names = ("loss", *SUMMARY) if trials.one_objective else SUMMARY
    medians = summary(table, names)
    parts = [
        f"# {trials.title}",
        trials.text.strip(),
        networks,
        f"Medians over {table['pair'].nunique()} pairs. Lower is better, but for `similarity`; "
        "what each measure is stands below the table of a pair.",
        markdown.number_table(medians.to_dict("index"), list(medians.columns)),
        markdown.bullets(counted_wins(table)),
    ]
    if trials.claims:
        parts += [
            "## What is claimed, and what was found",
            how_claims_are_tested(trials.claims, table, trials.pairs),
            markdown.bullets(verdicts(trials.claims, table, trials.pairs)),
        ]
    for pair in dict.fromkeys(table["pair"]):
        parts += [
            f"## {markdown.plain(pair)}",
            f"![{markdown.plain(pair)}: content, style, and every way]({quote(pair)}/{STRIP})",
            f"[Table]({quote(pair)}/README.md)",
        ]
        if trials.one_objective:
            parts += _apart(pair, table, between)
    return markdown.page(parts)


def _apart(pair: str, table: pd.DataFrame, between: pd.DataFrame) -> list[str]:
    """Return, for a pair, the losses of its results and how far they are from one another."""
    losses = table[table["pair"] == pair].set_index("way")["loss"]
    each = ", ".join(f"{way} {value:.4g}" for way, value in losses.items())
    name = markdown.plain(pair)
    parts = [f"![{name}: the losses over the evaluations]({quote(pair)}/{CURVES})"]
    parts += [f"Final losses of the written pictures: {each}."]
    ways, rows = list(losses.index), between[between["pair"] == pair]
    for measure in (name for name in BETWEEN if rows[name].notna().any()):
        values = {}
        for _, row in rows.iterrows():
            values[row["one"], row["other"]] = values[row["other"], row["one"]] = row[measure]
        lines = {way: {other: values.get((way, other)) for other in ways} for way in ways}
        shown = markdown.number_table(lines, ways)
        parts.append(f"`{measure}`, {BETWEEN[measure]}:\n\n{shown}")
    return parts
