"""The page of a benchmark: its rows as tables, on which machine, and how far from the peers."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from stylespace.figures import markdown
from stylespace.figures.tables import columns_of
from stylespace.studies.bench.commands import NEAR
from stylespace.studies.bench.peers import PEER, VERSION
from stylespace.studies.bench.rows import Record

PAGE, RESULTS = "README.md", "results.json"

ABOUT = {
    "steps": "An objective with its gradient, and a step of L-BFGS with all that the loop does, "
    "against the floor: the bare network forward to the deepest style layer and back, in torch "
    "alone, in the same precision, measured in turns with it.",
    "parts": "Parts of the program against what they stand in for, on the CPU in float32.",
    "memory": "Peak resident memory above a process that has only imported torch, against the "
    "estimate that the program makes before it runs.",
    "start": "Until the first answer.",
    "commands": "Whole commands with their defaults, start-up included, against one pass of the "
    f"bare network at the final size. The loss is {NEAR} times the lowest of the last scale; s to "
    "it: until the first evaluation there that has no more. Memory is resident, of the process.",
    "together": "Several at once.",
    "peers": f"{PEER} {VERSION} from PyPI on the same weights, pictures, layers, size and start, "
    "with its own weights of style and content, average pooling and no total variation; then how "
    "soon a picture that stylespace wrote has a loss as low: whole commands, start-up included, "
    "with the peer's objective and the fewest evaluations that were found to do, in the precision "
    "that the program takes by itself, and in float32 as the peer does. The loss is the "
    "peer's objective, computed from the written pictures by `stylespace/studies/bench/scorer.py`, "
    "which uses neither program. The trials are in results.json. neural-style's own default is "
    "1000 iterations.",
}
"""What the rows of a section are."""


def page(record: Mapping[str, Any], pictures: Sequence[str] = ()) -> str:
    """Return the page of what results.json holds. pictures: names of those of the peers."""
    rows: Sequence[Record] = record["rows"]
    lines = markdown.bullets([f"`{line}`" for line in record["command_lines"]])
    parts = ["# Speed and memory", _machine(record["machine"]), lines]
    for section in filter({row["section"] for row in rows}.__contains__, ABOUT):
        own = [row for row in rows if row["section"] == section]
        parts += [f"## {section.capitalize()}", ABOUT[section], _table(own), _unmeasured(own)]
        if section == "peers":
            parts += [*_medians(own), *(f"![{name}]({name})" for name in pictures)]
    return markdown.page(parts)


def _machine(found: Mapping[str, Any]) -> str:
    """Return the machine and the versions as a sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    gpu = f", {found['gpu']}" if "gpu" in found else ""
    return markdown.plain(
        f"{found['processor']}, {found['cores']} cores, {found['threads']} threads, "
        f"{found['memory_gib']} GiB{gpu}; {versions}."
    )


def _table(rows: Sequence[Record]) -> str:
    """Return the rows that were measured, their further figures as columns."""
    done = [row for row in rows if "note" not in row]
    more = columns_of(row["figures"] for row in done)
    lines = [
        [
            row["name"],
            _amount(row["value"], row["unit"]),
            f"{row['against']} {_amount(row['other'], row['unit'])}" if row["against"] else "-",
            markdown.shown(row["ratio"]),
            row["bound"] or "-",
            *(_number(row["figures"].get(name)) for name in more),
        ]
        for row in done
    ]
    return markdown.table(lines, ("what", "measured", "against", "ratio", "bound", *more))


def _amount(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{_number(value)} {unit}"


def _number(value: float | None) -> str:
    """Return a number to three digits, or whole; a dash where there is none."""
    return markdown.shown(value) if value is None or abs(value) < 1000 else f"{value:,.0f}"


def _unmeasured(rows: Sequence[Record]) -> str:
    """Return what was not measured and why, names of one reason together."""
    why: dict[str, list[str]] = {}
    for row in rows:
        if "note" in row:
            why.setdefault(row["note"], []).append(row["name"])
    said = (f"Not measured ({note}): {'; '.join(names)}." for note, names in why.items())
    return markdown.bullets([markdown.plain(text) for text in said])


def _medians(rows: Sequence[Record]) -> list[str]:
    """Return how many times sooner this program is, the median over the pairs of a size and way."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if "times sooner" in row.get("figures", {}):
            kind = row["name"].rpartition(", ")[0]
            found.setdefault(kind, []).append(row["figures"]["times sooner"])
    return [
        f"{kind}: {markdown.shown(median(times))} times sooner than the peer, the "
        f"median over {len(times)} of its pairs."
        for kind, times in found.items()
    ]
