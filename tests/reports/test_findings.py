"""The committed report on paintings: every sentence of it holds in its results.json."""

import json
import re
from pathlib import Path

import pytest
from report_files import assert_self_contained
from report_sentences import Numbers, checked

FOLDER = Path(__file__).parents[2] / "reports" / "paintings"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
FINDINGS = RESULTS["about"]["findings"]
TABLES = {name: rows for name, rows in RESULTS.items() if name != "about"}


@pytest.mark.parametrize("number", range(len(FINDINGS)))
def test_a_sentence_holds(number):
    assert checked(FINDINGS[number], Numbers(TABLES))


def test_the_findings_say_what_they_are_asked_for():
    text = " ".join(FINDINGS)
    for asked in ("near zero", "fit", "durer-lion", "8 paintings and 2 photographs"):
        assert asked in text


def test_the_summary_holds_the_findings_and_nothing_else():
    lines = (FOLDER / "summary.md").read_text(encoding="utf-8").splitlines()
    said = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
    assert said[: len(FINDINGS)] == FINDINGS
    assert len(said) == len(FINDINGS) + len(RESULTS["about"]["facts"])


def test_the_page_needs_nothing_and_its_files_are_there():
    page = assert_self_contained(FOLDER)
    links = re.findall(r'href="\./([^"]+)"', page)
    assert links and all((FOLDER / link).is_file() for link in links)


def test_the_folder_is_as_small_as_a_repository_wants_it():
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    assert size < 6.5 * 2**20  # every figure twice, for light and for dark pages
