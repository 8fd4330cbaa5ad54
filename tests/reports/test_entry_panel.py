"""The panel of an entry, in a browser: values against numpy, places, steps, addresses."""

import json
import re

import numpy as np
import pytest
from page_content import CHANNELS, FIELDS, HOSTILE, cell_colour, content, grams, means, orders

from stylespace.figures.formatting import number
from stylespace.reports.page import page

PANEL = "document.getElementById('entry-panel')"
FACTS = (
    f"Object.fromEntries([...{PANEL}.querySelectorAll('.entry-numbers div')]"
    ".map((one) => [one.firstChild.textContent, one.lastChild.textContent]))"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(content()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def shown(chrome, address):
    with chrome.open(address) as opened:
        yield opened
        assert opened.complaints() == []


def click(shown, index, row, column, channels, *, touch=False):
    """Click or tap in the middle of an entry of a heat map."""
    x, y, width, height = shown.evaluate(
        f"(() => {{ const board = document.querySelectorAll('.board')[{index}];"
        " board.scrollIntoView({block: 'center'}); const b = board.getBoundingClientRect();"
        " return [b.x, b.y, b.width, b.height]; })()"
    )
    x, y = x + width * (column + 0.5) / channels, y + height * (row + 0.5) / channels
    if touch:
        shown.call("Emulation.setTouchEmulationEnabled", enabled=True)
        point = [{"x": x, "y": y}]
        shown.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=point)
        shown.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        return
    for kind in ("mousePressed", "mouseReleased"):
        shown.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def check_numbers(shown, layer, i, j, strength=1):
    """Hold what the panel says against the matrix, by numpy."""
    gram = strength * grams()[layer]
    facts = shown.evaluate(FACTS)
    assert shown.evaluate("document.getElementById('entry-panel--title').textContent") == (
        f"{layer} ({i}, {j})"
    )
    assert facts["Value"] == f"{number(float(np.float32(gram[i, j])))} squared units"
    pairs = gram[np.triu_indices(len(gram), 1)]
    among, kind = (gram.diagonal(), "energies") if i == j else (pairs, "pairs")
    rank = 1 + int((among > gram[i, j]).sum())
    assert facts["Rank"] == f"{rank:,} of {len(among):,} {kind} of {layer}"
    if i != j:
        lengths = np.sqrt(gram[i, i] * gram[j, j])
        cosine = gram[i, j] / lengths if lengths else 0
        assert float(facts["Cosine"]) == pytest.approx(cosine, abs=6e-4)


@pytest.mark.parametrize("width", [390, 768, 1440])
@pytest.mark.parametrize("touch", [False, True], ids=["click", "tap"])
def test_an_entry_opens_with_the_values_of_numpy(chrome, address, width, touch):
    with chrome.open(address, width=width) as shown:
        for index, (layer, channels) in enumerate(CHANNELS.items()):
            for row, column in ((3, 8), (channels - 1, 0), (5, 5)):
                click(shown, index, row, column, channels, touch=touch)
                i, j = orders()[layer][row], orders()[layer][column]
                check_numbers(shown, layer, i, j)
                left, right = shown.evaluate(
                    f"(({{left, right}}) => [left, right])({PANEL}.getBoundingClientRect())"
                )
                assert left >= 0 and right <= width
                shown.evaluate(f"{PANEL}.querySelector('.side-panel-close').click()")
                assert shown.evaluate(f"{PANEL}.hidden")


def test_enter_opens_and_escape_gives_the_focus_back(shown):
    shown.evaluate("document.querySelectorAll('.board')[0].focus()")
    shown.press("ArrowRight")
    shown.press("Enter")
    order = orders()["conv1_1"]
    check_numbers(shown, "conv1_1", order[0], order[1])
    assert shown.evaluate(f"document.activeElement === {PANEL}")
    shown.press("Escape")
    assert shown.evaluate(f"{PANEL}.hidden")
    assert shown.evaluate("document.activeElement.matches('.board')")


@pytest.mark.parametrize("end", ["", "/auvers", "/attack", "/nobody"])
def test_every_entry_has_an_address_of_each_picture(chrome, address, end):
    with chrome.open(f"{address}#conv3_1/12,40{end}") as shown:
        check_numbers(shown, "conv3_1", 12, 40, strength=2 if end == "/attack" else 1)
        key = "attack" if end == "/attack" else "auvers"
        assert shown.evaluate("location.hash") == f"#conv3_1/12,40/{key}"
        shown.evaluate("location.hash = '#conv1_1/7,7/attack'")
        shown.evaluate("new Promise((done) => setTimeout(done, 50))")
        check_numbers(shown, "conv1_1", 7, 7, strength=2)


@pytest.mark.parametrize(
    "end", ["conv3_1/12,97", "conv9_9/1,2", "conv3_1/1", "conv3_1/1,2,3", "conv3_1", "a/-1,2"]
)
def test_an_address_of_no_entry_opens_nothing(chrome, address, end):
    with chrome.open(f"{address}#{end}") as shown:
        assert shown.evaluate(f"{PANEL}.hidden")
        assert shown.complaints() == []


def test_keys_step_through_channels_pairs_and_pictures(chrome, address):
    layer, order, gram = "conv3_1", orders()["conv3_1"], grams()["conv3_1"]
    with chrome.open(f"{address}#{layer}/{order[4]},{order[9]}") as shown:
        shown.press("ArrowRight")
        check_numbers(shown, layer, order[4], order[10])
        shown.press("ArrowUp")
        check_numbers(shown, layer, order[3], order[10])
        rows, columns = np.triu_indices(len(gram), 1)
        ranked = np.argsort(-gram[rows, columns].astype(np.float32), kind="stable")
        pair = min(order[3], order[10]), max(order[3], order[10])
        here = [(rows[k], columns[k]) for k in ranked].index(pair)
        shown.press("PageDown")
        after = ranked[min(here + 1, len(ranked) - 1)]
        check_numbers(shown, layer, rows[after], columns[after])
        for steps in range(2):
            shown.evaluate(f"{PANEL}.dispatchEvent(new KeyboardEvent('keydown', {{key: ']'}}))")
            check_numbers(shown, layer, rows[after], columns[after], strength=2 - steps)
            named = shown.evaluate(FACTS)["Picture"]
            assert named == ("Houses at Auvers" if steps else HOSTILE)


def test_the_strongest_pairs_come_in_their_order(chrome, address):
    gram = grams()["conv1_1"]
    rows, columns = np.triu_indices(len(gram), 1)
    ranked = np.argsort(-gram[rows, columns].astype(np.float32), kind="stable")
    with chrome.open(f"{address}#conv1_1/3,3") as shown:
        for k in ranked[:6]:
            shown.press("PageDown")
            check_numbers(shown, "conv1_1", rows[k], columns[k])


def test_the_place_is_the_product_of_the_means(shown):
    generator = np.random.default_rng(0)
    for layer, count in CHANNELS.items():
        for i, j in generator.integers(1, count, (5, 2)).tolist():
            found = shown.evaluate(
                "(() => { const data = document.getElementById('page--entries').textContent;"
                f" const of = new Entries(JSON.parse(data)).of('auvers', '{layer}');"
                f" const known = of.together({i}, {j});"
                " return [known.height, known.width, [...known.values]]; })()"
            )
            product = means(layer)[i] * means(layer)[j]
            assert tuple(found[:2]) == FIELDS
            place = np.reshape(found[2], FIELDS)
            assert np.corrcoef(place.ravel(), product.ravel())[0, 1] > 0.999
            assert place.max() == pytest.approx(1)
        assert (
            shown.evaluate(
                "new Entries(JSON.parse(document.getElementById('page--entries').textContent))"
                f".of('auvers', '{layer}').together(0, 1).peak"
            )
            == 0
        )


def test_the_panel_shows_the_place_patches_and_both_channels(chrome, address):
    with chrome.open(f"{address}#conv3_1/12,40") as shown:
        shown.evaluate("new Promise((done) => setTimeout(done, 400))")
        shapes = shown.evaluate(
            f"[...{PANEL}.querySelectorAll('canvas')].map((one) => [one.width, one.height])"
        )
        assert shapes[0] == [64, 48] and shapes.count([144, 144]) >= 1
        colours = shown.evaluate(
            f"[...{PANEL}.querySelectorAll('.cell canvas')].map((one) =>"
            " [...one.getContext('2d').getImageData(8, 8, 1, 1).data.slice(0, 3)])"
        )
        expected = [cell_colour("conv3_1", 12), cell_colour("conv3_1", 40)]
        np.testing.assert_allclose(colours, expected, atol=2)
        command = shown.evaluate(f"{PANEL}.querySelector('code').textContent")
        assert command == "stylespace probe --layer conv3_1 --entry 12,40"
        assert re.fullmatch(
            r"Where both fire together: an approximation.* 7 × 5 fields\.",
            shown.evaluate(f"{PANEL}.querySelector('figcaption').textContent"),
        )
        assert shown.complaints() == []


def test_a_style_without_a_picture_answers_with_its_numbers(chrome, tmp_path):
    found = content()
    for one in found["entries"]["pictures"]:
        one["places"] = {}
    found["entries"]["channels"] = None
    found["entries"]["options"] = " --network vgg16-hed"
    path = tmp_path / "index.html"
    path.write_text(page(json.loads(json.dumps(found))), encoding="utf-8")
    with chrome.open(f"{path.as_uri()}#conv1_1/2,3") as shown:
        check_numbers(shown, "conv1_1", 2, 3)
        assert (
            shown.evaluate(f"[...{PANEL}.querySelectorAll('figure')].map((one) => one.hidden)")
            == [True] * 3
        )
        command = shown.evaluate(f"{PANEL}.querySelector('code').textContent")
        assert command.endswith("--entry 2,3 --network vgg16-hed")
        assert shown.complaints() == []


def test_the_panel_stays_open_while_one_reads_on(chrome, address):
    with chrome.open(f"{address}#conv1_1/2,3") as shown:
        shown.evaluate("location.hash = '#auvers--numbers'")
        shown.evaluate("new Promise((done) => setTimeout(done, 50))")
        check_numbers(shown, "conv1_1", 2, 3)
        assert shown.evaluate(f"!{PANEL}.hidden && location.hash === '#auvers--numbers'")
        shown.evaluate("document.querySelector('.board').focus()")
        shown.press("Escape")
        assert shown.evaluate(f"!{PANEL}.hidden"), "the heat map takes its own Escape"
        shown.press("Escape")
        assert shown.evaluate(f"{PANEL}.hidden")
