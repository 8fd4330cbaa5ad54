"""A study in its folder: runs and rows, what its analyses find, its figures and its page."""

from __future__ import annotations

import math
import os
import re
import textwrap
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from stylespace.commands.command import Output, Result
from stylespace.commands.folder import Folder
from stylespace.commands.picture import spread_of, watched
from stylespace.errors import StylespaceError, check_known
from stylespace.figures.sheets import contact_sheet
from stylespace.figures.tables import json_text
from stylespace.files import LONGEST_OWN, holds, numbered, parsed_json, read_data, write_files
from stylespace.images import read_image, resize
from stylespace.settings import recipe_text
from stylespace.studies.analyses import KNOBS, knobs_of
from stylespace.studies.drawing import curves_figure, knobs_figure
from stylespace.studies.findings import FINDERS, found
from stylespace.studies.page import (
    CURVES,
    STRIP,
    claims_tested,
    digest,
    noise_between_seeds,
    page,
    rows_of,
    shown_place,
    shown_weight,
)
from stylespace.studies.plans import Part, Plan, plan_of
from stylespace.studies.rows import PICTURES, TABLE, Done, Task, made_rows, read_rows
from stylespace.styles.sources import open_picture
from stylespace.synthesis.progress import Watching

PAGE, FINDINGS = "README.md", "findings.json"
MARKS = "study.toml", "quick.toml"
"""Files that tell the folder of a study, whole or quick, from others."""
CLAIMS = re.compile(r"(?<=<!-- claims -->\n).*(?=\n<!-- end of claims -->)", re.DOTALL)
"""Where a text, such as the project's README, tells the claims of a study."""
THUMBNAIL, LETTERS, COLUMNS = 160, 26, 6
"""Longer side in pixels of a picture on a strip, letters of a line above it, most side by side."""


def study_folder(path: Path, *, quick: bool = False) -> Path:
    """Return the first folder RECIPE-study that is free, or that such a study began to fill.

    Raises:
        UsageError: not TOML. PictureError: no such file, or one that cannot be read.
    """
    text = recipe_text(path)
    return next(
        folder
        for folder in numbered("", f"{path.stem}-{'quick' if quick else 'study'}", "")
        if not os.path.lexists(folder) or holds(folder / MARKS[quick], text)
    )


def run_study(
    path: Path, output: Output, *, quick: bool = False, only: Collection[str] = ()
) -> Result:
    """Run what is missing of the study of a file into a folder, and write its page.

    Args:
        path: TOML, see `plan_of`. output: where it goes, and where runs are made. quick: 64 pixels
            and four evaluations, on two pairs. only: parts whose runs are made; all for none.

    Raises:
        StylespaceError: what the file says cannot be, or the folder holds anything else.
        KeyboardInterrupt: Ctrl-C before the first run was done.
    """
    plan = plan_of(path)
    plan = plan.quick() if quick else plan
    for name in only:
        check_known("part of the study", name, [part.name for part in plan.parts])

    def work(watching: Watching) -> Result:
        """Make the rows, then what tells of them."""
        folder = output.path
        with Folder(folder, plan.recipe, MARKS[quick], exact=False, force=output.force).opened():
            spread = spread_of(output, watching, "study")
            watch = watching.named if output.executor == "serial" else None
            done = made_rows(plan, folder, only=only, spread=spread, watch=watch)
            written = write_study(plan, folder, done)
        figures = {"results": done.total, "done": len(done.rows)}
        figures["failed"] = sum(bool(row.get("failed")) for row in done.rows)
        outputs = (folder, *(folder / name for name in written))
        recipe = {"study": str(path)}
        return Result(outputs, figures, recipe, done.interrupted, remarks=done.remarks)

    return watched(output, work)


def write_study(plan: Plan, folder: Path, done: Done) -> tuple[str, ...]:
    """Write findings, figures and page of what is done; return the names of the files."""
    table = pd.DataFrame(done.rows)
    tasks = done.tasks
    findings = read_findings(folder)
    if not done.interrupted:
        there = {row["key"] for row in done.rows}
        findings = {**findings, **_found(plan, tasks, there, folder, findings)}
    files: dict[str, bytes | str] = {FINDINGS: json_text(findings) + "\n"}
    noise = noise_between_seeds(plan, table)
    for part in plan.parts:
        rows = rows_of(table, part)
        if part.content_weights and len(rows):
            files[f"{part.name}{CURVES}"] = curves_figure(part, rows)
        if "knobs" in part.also and (moves := knobs_of(part, rows, noise)):
            files[f"{part.name}{KNOBS}"] = knobs_figure(moves, noise)
        strip = strip_of(part, rows, tasks, folder)
        if strip is not None:
            files[f"{part.name}{STRIP}"] = strip
    files[PAGE] = page(plan, table, findings, {*files, *os.listdir(folder)})
    write_files(folder, files)
    return (PAGE, TABLE, *sorted(name for name in files if name != PAGE))


def read_findings(folder: Path) -> dict[str, Any]:
    """Return what analyses found in an earlier call."""
    with suppress(OSError, ValueError):
        return dict(parsed_json(read_data(folder / FINDINGS, LONGEST_OWN)))
    return {}


def _found(
    plan: Plan,
    tasks: Mapping[str, Task],
    there: Collection[str],
    folder: Path,
    earlier: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what analyses find whose runs are all there and that an earlier call has not found."""
    result: dict[str, Any] = {}
    for part in plan.parts:
        own = [task for task in tasks.values() if any(run.part == part.name for run in task.runs)]
        own = [_of_part(task, part) for task in own]
        keys = sorted(task.key for task in own)
        if not set(keys) <= set(there):
            continue
        for name in part.also:
            if name not in FINDERS or earlier.get(f"{name} of") == keys:
                continue
            with suppress(StylespaceError):  # a picture that is not there: it stays untold
                result[name], result[f"{name} of"] = found(name, part, own, folder), keys
    return result


def _of_part(task: Task, part: Part) -> Task:
    runs = [run for run in task.runs if run.part == part.name]
    return Task(task.key, task.settings, task.pictures, task.instead, task.truth, runs=runs)


def strip_of(
    part: Part, rows: pd.DataFrame, tasks: Mapping[str, Task], folder: Path
) -> bytes | None:
    """Return the pictures of what is done of a part side by side; None where one is gone."""
    place = shown_place(part, rows)
    if place is None:
        return None
    pair, seed = place
    chosen: dict[str, Task] = {}
    for task in (tasks[key] for key in dict.fromkeys(rows["key"])):
        for run in task.runs:
            if (run.part, run.pair, run.seed) != (part.name, pair, seed):
                continue
            if shown_weight(part, run.way) in (None, run.content_weight):
                chosen.setdefault(run.way, task)
    first, seen = next(iter(chosen.values()), None), set[Path]()
    if first is None:
        return None
    shown = {"content picture": open_picture(first.settings.content)}
    if not first.truth:
        shown["style picture"] = open_picture(first.pictures.style)
    try:
        for way in (way for way in part.ways if way in chosen):
            task = chosen[way]
            if task.truth and task.truth not in seen:
                seen.add(task.truth)
                what = way.partition(", ")[2]
                shown[f"style, {what}"] = open_picture(task.settings.styles[0])
                shown[f"truth, {what}"] = read_image(task.truth)
            if task.instead != "content":
                shown[way] = read_image(folder / PICTURES / f"{task.key}.png")
    except StylespaceError:
        return None
    if len(seen):  # a row each
        shown.pop("content picture")
    pictures = [resize(picture, THUMBNAIL).clamp(0, 1) for picture in shown.values()]
    columns = math.ceil(len(shown) / math.ceil(len(shown) / COLUMNS))  # rows of one length
    return contact_sheet(pictures, [_wrapped(name) for name in shown], columns=columns)


def _wrapped(label: str) -> str:
    return textwrap.fill(label, LETTERS)


def again(path: Path, folder: Path) -> str:
    """Return the page of a folder as its table gives it, without running anything."""
    plan = plan_of(path)
    return page(plan, pd.DataFrame(read_rows(folder)), read_findings(folder), os.listdir(folder))


def retold(path: Path, folder: Path, text: str) -> str:
    """Return a text with what its folder's table says of every claim between the marks CLAIMS."""
    plan = plan_of(path)
    told = digest(plan, claims_tested(plan, pd.DataFrame(read_rows(folder))))
    return CLAIMS.sub(lambda _: f"\n{told}\n", text)
