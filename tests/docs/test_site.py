"""The pages as Sphinx builds them: no warning, no dead link, readable from the file system."""

import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from command_line import ONE_THREAD

ROOT = Path(__file__).parents[2]
ATTRIBUTES = {"a": "href", "img": "src", "link": "href", "script": "src"}


def built(folder, *options):
    """Build the pages into a folder; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", *options]
    made = subprocess.run(
        [*command, ROOT / "docs", folder],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, those that run without what they would show."""
    return built(tmp_path_factory.mktemp("site"), "-D", "nb_execution_mode=off")


class Read(HTMLParser):
    """The addresses that a page leads to, and the names that an address of it may end with."""

    def __init__(self, path):
        super().__init__()
        self.addresses, self.anchors = set(), {"", "top"}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.anchors.add(values.get("id"))
        self.addresses.add(values.get(ATTRIBUTES.get(tag), ""))


read = cache(Read)


def parsed(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def targets(page):
    """Every address of a page that is a file of ours, with the file and the name on it."""
    for text in read(page).addresses - {None}:
        address = urlsplit(text)
        if not address.scheme and not address.netloc:
            path = (page.parent / unquote(address.path)).resolve() if address.path else page
            yield text, path, unquote(address.fragment)


def dead(page):
    """The links and pictures of a page that lead nowhere."""
    for text, path, name in targets(page):
        own = path.suffix == ".html" and "_downloads" not in path.parts
        if not path.is_file() or (own and name not in read(path).anchors):
            yield text


def pages(site):
    return [path for path in sorted(site.rglob("*.html")) if "_downloads" not in path.parts]


def test_no_link_is_dead(site):
    assert len(pages(site)) > 50
    assert {page.name: found for page in pages(site) if (found := sorted({*dead(page)}))} == {}


def test_every_page_can_be_found_from_the_first(site):
    reached, waiting = set(), [site / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".html" or "_downloads" in page.parts:
            continue
        reached.add(page)
        waiting += [path for _, path, _ in targets(page)]
    assert {path.name for path in {*pages(site)} - reached} <= {"genindex.html", "search.html"}


def test_options_stand_under_the_headings_of_the_help(site):
    page = parsed(site / "commands" / "texture.html")
    headings = [tag.get_text().rstrip("#") for tag in page.select("p.rubric")]
    assert headings[:4] == ["Usage", "Options", "Everyday", "Style"]
    after = page.find("p", class_="rubric", string="Colour").find_next("dt").get_text()
    assert after.strip().startswith("--grey")


def test_docstrings_say_where_a_formula_comes_from(site):
    page = parsed(site / "python.html")
    told = page.find(id="stylespace.gram").find_parent("dl").get_text()
    assert "Source: G15a eq. 1. Departs: divided by N" in " ".join(told.split())
    named = [tag.get_text() for tag in page.find_all("strong")]
    assert {"Source:", "Departs:"} <= set(named)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pages_are_read_from_the_file_system(site, chrome, width, scheme):
    for name in ("index", "mathematics/local", "commands/transfer", "faq"):
        with chrome.open((site / f"{name}.html").as_uri(), width=width, scheme=scheme) as page:
            assert page.complaints() == []
            assert all(address.startswith("file:") for address in page.requests())
            assert page.evaluate("document.documentElement.scrollWidth") == width, name


def wait_for(page, expression):
    """The value of an expression of JavaScript, as soon as it is true."""
    script = f"new Promise(done => {{ const at = setInterval(() => {{ if ({expression}) "
    script += "{ clearInterval(at); done(true); } }, 20); })"
    answer = page.call("Runtime.evaluate", expression=script, awaitPromise=True, timeout=20_000)
    return answer["result"].get("value")


def test_formulas_are_drawn_and_a_search_finds(site, chrome):
    with chrome.open((site / "mathematics" / "gram.html").as_uri()) as page:
        assert wait_for(page, "document.querySelectorAll('mjx-container svg').length > 10")
    with chrome.open((site / "search.html").as_uri() + "?q=sparsity") as page:
        assert wait_for(page, "document.querySelectorAll('#search-results li').length > 3")


@pytest.mark.slow
def test_pages_that_run_do_so(tmp_path):
    site = built(tmp_path / "site")
    assert {page.name: found for page in pages(site) if (found := sorted({*dead(page)}))} == {}
