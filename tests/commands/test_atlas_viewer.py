"""The page of an atlas: its overview, its figures, and what a browser makes of it."""

import base64
import io
import shlex

import numpy as np
import pytest
from gestures import click, drag, pinch, press, settled, tap, wheel
from PIL import Image

from stylespace.commands.atlas.cells import FIGURES
from stylespace.commands.atlas.sheets import GAP, name_of, parts, sheet
from stylespace.commands.atlas.tables import MappedEntry
from stylespace.commands.atlas.viewer import (
    cell_of,
    overview,
    probe_command,
    viewer,
    viewer_data,
)
from stylespace.figures.formatting import number
from stylespace.settings.atlas import AtlasSettings

SETTINGS = AtlasSettings(layer="conv2_1", block="5-36,3-90", size=12)
UNREACHED, MISSING = (7, 40), (9, 50)
ABOUT = "Made of <b>nothing</b> & </script>."


def colour(i, j):
    """The colour of a cell's upper left quarter; the same of both mirror images."""
    low, high = sorted((i, j))
    return np.array([20 + 5 * low, 2 * high + 40, (40 * (low + high)) % 256], np.uint8)


def cells():
    """Cells of two colours: the upper left quarter tells the entry, the rest is dark."""
    found = {}
    for pair in SETTINGS.pairs():
        found[pair] = np.full((12, 12, 3), 10, np.uint8)
        found[pair][:6, :6] = colour(*pair)
    found[UNREACHED] = None
    del found[MISSING]
    return found


def figures():
    """{entry: figures}, of the entries that are done."""
    generator = np.random.default_rng(0)
    values = {
        pair: dict(zip(FIGURES, 10 ** generator.uniform(-4, [5, 0, 0, -1]), strict=True))
        for pair in SETTINGS.pairs()
    }
    values[UNREACHED] = dict.fromkeys(FIGURES, 0.0)
    del values[MISSING]
    return values


def rows():
    full = {(5, 6): 12345.6}
    return [MappedEntry(*pair, found, full.get(pair)) for pair, found in figures().items()]


def sheets():
    blocks = parts(SETTINGS.rows, SETTINGS.columns)
    return [sheet(cells(), *block, SETTINGS.size, "A title") for block in blocks]


# What the page carries


def test_every_cell_of_the_overview_is_that_of_its_sheet():
    cell = cell_of(SETTINGS)
    assert cell == 12 + GAP, "few cells are all there"
    whole = np.asarray(overview(SETTINGS, sheets(), cell))
    assert whole.shape == (32 * cell, 88 * cell, 3)
    for i, j in [(5, 3), (36, 90), (12, 66), (12, 67), (20, 21), (21, 20)]:
        top, left = (i - 5) * cell + GAP // 2, (j - 3) * cell + GAP // 2
        assert (whole[top : top + 6, left : left + 6] == colour(i, j)).all()
        assert (whole[top + 6 : top + 12, left : left + 12] == 10).all()


def test_a_large_atlas_has_a_small_overview():
    large = AtlasSettings(layer="conv4_1", size=48)
    assert cell_of(large) == 4 and cell_of(AtlasSettings(size=48)) == 16
    reduced = np.asarray(overview(SETTINGS, sheets(), 7)).astype(int)
    assert reduced.shape == (32 * 7, 88 * 7, 3)
    middle = reduced[1:3, 1:3].reshape(-1, 3)  # of the first cell's first quarter
    np.testing.assert_allclose(middle, np.broadcast_to(colour(5, 3), middle.shape), atol=3)


def test_figures_are_those_of_the_rows_for_both_mirror_images():
    data = viewer_data(SETTINGS, rows(), 14)
    for name in FIGURES:
        grid = np.frombuffer(base64.b64decode(data["figures"][name]), "<f4").reshape(32, 88)
        for (i, j), found in figures().items():
            for row, column in ((i - 5, j - 3), (j - 5, i - 3)):
                if 0 <= row < 32 and 0 <= column < 88:
                    assert grid[row, column] == pytest.approx(found[name], rel=1e-6)
        assert np.isnan(grid).sum() == 1 and np.isnan(grid[9 - 5, 50 - 3])
    assert data["full"] == {"5,6": 12345.6}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["--layer", "conv2_1"]),
        ({"layer": "relu1_1"}, ["--layer", "conv1_1"]),
        (
            {"network": "vgg16-hed", "weights": "random:3", "device": "cpu"},
            ["--network", "vgg16-hed", "--weights", "random:3", "--layer", "conv2_1"],
        ),
        ({"padding": "circular"}, ["--padding", "circular", "--layer", "conv2_1"]),
    ],
)
def test_the_command_sees_with_the_network_of_the_atlas(changes, words):
    assert shlex.split(probe_command(AtlasSettings(**changes))) == ["stylespace", "probe", *words]


def test_no_text_becomes_markup():
    text = viewer(SETTINGS, rows(), sheets(), [ABOUT])
    assert ABOUT not in text and "&lt;b&gt;nothing" in text
    assert text == viewer(SETTINGS, rows(), sheets(), [ABOUT]), "the same bytes each time"


# What a browser makes of it


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("an atlas")
    made = sheets()
    for block, pixels in zip(parts(SETTINGS.rows, SETTINGS.columns), made, strict=True):
        Image.fromarray(pixels).save(folder / name_of(*block))
    path = folder / "index.html"
    path.write_text(viewer(SETTINGS, rows(), made, [ABOUT]), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(params=[(1440, "light"), (390, "dark")], ids=["wide", "narrow"])
def shown(chrome, address, request):
    width, scheme = request.param
    with chrome.open(address, width=width, height=844, scheme=scheme) as opened:
        ready(opened)
        yield opened


def ready(shown):
    settled(
        shown,
        "atlasMap.overview.complete && !atlasMap.view.waiting &&"
        " [...atlasMap.sheets.values()].every((image) => image.complete)",
    )


def spot(shown, i, j):
    """The middle of a cell, in pixels of the window."""
    return shown.evaluate(
        "(() => { const { view } = atlasMap; const box = view.canvas.getBoundingClientRect();"
        f" const [x, y] = view.place({j - 3 + 0.5}, {i - 5 + 0.5});"
        " return [box.left + x, box.top + y]; })()"
    )


def readout(shown):
    return shown.evaluate("document.querySelector('.readout').textContent")


def told(i, j):
    """What the page says of an entry."""
    pair = (min(i, j), max(i, j))
    if pair == MISSING:
        return f"conv2_1  ({i}, {j})  not done yet"
    if pair == UNREACHED:
        return f"conv2_1  ({i}, {j})  not reached: the two channels never fired together"
    found = figures()[pair]
    cosine = "energy" if i == j else f"cosine {found['cosine']:.3f}"
    value, share = number(found["value"]), number(found["selectivity"])
    return f"conv2_1  ({i}, {j})  {value}  {cosine}  selectivity {share}"


def panel(shown):
    """Heading, figures and command of the open panel, and the colour of its cell; else None."""
    return shown.evaluate(
        "(() => { const panel = document.querySelector('#entry-panel'); const all = (what) =>"
        " [...panel.querySelectorAll(what)].map((one) => one.textContent); if (panel.hidden)"
        " return null; return { title: all('h2')[0], figures: all('dd'), command: all('code')[0],"
        " notes: all('p') }; })()"
    )


def check_panel(shown, i, j):
    found = figures()[min(i, j), max(i, j)]
    opened = panel(shown)
    assert opened["title"] == f"conv2_1 ({i}, {j})"
    assert opened["command"] == f"stylespace probe --layer conv2_1 --entry {i},{j}"
    expected = [number(found["value"])]
    expected += [] if i == j else [f"{found['cosine']:.3f}"]
    expected += [number(found["selectivity"]), number(found["saturated"])]
    assert opened["figures"][: len(expected)] == expected


def drawn(shown, selector):
    """A screenshot of an element as uint8 (H, W, 3)."""
    x, y, width, height = shown.evaluate(
        f"(() => {{ const box = document.querySelector('{selector}').getBoundingClientRect();"
        " return [box.x, box.y, box.width, box.height]; })()"
    )
    clip = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
    data = shown.call("Page.captureScreenshot", clip=clip)["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_the_page_opens_without_a_complaint_and_shows_all(shown, address):
    assert shown.complaints() == []
    assert all(one.startswith(address.rpartition("/")[0]) for one in shown.requests())
    assert drawn(shown, ".zoom").std() > 10
    assert readout(shown).startswith("Point at a cell")
    inside = shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert inside, "the page is as wide as the window"


def test_pointing_names_the_entry_and_its_figures(shown):
    for i, j in [(5, 3), (36, 90), (20, 20), (21, 8), (8, 21), UNREACHED, MISSING]:
        shown.point(*spot(shown, i, j))
        assert readout(shown) == told(i, j)


def test_zooming_keeps_the_point_and_shows_crisp_cells_of_the_sheet(shown, address):
    x, y = map(round, spot(shown, 12, 67))
    under = (
        "(() => { const { view } = atlasMap; const box = view.canvas.getBoundingClientRect();"
        f" return view.under({x} - box.left, {y} - box.top); }})()"
    )
    before = shown.evaluate(under)
    for turn in (-400, -150, -400, 90, -400, -400):
        wheel(shown, x, y, turn)
        ready(shown)
        np.testing.assert_allclose(shown.evaluate(under), before, atol=1e-6)
    scale = shown.evaluate("atlasMap.view.scale")
    assert scale > 14
    assert address.replace("index.html", "atlas-5-36-67-90.png") in shown.requests()
    pixels = drawn(shown, ".zoom").astype(int)
    at = lambda across, down: shown.evaluate(  # noqa: E731
        f"atlasMap.view.place({67 - 3 + across}, {12 - 5 + down})"
    )
    for across, down, expected in [(0.3, 0.3, colour(12, 67)), (0.7, 0.3, 10), (0.4, 0.7, 10)]:
        column, row = map(round, at(across, down))
        np.testing.assert_allclose(pixels[row, column], expected, atol=1)
    (left, row), (right, _) = (map(round, at(part, 0.3)) for part in (0.12, 0.9))
    line = pixels[row, left:right]
    steps = np.abs(np.diff(line, axis=0)).sum(1) > 3
    assert steps.sum() == 1, "one edge from colour to dark, and nothing between"


def test_numbers_of_channels_stay_at_the_edges(shown):
    for zoom in (1, 8):
        shown.evaluate(f"atlasMap.view.zoom({zoom})")
        ready(shown)
        texts = shown.evaluate(
            "(() => { const found = []; const { view } = atlasMap; const pen = view.pen; const"
            " own = pen.fillText; pen.fillText = (...all) => found.push(all); view.paint();"
            " pen.fillText = own; view.paint(); return found; })()"
        )
        width, height, scale = shown.evaluate(
            "[atlasMap.view.width, atlasMap.view.height, atlasMap.view.scale]"
        )
        left, top = shown.evaluate("atlasMap.view.place(0, 0)")
        columns = [one for one in texts if np.isclose(one[2], max(28, top) - 14)]
        numbers = [one for one in texts if one not in columns]
        seen = [one for one in columns if one[1] < width]
        assert len(seen) >= 3 and len([one for one in numbers if one[2] < height]) >= 3
        for text, x, _ in columns:
            assert x == pytest.approx(left + (int(text) - 3 + 0.5) * scale)
        for text, x, y in numbers:
            assert y == pytest.approx(top + (int(text) - 5 + 0.5) * scale)
            assert x == pytest.approx(max(44, left) - 8)


@pytest.mark.parametrize("how", ["click", "tap", "Enter", "address"])
def test_an_entry_opens_with_its_cell_its_figures_and_its_command(shown, how):
    i, j = 12, 30
    if how == "click":
        click(shown, *spot(shown, i, j))
    elif how == "tap":
        tap(shown, *spot(shown, i, j))
    elif how == "Enter":
        shown.evaluate(
            "document.querySelector('.zoom').focus(); atlasMap.mark(atlasMap.cell(12, 30))"
        )
        press(shown, "Enter")
    else:
        shown.evaluate("location.hash = 'conv2_1/12,30'")
    ready(shown)
    check_panel(shown, i, j)
    assert shown.evaluate("location.hash") == "#conv2_1/12,30"
    pixels = drawn(shown, "#entry-panel canvas").astype(int)
    side = len(pixels)
    np.testing.assert_allclose(pixels[side // 4, side // 4], colour(i, j), atol=1)
    np.testing.assert_allclose(pixels[3 * side // 4, side // 4], 10, atol=1)
    hidden = shown.evaluate(
        "(() => { const panel = document.querySelector('#entry-panel').getBoundingClientRect();"
        f" const [x, y] = {spot(shown, i, j)}; return x > panel.left && x < panel.right && y >"
        " panel.top && y < panel.bottom; })()"
    )
    assert how == "address" or not hidden, "the panel hides what it is about"
    press(shown, "Escape")
    assert panel(shown) is None and shown.evaluate("location.hash") == ""
    assert shown.complaints() == []


def test_addresses_open_the_page_at_their_entry_or_its_mirror_image(chrome, address):
    for name, entry in [("20,90", (20, 90)), ("90,20", (20, 90)), ("30,7", (30, 7))]:
        with chrome.open(f"{address}#conv2_1/{name}") as shown:
            ready(shown)
            check_panel(shown, *entry)
            x, y = spot(shown, *entry)
            assert 0 < x < 1280 and 0 < y < 900
    with chrome.open(address) as shown:
        for name in (
            "conv2_1/4,2",
            "conv2_1/1",
            "conv2_1/5,6,7",
            "conv3_1/5,6",
            "%",
            "conv2_1/-5,6",
        ):
            shown.evaluate(f"location.hash = '{name}'")
            ready(shown)
            assert panel(shown) is None, name
        shown.evaluate("location.hash = 'conv2_1/6,5'")
        ready(shown)
        assert panel(shown)["figures"][-1] == number(12345.6), "of the full probe"
        assert shown.complaints() == []


def test_entries_without_figures_say_why(shown):
    for (i, j), words in [(UNREACHED, "never fired together"), (MISSING, "not done yet")]:
        shown.evaluate(f"location.hash = 'conv2_1/{i},{j}'")
        ready(shown)
        opened = panel(shown)
        assert opened["figures"] == [] and words in opened["notes"][0]


def test_keys_step_from_entry_to_entry_and_stop_at_the_edge(shown):
    shown.evaluate("location.hash = 'conv2_1/6,4'")
    ready(shown)
    shown.evaluate("document.querySelector('.zoom').focus()")
    for key, entry in [
        ("ArrowRight", (6, 5)), ("ArrowDown", (7, 5)), ("ArrowLeft", (7, 4)), ("ArrowLeft", (7, 3)),
        ("ArrowLeft", (7, 3)), ("ArrowUp", (6, 3)),
    ]:  # fmt: skip
        press(shown, key, shift=True)
        check_panel(shown, *entry)
    shown.evaluate("document.querySelector('#entry-panel [title=\"Channel below\"]').click()")
    check_panel(shown, 7, 3)


def test_dragging_and_two_fingers_move_and_zoom_and_open_nothing(shown):
    shown.evaluate("atlasMap.view.zoom(5)")
    ready(shown)
    before = spot(shown, 20, 40)
    middle = spot(shown, 21, 46)
    drag(shown, *middle, -40, 25)
    moved = np.subtract(spot(shown, 20, 40), before)
    np.testing.assert_allclose(moved, [-40, 25], atol=1)
    shown.evaluate("atlasMap.view.reset()")
    x, y = spot(shown, 20, 40)
    pinch(shown, x, y, 30, 60)
    ready(shown)
    assert shown.evaluate("atlasMap.view.scale / atlasMap.view.whole") == pytest.approx(2, rel=0.02)
    np.testing.assert_allclose(spot(shown, 20, 40), (x, y), atol=2)
    assert panel(shown) is None


def test_without_its_sheets_and_without_the_script_the_overview_is_there(chrome, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(viewer(SETTINGS, rows(), sheets(), [ABOUT]), encoding="utf-8")
    with chrome.open(f"{path.as_uri()}#conv2_1/12,30") as alone:
        settled(alone)
        pixels = drawn(alone, "#entry-panel canvas").astype(int)
        np.testing.assert_allclose(pixels[60, 60], colour(12, 30), atol=20)
    with chrome.open(path.as_uri(), script=False) as plain:
        plain.call("Emulation.setScriptExecutionDisabled", value=False)
        assert (
            plain.evaluate("document.querySelector('.overview').getBoundingClientRect().width") > 99
        )
