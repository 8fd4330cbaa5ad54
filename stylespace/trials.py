"""Trials: pairs of pictures by ways to transfer, judged alike: `python -m stylespace.trials`.

A file in TOML names the pairs and the ways; every picture is kept with its recipe, so that trials
which were interrupted go on where they stopped. The page compares the ways over all pairs.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from stylespace.comparison import STRIP, compare, shown
from stylespace.errors import StylespaceError
from stylespace.files import check_folder, write_whole
from stylespace.networks import Network
from stylespace.outcomes import network_for
from stylespace.progress import Watching
from stylespace.recipes import plain_figures
from stylespace.settings import TransferSettings, settings_from, to_toml

SUMMARY = ("other_style", "sliced", "other_content", "similarity", "content_colours", "copy_index")
"""Measures of the page, those of the style first."""


@dataclass(frozen=True)
class Trials:
    """What is tried.

    title, text: of the page. pairs: {name: (content, style)}. ways: {label: settings that
    differ}. base: settings of all.
    """

    title: str
    text: str
    pairs: Mapping[str, tuple[str, str]]
    ways: Mapping[str, Mapping[str, Any]]
    base: Mapping[str, Any]

    def variants(self, pair: str) -> dict[str, TransferSettings]:
        """Return {label: settings} of a pair."""
        content, style = self.pairs[pair]
        common = {"command": "transfer", "content": content, "styles": [style], **self.base}
        return {label: settings_from({**common, **way}) for label, way in self.ways.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials of a file into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=Path, help="a file such as probes/trials/transfer.toml")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(arguments)
    try:
        with Watching(quiet=given.quiet) as watching:
            run(read(given.trials), given.out, watching)
    except StylespaceError as error:
        parser.exit(1, f"stylespace.trials: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "stylespace.trials: interrupted; the same call goes on.\n")


def read(path: Path) -> Trials:
    """Return the trials of a TOML file: title, text, [base], [pairs], [ways.LABEL]."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    pairs = {name: tuple(pair) for name, pair in values["pairs"].items()}
    parts = values["title"], values.get("text", ""), pairs, values["ways"], values.get("base", {})
    return Trials(*parts)


def run(trials: Trials, folder: Path, watching: Watching) -> pd.DataFrame:
    """Make every picture that is missing, then the tables and the page; return the table.

    Raises:
        KeyboardInterrupt: Ctrl-C; what was made stays, and the same call goes on.
    """
    check_folder(folder, "results.json", "", force=True)
    folder.mkdir(exist_ok=True)
    network: Network | None = None
    rows: list[dict[str, Any]] = []
    for pair in trials.pairs:
        variants = trials.variants(pair)
        network = network or network_for(next(iter(variants.values())))
        found = compare(
            variants,
            folder / pair,
            network,
            title=f"{trials.title}: {pair}",
            recipe="".join(map(to_toml, variants.values())),
            again="Every picture carries its recipe: `stylespace run PICTURE` makes it again.",
            watch=lambda label, pair=pair: watching.named(f"{pair} {label}"),
        )
        rows += [{"pair": pair, "way": row.label, **row.figures} for row in found.rows]
        _write(trials, folder, rows)
        if found.interrupted:
            raise KeyboardInterrupt
    return pd.DataFrame(rows)


def _write(trials: Trials, folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    table = pd.DataFrame(rows)
    plain = [
        {"pair": pair, "way": way, **plain_figures(figures)}
        for pair, way, figures in ((row["pair"], row["way"], _measures(row)) for row in rows)
    ]
    results = json.dumps({"title": trials.title, "rows": plain}, indent=1, allow_nan=False)
    write_whole(folder / "results.json", (results + "\n").encode(), force=True)
    csv = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_whole(folder / "table.csv", csv.encode(), force=True)
    write_whole(folder / "README.md", _page(trials, table).encode(), force=True)


def _measures(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("pair", "way")}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return the median over the pairs of every measure, ways down, in their order."""
    names = [name for name in SUMMARY if name in table]
    return table.groupby("way", sort=False)[names].median()


def _page(trials: Trials, table: pd.DataFrame) -> str:
    """Return the page in Markdown: medians over all pairs, wins, and a strip a pair."""
    medians = summary(table)
    rows = [(way, *map(shown, line)) for way, line in medians.iterrows()]
    summed = tabulate(rows, ("", *medians.columns), tablefmt="github", disable_numparse=True)
    strips = "\n\n".join(
        f"## {pair}\n\n![{pair}: content, style, and every way]({pair}/{STRIP})\n\n"
        f"[Table]({pair}/README.md)"
        for pair in dict.fromkeys(table["pair"])
    )
    count = table["pair"].nunique()
    said = "\n".join(f"- {sentence}" for sentence in sentences(table))
    return (
        f"# {trials.title}\n\n{trials.text}\n\nMedians over {count} pairs. Lower is better, but "
        f"for `similarity`; what each measure is stands below the table of a pair.\n\n{summed}\n\n"
        f"{said}\n\n{strips}\n"
    )


def sentences(table: pd.DataFrame) -> list[str]:
    """Return how often each way is better than the first by each measure, a sentence a way."""
    first, *others = table["way"].unique()
    said = []
    for way in others:
        counts = []
        for name in (name for name in SUMMARY[:5] if name in table):
            wide = table.pivot(index="pair", columns="way", values=name)
            both = wide[[first, way]].dropna()
            better = both[way] > both[first] if name == "similarity" else both[way] < both[first]
            counts.append(f"{name} {int(better.sum())}")
        said.append(f"{way} is better than {first} in so many of {len(both)}: {', '.join(counts)}.")
    return said + _copied(table)


def _copied(table: pd.DataFrame) -> list[str]:
    """Return in a sentence how much of the style picture localised results repeat."""
    if "copy_index" not in table:
        return []
    medians = table.groupby("way", sort=False)["copy_index"].median().dropna()
    each = ", ".join(f"{way} {value:.2g}" for way, value in medians.items())
    return [f"Median copy index, 0 for the style picture itself and 1 for the start: {each}."]


if __name__ == "__main__":
    main()
