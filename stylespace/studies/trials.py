"""Trials: pairs of pictures by ways to transfer, judged alike.

A file in TOML names the pairs and the ways, and claims to be tested; every picture is kept with
its recipe, so that trials which were interrupted go on where they stopped. The page compares the
ways over all pairs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from stylespace.commands.recipes import plain_figures
from stylespace.commands.transfer.metrics import Judges
from stylespace.commands.transfer.partitions import STRIP, Comparison, compare, network_of
from stylespace.errors import UsageError, unknown
from stylespace.figures import markdown
from stylespace.figures.sheets import loss_curves
from stylespace.files import check_folder, write_whole
from stylespace.images import read_image, read_recipe
from stylespace.settings import TransferSettings, settings_from
from stylespace.studies.studies import study_command, study_values, write_study
from stylespace.studies.verdicts import SUMMARY, Claim, sentences, summary, verdicts
from stylespace.synthesis.progress import Watching

CURVES = "losses.png"
MARK, PAIR_MARK = "trials.toml", "pair.toml"
"""Files that tell the folders of trials, and of a pair, from others."""
BETWEEN = {
    "pixels": "root mean squared difference of values in [0, 1]",
    "style": "symmetric relative Gram distance over the default style layers",
    "perceptual": "squared distance of unit features in another network, in [0, 4]",
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
        content, style = self.pairs[pair]
        common = {"command": "transfer", "content": content, "styles": [style], **self.base}
        return {label: settings_from({**common, **way}) for label, way in self.ways.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials of a file into a folder."""
    example = "probes/trials/transfer.toml"
    study_command("stylespace.studies.trials", __doc__, example, read, run, arguments)


def read(path: Path) -> Trials:
    """Return the trials of a TOML file: title, [pairs], [ways.LABEL], and what else Trials has.

    Raises:
        UsageError: what is missing, unknown or of another kind. PictureError: no such file.
    """
    values = study_values(path, Trials, "trials")
    try:
        values["pairs"] = {name: (one, other) for name, (one, other) in values["pairs"].items()}
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


def run(trials: Trials, folder: Path, watching: Watching, *, force: bool = False) -> pd.DataFrame:
    """Make every picture that is missing, then the tables and the page; return the table.

    force: use a folder that holds anything else, and replace pictures that were made otherwise.

    Raises:
        OutputError: a folder that holds anything else, or a picture that was made otherwise.
        UsageError: ways of different networks.
        KeyboardInterrupt: Ctrl-C; what was made stays, and the same call goes on.
    """
    check_folder(folder, MARK, None, force=force)
    network = network_of(one for pair in trials.pairs for one in trials.variants(pair).values())
    folder.mkdir(exist_ok=True)
    write_whole(folder / MARK, trials.recipe.encode(), force=True)
    judges = Judges(network) if trials.one_objective else None
    rows: list[dict[str, Any]] = []
    between: list[dict[str, Any]] = []
    for pair in trials.pairs:
        variants = trials.variants(pair)
        found = compare(
            variants,
            folder / pair,
            network,
            title=f"{trials.title}: {pair}",
            mark=PAIR_MARK,
            recipe="content = {!r}\nstyle = {!r}\n".format(*trials.pairs[pair]),
            force=force,
            again="Every picture carries its recipe: `stylespace run PICTURE` makes it again.",
            watch=lambda label, pair=pair: watching.named(f"{pair} {label}"),
        )
        rows += [{"pair": pair, "way": row.label, **row.figures} for row in found.rows]
        if judges:
            curves = loss_curves(_traces(found, folder / pair))
            write_whole(folder / pair / CURVES, curves, force=True)
            apart = distances(found, folder / pair, judges)
            between += [{"pair": pair, **row} for row in apart]
        _write(trials, folder, rows, between)
        if found.interrupted:
            raise KeyboardInterrupt
    return pd.DataFrame(rows)


def distances(found: Comparison, folder: Path, judges: Judges) -> list[dict[str, Any]]:
    """Return how far the results of a comparison are from one another, a row for every two."""
    pictures = {row.label: read_image(folder / f"{row.name}.png") for row in found.rows}
    return [
        {"one": one, "other": other} | plain_figures(judges.between(pictures[one], pictures[other]))
        for one, other in combinations(pictures, 2)
    ]


def _traces(found: Comparison, folder: Path) -> dict[str, Any]:
    """Return {label: trace} of the results of a comparison, as their pictures carry them."""
    records = {row.label: read_recipe(folder / f"{row.name}.png") for row in found.rows}
    return {label: record["trace"] for label, record in records.items()}


def _write(
    trials: Trials,
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    between: Sequence[Mapping[str, Any]],
) -> None:
    table = pd.DataFrame(rows)
    plain = [
        {"pair": row["pair"], "way": row["way"], **plain_figures(_measures(row))} for row in rows
    ]
    found = {"title": trials.title, "rows": plain} | ({"between": between} if between else {})
    results = json.dumps(found, indent=1, allow_nan=False)
    page = _page(trials, table, pd.DataFrame(between, columns=["pair", "one", "other", *BETWEEN]))
    write_study(folder, table, results, page)


def _measures(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("pair", "way")}


def _page(trials: Trials, table: pd.DataFrame, between: pd.DataFrame) -> str:
    """Return the page in Markdown: medians over all pairs, claims, wins, and a strip a pair."""
    names = ("loss", *SUMMARY) if trials.one_objective else SUMMARY
    medians = summary(table, names)
    rows = [(way, *map(markdown.shown, line)) for way, line in medians.iterrows()]
    parts = [
        f"# {trials.title}",
        trials.text.strip(),
        f"Medians over {table['pair'].nunique()} pairs. Lower is better, but for `similarity`; "
        "what each measure is stands below the table of a pair.",
        markdown.table(rows, ("", *medians.columns)),
        markdown.bullets(sentences(table)),
    ]
    if trials.claims:
        parts += [
            "## What is claimed, and what was found",
            markdown.bullets(verdicts(trials.claims, table)),
        ]
    for pair in dict.fromkeys(table["pair"]):
        parts += [
            f"## {pair}",
            f"![{pair}: content, style, and every way]({pair}/{STRIP})",
            f"[Table]({pair}/README.md)",
        ]
        if trials.one_objective:
            parts += _apart(pair, table, between)
    return "\n\n".join(part for part in parts if part) + "\n"


def _apart(pair: str, table: pd.DataFrame, between: pd.DataFrame) -> list[str]:
    """Return, for a pair, the losses of its results and how far they are from one another."""
    losses = table[table["pair"] == pair].set_index("way")["loss"]
    each = ", ".join(f"{way} {value:.4g}" for way, value in losses.items())
    parts = [f"![{pair}: the losses over the evaluations]({pair}/{CURVES})"]
    parts += [f"Final losses of the written pictures: {each}."]
    ways, rows = list(losses.index), between[between["pair"] == pair]
    for measure in (name for name in BETWEEN if rows[name].notna().any()):
        of = {(row["one"], row["other"]): row[measure] for _, row in rows.iterrows()}
        lines = [
            (way, *(markdown.shown(of.get((way, other), of.get((other, way)))) for other in ways))
            for way in ways
        ]
        parts.append(f"`{measure}`, {BETWEEN[measure]}:\n\n{markdown.table(lines, ('', *ways))}")
    return parts


if __name__ == "__main__":
    main()
