"""What a page shows at once: thumbnails that enlarge, a slider, heat maps inside figures, paper."""

import numpy as np
import pytest
from page_content import CHANNELS, content, data_uri, orders

from stylespace.reports.page import page

BOXES = ([10.0, 20.0, 30.0, 60.0], [55.0, 20.0, 30.0, 60.0])
"""Where two heat maps are on a figure of 900 x 400 pixels: left, top, width, height in %."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    found = content()
    section = found["groups"][0]["sections"][1]
    section["figures"][0]["boards"] = [
        {"layer": "conv1_1", "picture": key, "ends": [1e-3, 10.0], "box": box}
        for key, box in zip(("auvers", "attack"), BOXES, strict=True)
    ]
    labels = ("content", "style", "result")
    section["comparisons"] = [
        {
            "caption": "Before and after",
            "pictures": [
                {"src": data_uri(60, 40, colour, kind="jpeg"), "alt": name, "label": name}
                for name, colour in zip(labels, ("red", "green", "blue"), strict=True)
            ],
        }
    ]
    section["tables"][0]["rows"] = [["conv1_1", str(k), "x"] for k in range(40)]
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(found), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def shown(chrome, address):
    with chrome.open(address) as opened:
        yield opened
        assert opened.complaints() == []


def test_a_thumbnail_is_enlarged_where_it_stands_and_made_small_again(shown):
    image = "document.querySelector('.opening img')"
    portrait = "document.querySelector('img.portrait[data-picture=auvers]').src"
    small = shown.evaluate(f"{image}.src")
    shown.evaluate("document.querySelector('.opening a').click()")
    assert shown.evaluate(f"{image}.src === {portrait}")
    assert shown.evaluate("document.querySelector('.opening a').ariaExpanded") == "true"
    shown.evaluate("document.querySelector('.opening a').click()")
    assert shown.evaluate(f"{image}.src") == small
    assert shown.evaluate("location.hash") == "", "the page stays where it is"


def test_without_the_script_a_thumbnail_leads_to_its_picture(chrome, address):
    with chrome.open(address, script=False) as opened:
        opened.call("Emulation.setScriptExecutionDisabled", value=False)
        links = opened.evaluate(
            "[...document.querySelectorAll('.opening a')].map((one) => one.hash)"
        )
        assert links == ["#auvers", "#attack"]
        widths = opened.evaluate(
            "[...document.querySelectorAll('.stack img')].map((one) => one.offsetWidth)"
        )
        assert len(widths) == 3 and min(widths) > 0, "pictures stand side by side"


def visible(shown):
    """The pictures of the slider that are seen, and how much of the last is cut off."""
    return shown.evaluate(
        "[...document.querySelectorAll('.stack img')].filter((one) => !one.hidden)"
        ".map((one) => [one.dataset.label, one.style.clipPath])"
    )


def test_the_slider_shows_the_result_beside_what_it_was_made_of(shown):
    assert visible(shown) == [["content", ""], ["result", "inset(0px 0px 0px 50%)"]]
    bar = "document.querySelector('.slider')"
    shown.evaluate(f"{bar}.value = 20; {bar}.dispatchEvent(new Event('input'))")
    assert visible(shown)[1][1] == "inset(0px 0px 0px 20%)"
    shown.evaluate("document.querySelectorAll('.choices button')[1].click()")
    assert [name for name, _ in visible(shown)] == ["style", "result"]
    pressed = "[...document.querySelectorAll('.choices button')].map((one) => one.ariaPressed)"
    assert shown.evaluate(pressed) == ["false", "true"]
    width, height = shown.evaluate(
        "(({width, height}) => [width, height])(document.querySelector('.stack')"
        ".getBoundingClientRect())"
    )
    assert width / height == pytest.approx(1.5, rel=0.02)


@pytest.mark.parametrize("width", [390, 1440])
def test_heat_maps_inside_a_figure_answer_each_for_its_own_picture(chrome, address, width):
    channels, order = CHANNELS["conv1_1"], orders()["conv1_1"]
    with chrome.open(address, width=width) as shown:
        image = shown.evaluate(
            "(() => { const one = document.querySelector('.drawing img');"
            " one.scrollIntoView({block: 'center'}); const b = one.getBoundingClientRect();"
            " return [b.x, b.y, b.width, b.height]; })()"
        )
        boards = shown.evaluate(
            "[...document.querySelectorAll('.drawing .board')].map((one) => {"
            " const b = one.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"
        )
        for box, board, key in zip(BOXES, boards, ("auvers", "attack"), strict=True):
            left, top, across, down = np.array(box) / 100
            expected = [
                image[0] + left * image[2], image[1] + top * image[3],
                across * image[2], down * image[3],
            ]  # fmt: skip
            np.testing.assert_allclose(board, expected, atol=1)
            shown.evaluate(f"location.hash = '#conv1_1/{order[2]},{order[5]}/{key}'")
            shown.evaluate("new Promise((done) => setTimeout(done, 50))")
            hashed = shown.evaluate("location.hash")
            assert hashed == f"#conv1_1/{order[2]},{order[5]}/{key}"
        place = "document.querySelectorAll('.drawing .board')[1]"
        x = boards[1][0] + boards[1][2] * 5.5 / channels
        y = boards[1][1] + boards[1][3] * 2.5 / channels
        shown.evaluate(
            f"{place}.dispatchEvent(new MouseEvent('click', {{clientX: {x}, clientY: {y}}}))"
        )
        assert shown.evaluate("location.hash") == f"#conv1_1/{order[2]},{order[5]}/attack"


def test_paper_unfolds_what_is_folded_and_the_screen_folds_it_again(shown):
    folded = "[...document.querySelectorAll('main details')].map((one) => one.open)"
    before = shown.evaluate(folded)
    assert not any(before) and len(before) >= 2
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(shown.evaluate(folded))
    shown.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.evaluate(folded) == before


def test_a_telephone_says_that_a_figure_scrolls(chrome, address):
    hints = "document.querySelectorAll('.scrolls').length"
    with chrome.open(address, width=390) as narrow:
        assert narrow.evaluate(hints) >= 1
    with chrome.open(address, width=1440) as wide:
        assert wide.evaluate(hints) == 0


@pytest.mark.parametrize("name", ["entries", "entry-panel", "content"])
def test_a_group_of_any_name_leaves_the_data_of_the_page_alone(chrome, tmp_path, name):
    found = content()
    found["groups"][1]["id"] = name
    found["entries"] = None if name == "entries" else found["entries"]
    path = tmp_path / "index.html"
    path.write_text(page(found), encoding="utf-8")
    with chrome.open(path.as_uri()) as shown:
        assert shown.complaints() == []
        boards = shown.evaluate("document.querySelectorAll('.board').length")
        assert boards == (0 if name == "entries" else len(CHANNELS))
