"""The page of a report: what is in the file, and what a browser makes of it."""

import base64
import copy
import hashlib
import json
import re
from dataclasses import asdict
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import CONTROL, SHIFT
from grams import gram_of
from page_content import (
    CHANNELS,
    DARK_DOTS,
    HOSTILE,
    LIGHT_DOTS,
    content,
    data_uri,
    grams,
    group,
    orders,
)

from stylespace.figures.formatting import number
from stylespace.reports.explanations import EXPLANATIONS, Explanation
from stylespace.reports.heat_maps import heat_map_data
from stylespace.reports.page import page
from stylespace.styles.statistics.spectra import NEGLIGIBLE


class Elements(HTMLParser):
    """Every element of a page with its attributes, and every heading with its text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def text():
    return page(content())


@pytest.fixture(scope="module")
def elements(text):
    return Elements(text)


# What is in the file


def test_the_same_content_gives_the_same_bytes(text):
    before = content()
    given = copy.deepcopy(before)
    assert page(given) == text and given == before


def test_no_text_becomes_markup(text, elements):
    assert HOSTILE not in text
    assert "{{ 7 * 7 }}" in text  # neither is it a template
    assert not [one for one in elements.of("img") if one["src"] == "x" or "onerror" in one]
    assert len(elements.of("script")) == 2 and len(elements.of("style")) == 1
    handlers = [name for _, one in elements.found for name in one if name.startswith("on")]
    assert not handlers and not [one for _, one in elements.found if "style" in one]


def test_a_name_in_the_data_does_not_end_them(text):
    (data,) = re.findall(
        r'<script type="application/json" id="page--entries">(.*?)</script>', text, re.S
    )
    assert [one["name"] for one in json.loads(data)["pictures"]][1] == HOSTILE


def test_nothing_is_fetched(elements):
    sources = [one[key] for _, one in elements.found for key in ("src", "srcset") if key in one]
    assert sources and all(source.startswith("data:image/") for source in sources)
    assert [one["href"] for one in elements.of("link")] == ["data:,"]
    links = [one["href"] for one in elements.of("a")]
    assert all(link.startswith(("#", "./")) for link in links)


def test_the_policy_names_the_style_sheet_and_the_script_and_nothing_else(text, elements):
    policy = next(
        one["content"]
        for one in elements.of("meta")
        if one.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        inner = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digests = [hashlib.sha256(one.encode()).digest() for one in inner]
        hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
        assert [rules.pop(rule)] == hashes
    assert rules == {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("figures/a b#1?.svg", "./figures/a%20b%231%3F.svg"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("//host/a.csv", "./host/a.csv"),
        ("a%2Fb.csv", "./a%252Fb.csv"),
    ],
)
def test_paths_of_files_stay_beside_the_page(path, address):
    found = content() | {"downloads": [{"label": "it", "path": path}]}
    assert address in [one["href"] for one in Elements(page(found)).of("a")]


def test_headings_go_down_one_step_at_a_time(elements):
    levels = [int(tag[1]) for tag, _ in elements.found if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def test_every_link_inside_the_page_has_one_goal(elements):
    ids = [one["id"] for _, one in elements.found if "id" in one]
    named = [one["aria-labelledby"] for _, one in elements.found if "aria-labelledby" in one]
    links = [one["href"][1:] for one in elements.of("a") if one["href"].startswith("#")]
    assert len(ids) == len(set(ids)) and links and set(links) | set(named) <= set(ids)
    for name in ("auvers", "attack", "auvers--matrices", "attack--numbers"):
        assert name in links, "missing in the contents"


def test_pictures_have_words_and_tables_have_heads(elements):
    assert all("alt" in one for one in elements.of("img"))
    tags = [tag for tag, _ in elements.found]
    assert tags.count("figure") == tags.count("figcaption") == 2 + 2 + 4 + len(CHANNELS)
    assert tags.count("table") == tags.count("caption") == 2
    assert [one["scope"] for one in elements.of("th")] == (["col"] * 3 + ["row"] * 2) * 2
    assert [one.get("class") for one in elements.of("td")][:4] == [
        "number",
        None,
        "number",
        "number",
    ]


def test_webp_pictures_have_their_size_as_well():
    found = content()
    found["groups"][0]["sections"][1]["figures"][0]["src"] = data_uri(1600, 410, kind="webp")
    assert 'width="960" height="246"' in page(found)


def test_png_pictures_have_their_size_so_that_the_page_does_not_jump(elements):
    sizes = [(one.get("width"), one.get("height")) for one in elements.of("img")]
    assert {("97", "97"), ("97", "1")} <= set(sizes)
    assert {("540", "240"), ("180", "120")} <= set(sizes), "figures have 160 pixels an inch"


def test_a_term_in_a_table_leads_to_its_explanation(text, elements):
    hoyer = 1 + [one.term for one in EXPLANATIONS].index("Hoyer")
    assert f'<a class="term" href="#term--{hoyer}">Hoyer</a>' in text
    assert f"term--{hoyer}" in [one.get("id") for one in elements.of("dt")]


def test_a_picture_called_as_a_term_leads_nowhere():
    found = content() | {"explanations": [{**asdict(EXPLANATIONS[0]), "term": "conv1_1"}]}
    assert 'class="term"' not in page(found)
    found["groups"][0]["sections"][1]["tables"][0]["columns"][0] = "conv1_1"
    assert page(found).count('<a class="term" href="#term--1">conv1_1</a>') == 1


@pytest.mark.parametrize("value", [0.5, 12345.0, 1.5e-7, -3.25e9, 0.0])
def test_numbers_stand_at_the_right_however_they_are_written(value):
    found = content()
    found["groups"][0]["sections"][1]["tables"][0]["rows"] = [["conv1_1", number(value), "x 1"]]
    assert f'<td class="number">{number(value)}</td><td>x 1</td>' in page(found)


def test_the_scale_has_its_ends_in_numbers_and_is_the_only_one():
    gram = gram_of(6, seed=1)
    gram /= gram.max()
    black = heat_map_data("b", "one", np.zeros((2, 2)), range(2), alt="")
    maps = [heat_map_data("a", "one", gram, range(6), alt=""), black]
    ends = re.findall(
        r'<span class="end">(.*?)</span>', page(content() | {"groups": [group("one", "One", maps)]})
    )
    assert ends == [f"≤ {number(np.quantile(gram[gram > 0], 0.01))}", "1", "all zero"]


def test_long_tables_are_folded_up_under_their_names():
    found = content()
    table = found["groups"][0]["sections"][1]["tables"][0]
    table["rows"] = [["conv1_1", str(number), "x"] for number in range(25)]
    assert "<summary>Numbers of Houses at Auvers: 25 rows</summary>" in page(found)
    table["rows"].pop()
    assert "rows</summary>" not in page(found)


def test_parts_may_be_missing():
    bare = group("one", "One") | {"picture": None, "facts": [], "sections": []}
    nothing = {"explanations": [], "downloads": [], "lead": "", "opening": [], "entries": None}
    empty = content() | nothing | {"groups": [bare]}
    elements = Elements(page(empty | {"facts": []}))
    assert [one["href"] for one in elements.of("a")] == ["#page--content", "#one"]


@pytest.mark.parametrize("name", ["two words", "", "A", "a--b", 'a"b', "-a"])
def test_an_id_that_is_no_slug_is_refused(name):
    with pytest.raises(ValueError, match="no slugs"):
        page(content() | {"groups": [group(name, "One")]})


def test_an_id_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="come twice: .'same'"):
        page(content() | {"groups": [group("same", "One"), group("same", "Two")]})


@pytest.mark.parametrize("source", ["figure.png", "https://example.org/a.png", "data:text/html,a"])
@pytest.mark.parametrize("place", ["picture", "figure", "dark figure", "map"])
def test_a_picture_outside_the_page_is_refused(source, place):
    found = content()
    first = found["groups"][0]
    owner, key = {
        "picture": (first["picture"], "src"),
        "figure": (first["sections"][1]["figures"][0], "src"),
        "dark figure": (first["sections"][1]["figures"][1], "dark"),
        "map": (first["sections"][0]["heat_maps"][0], "image"),
    }[place]
    owner[key] = source
    with pytest.raises(ValueError, match="not inside the page"):
        page(found)


def test_explanations_are_one_sentence_each_with_formula_and_source():
    slope = next(one for one in EXPLANATIONS if one.term == "Power-law slope")
    assert f"{number(NEGLIGIBLE)} · λ₁" in slope.formula
    terms = [one.term for one in EXPLANATIONS]
    assert len(terms) == len(set(map(str.lower, terms))) >= 30
    for one in EXPLANATIONS:
        assert isinstance(one, Explanation) and one.formula and one.source
        assert one.sentence[0].isupper() and one.sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", one.sentence), f"{one.term}: more than one sentence"


# What a browser makes of it


@pytest.fixture(scope="module")
def address(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def shown(chrome, address):
    with chrome.open(address) as opened:
        yield opened


KNOWN = "new Entries(JSON.parse(document.getElementById('page--entries').textContent))"


def readout(shown, index):
    return shown.evaluate(f"document.querySelectorAll('.readout')[{index}].textContent")


def told(text):
    """The parts of a readout: layer, i, j, value, and the cosine or None on the diagonal."""
    layer, place, value, last = text.split("  ")
    i, j = re.fullmatch(r"\((\d+), (\d+)\)", place).groups()
    cosine = None if last == "energy" else float(re.fullmatch(r"cosine (\d\.\d{3})", last)[1])
    power = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    plain = value.replace(",", "").replace(" × 10", "e").translate(power)
    return layer, int(i), int(j), float(plain), cosine


def check_readout(text, layer, row, column):
    """Hold a readout against the matrix itself."""
    gram, order = grams()[layer], orders()[layer]
    i, j = order[row], order[column]
    found = told(text)
    assert found[:3] == (layer, i, j)
    assert found[3] == pytest.approx(gram[i, j], rel=6e-3)  # three digits: up to half of 1 in 100
    if i == j:
        assert found[4] is None
    else:
        lengths = np.sqrt(gram[i, i] * gram[j, j])
        assert found[4] == pytest.approx(gram[i, j] / lengths if lengths else 0, abs=2e-3)


def point_at(shown, index, row, column):
    """Move the mouse to the middle of an entry."""
    box = shown.evaluate(
        f"(() => {{ const board = document.querySelectorAll('.board')[{index}];"
        " board.scrollIntoView({block: 'center'}); const b = board.getBoundingClientRect();"
        " return [b.x, b.y, b.width, b.height]; })()"
    )
    channels = list(CHANNELS.values())[index]
    shown.point(
        box[0] + box[2] * (column + 0.5) / channels, box[1] + box[3] * (row + 0.5) / channels
    )


def focus(shown, index):
    shown.evaluate(f"document.querySelectorAll('.board')[{index}].focus()")


def test_the_page_loads_without_a_complaint_and_without_a_request(shown, address):
    assert shown.complaints() == []
    assert shown.requests() == [address]
    assert shown.evaluate("document.title") == f"Styles of {HOSTILE}".replace("  ", " ")
    assert shown.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    assert shown.evaluate("document.querySelector('h1').textContent") == f"Styles of {HOSTILE}"


def test_pointing_at_an_entry_names_it_its_value_and_its_cosine(shown):
    generator = np.random.default_rng(0)
    for index, (layer, channels) in enumerate(CHANNELS.items()):
        places = generator.integers(0, channels, (12, 2)).tolist()
        for row, column in [*places, [0, channels - 1], [5, 5], [channels - 1, 0]]:
            point_at(shown, index, row, column)
            check_readout(readout(shown, index), layer, row, column)


def test_every_entry_is_decoded_as_it_was_coded(shown):
    for layer, channels in CHANNELS.items():
        found = shown.evaluate(
            f"(() => {{ const known = {KNOWN}.of('auvers', '{layer}');"
            f" const at = [...Array({channels}).keys()];"
            " return at.map((i) => at.map((j) => known.value(i, j))); })()"
        )
        assert np.shape(found) == (channels, channels)
        np.testing.assert_array_equal(found, grams()[layer].astype(np.float32))


def test_the_script_writes_numbers_as_the_page_does(shown):
    powers = 10 ** np.random.default_rng(0).uniform(-9, 9, 300)
    values = [0, 1, 1.5, 100, 999.6, 12345, 999499, 999600, 1e6, 1e-4, 9.996e-5, 5e-324, *powers]
    values = [float(value) for value in values]
    assert shown.evaluate(f"{values}.map(digits)") == [number(value) for value in values]


def test_leaving_with_the_pointer_ends_the_readout(shown):
    shown.evaluate("document.activeElement.blur()")
    point_at(shown, 0, 3, 4)
    assert readout(shown, 0).startswith("conv1_1  (")
    shown.point(2, 2)
    assert readout(shown, 0).startswith("Point at an entry")
    assert shown.evaluate("document.querySelectorAll('.active').length") == 0


def test_keys_move_over_the_entries_and_stay_inside(shown):
    layer, last = "conv3_1", CHANNELS["conv3_1"] - 1
    point_at(shown, 1, 0, 0)
    focus(shown, 1)
    page_step = round((last + 1) / 8)
    steps = [
        ("ArrowLeft", 0, (0, 0)),
        ("ArrowUp", 0, (0, 0)),
        ("ArrowRight", 0, (0, 1)),
        ("ArrowDown", 0, (1, 1)),
        ("ArrowRight", SHIFT, (1, 1 + page_step)),
        ("PageDown", 0, (1 + page_step, 1 + page_step)),
        ("End", 0, (1 + page_step, last)),
        ("ArrowRight", 0, (1 + page_step, last)),
        ("Home", 0, (1 + page_step, 0)),
        ("PageUp", 0, (1, 0)),
        ("PageUp", 0, (0, 0)),
        ("End", CONTROL, (last, last)),
        ("ArrowDown", SHIFT, (last, last)),
        ("ArrowLeft", 0, (last, last - 1)),
        ("Home", CONTROL, (0, 0)),
    ]
    shown.evaluate(
        "var kept = []; addEventListener('keydown', (one) => kept.push(one.defaultPrevented))"
    )
    for key, modifiers, (row, column) in steps:
        shown.press(key, modifiers)
        check_readout(readout(shown, 1), layer, row, column)
    assert shown.evaluate("kept") == [True] * len(steps), "the page must not scroll as well"


def test_escape_leaves_and_tab_goes_on(shown):
    focus(shown, 0)
    assert readout(shown, 0).startswith("conv1_1  (")
    shown.press("Escape")
    assert readout(shown, 0).startswith("Point at an entry")
    assert shown.evaluate("document.activeElement === document.body")
    focus(shown, 0)
    for _ in range(2):  # over the link of the figure
        shown.press("Tab")
    assert shown.evaluate("document.activeElement.matches('.board')")
    assert readout(shown, 1).startswith("conv3_1  (")


def test_the_first_tab_skips_to_the_content(chrome, address):
    with chrome.open(address) as opened:
        opened.press("Tab")
        assert opened.evaluate("document.activeElement.className") == "skip"
        assert opened.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
        assert opened.evaluate("document.querySelector('.skip').hash") == "#page--content"


ENTRIES_OF = "Entries of conv3_1 of Houses at Auvers: arrow keys move, Enter opens, Escape leaves"


def test_screen_readers_find_landmarks_names_and_what_changes(shown):
    nodes = shown.call("Accessibility.getFullAXTree")["nodes"]
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"]
    ]
    roles = [role for role, _ in found]
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert roles.count(role) == 1
    assert ("navigation", "Contents") in found
    assert ("application", ENTRIES_OF) in found
    assert ("image", "Heat map of conv3_1") in found
    assert roles.count("status") == len(CHANNELS)
    assert not [name for role, name in found if role in ("image", "link") and not name]


def test_the_page_can_load_nothing_even_if_it_is_made_to(chrome, address):
    with chrome.open(address) as opened:
        opened.evaluate(
            "for (const [tag, key] of [['img', 'src'], ['script', 'src'], ['iframe', 'src']])"
            " document.body.append(Object.assign(document.createElement(tag),"
            " {[key]: 'http://127.0.0.1:9/x'}))"
        )
        opened.evaluate(
            "document.body.append(Object.assign(document.createElement('script'),"
            " {textContent: 'window.ran = true'}))"
        )
        assert opened.evaluate("window.ran") is None
        assert len(opened.complaints()) >= 4
        assert all("Content Security Policy" in one for one in opened.complaints())
        sent = opened.events("Network.responseReceived")
        assert [
            one["response"]["url"] for one in sent if "127.0.0.1" in one["response"]["url"]
        ] == []


def test_without_javascript_all_is_there_but_the_readout(chrome, address):
    with chrome.open(address, script=False) as opened:
        opened.call("Emulation.setScriptExecutionDisabled", value=False)
        assert opened.evaluate("document.querySelectorAll('.board, .readout').length") == 0
        assert opened.evaluate("document.querySelectorAll('.map > img').length") == len(CHANNELS)
        assert (
            opened.evaluate("document.querySelector('.map > img').getBoundingClientRect().width")
            > 200
        )


@pytest.mark.parametrize("width", [320, 768, 1024, 1920])
def test_the_page_fits_narrow_and_wide_windows(shown, width):
    shown.window(width)
    assert shown.evaluate("document.documentElement.scrollWidth") == width
    shown.window()


def test_what_is_wider_than_a_telephone_scrolls_by_itself_under_its_name(chrome, address):
    with chrome.open(address, width=320) as opened:
        names = "[...document.querySelectorAll('[role=region]')].map((one) => one.ariaLabel)"
        assert "Of Houses at Auvers. SVG of: Of Houses at Auvers." in opened.evaluate(names)
        focusable = "document.querySelector('.wide .sheet').tabIndex"
        assert opened.evaluate(focusable) == 0


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = np.array([float(x) for x in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def style(shown, selector, name):
    """A computed property of the first element that a selector finds."""
    return shown.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}")


def contrast(shown, selector, ground):
    """Contrast of an element's text with the colour behind it."""
    inks = (style(shown, selector, "color"), style(shown, ground, "backgroundColor"))
    bright, dark = sorted(map(luminance, inks), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(shown, scheme):
    shown.window(scheme=scheme)
    for selector in (
        "p",
        "figcaption",
        "nav a",
        ".facts dt",
        "thead th",
        ".downloads a",
        ".source",
    ):
        assert contrast(shown, selector, "body") >= 4.5, selector
    assert contrast(shown, ".readout", ".card") >= 4.5
    assert (luminance(style(shown, "body", "backgroundColor")) > 0.5) == (scheme == "light")
    for card in (".card", ".figures .sheet"):
        colour = shown.evaluate(
            f"getComputedStyle(document.querySelector('{card}')).backgroundColor"
        )
        level = luminance(colour)
        assert level > 0.9 if scheme == "light" else level < 0.05, "figures are light or dark too"
    sources = shown.evaluate("[...document.images].map((one) => one.currentSrc)")
    assert (LIGHT_DOTS in sources, DARK_DOTS in sources) == (scheme == "light", scheme == "dark")
    shown.window()


def test_on_paper_there_is_no_navigation_and_no_figure_is_torn(shown, tmp_path):
    shown.window(media="print", scheme="dark")
    for selector in ("nav", ".skip", ".board", ".readout"):
        display = f"getComputedStyle(document.querySelector('{selector}')).display"
        assert shown.evaluate(display) == "none", selector
    inside = (
        "[...document.querySelectorAll('figure')].map((one) => getComputedStyle(one).breakInside)"
    )
    assert set(shown.evaluate(inside)) == {"avoid"}
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    sources = shown.evaluate("[...document.images].map((one) => one.currentSrc)")
    assert LIGHT_DOTS in sources and DARK_DOTS not in sources
    shown.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    shown.window()
