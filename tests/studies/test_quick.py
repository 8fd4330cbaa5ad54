"""The whole study in small, from recipe to page: every way, on two pairs; slow."""

from pathlib import Path

import pytest

from stylespace.commands.command import Output
from stylespace.studies.plans import plan_of
from stylespace.studies.rows import read_rows
from stylespace.studies.study import run_study

pytestmark = pytest.mark.slow

RECIPE = Path(__file__).parents[2] / "probes" / "paper" / "study.toml"


def test_a_quick_study_runs_everything(tmp_path):
    """Ten minutes on two cores at most; no run fails, and the page tells every part."""
    folder = tmp_path / "quick"
    output = Output(folder, quiet=True, executor="processes", workers=2)
    result = run_study(RECIPE, output, quick=True)
    plan, rows = plan_of(RECIPE).quick(), read_rows(folder)
    assert result.figures == {"results": len(rows), "done": len(rows), "failed": 0}
    assert {(row["part"], row["way"]) for row in rows} == {
        (run.part, run.way) for run in plan.runs()
    }
    page = (folder / "README.md").read_text()
    assert all(f"## {part.title}" in page for part in plan.parts)
    assert "Nothing of this part" not in page and "not there yet" not in page
    for name in ("networks", "basins", "space"):
        assert f'"{name}"' in (folder / "findings.json").read_text()
