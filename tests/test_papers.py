"""Short keys of papers, as in `Source: G15a eq. 1`, are resolved in docs/papers.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KEY = re.compile(r"\b(?:[A-Z]{1,2}[0-9]{2}[a-z]?|Distill[0-9]{2}|MACO)\b")
ALIKE = {"D65", "BF16", "TF32"}  # have the form of a key
TABLE = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
PAPERS = {row[0]: row[1:] for row in re.findall(r"^\| (\w+) \| (.+) \| (.+) \|$", TABLE, re.M)[1:]}
SOURCES = [path.read_text(encoding="utf-8") for path in (ROOT / "stylespace").rglob("*.py")]
USED = {key for text in SOURCES for key in KEY.findall(text)} - ALIKE


def test_every_key_in_the_sources_is_resolved():
    assert {"G15a", "NN16a", "Distill17", "MACO"} <= USED
    assert set(PAPERS) >= USED


def test_every_key_on_a_page_is_resolved():
    built = {"_build", "repository"}
    pages = [path for path in (ROOT / "docs").rglob("*.md") if not built & {*path.parts}]
    named = {key for path in pages for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert "NN16b" in named and named - ALIKE <= set(PAPERS)


def test_every_paper_is_used():
    assert set(PAPERS) <= USED


@pytest.mark.parametrize("key", PAPERS)
def test_a_paper_has_authors_title_year_and_address(key):
    paper, address = PAPERS[key]
    author = r"(?:[A-Z]\. )+\w+"
    names = rf"{author}(?:(?:, {author})*| and others)"
    assert re.fullmatch(rf"{names}: \*[^*]+\*,(?: \w+,)? 20\d\d", paper)
    arxiv = r"\[arXiv:(\d{4}\.\d{5})\]\(https://arxiv\.org/abs/\1\)"
    assert re.match(rf"{arxiv}|\[doi:(\S+)\]\(https://doi\.org/\2\)", address)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_readers_are_told_where_they_are(page):
    assert "](docs/papers.md)" in (ROOT / page).read_text(encoding="utf-8")
