"""The map of a collection: what the page carries, and what a browser makes of it."""

import base64
import io
import json
import re
from urllib.parse import quote

import numpy as np
import pytest
from gestures import click, drag, pinch, press, tap, wheel
from gestures import settled as patient
from PIL import Image

from stylespace.figures.formatting import number
from stylespace.reports.page import page
from stylespace.reports.picture_map import NEIGHBOURS, Thumbnail, picture_map_data

HOSTILE = '</script><img src=x onerror=alert(1)> & 50% "a"/b\'.png'


def picture(k, side=32):
    """A plain picture whose colour tells its number, wide or high by turns."""
    shape = (side, side // 2) if k % 2 else (side // 2, side)
    colour = [k % 256, 40 + k // 256, (7 * k) % 256]
    return np.broadcast_to(np.array(colour, np.uint8), (*shape, 3))


def data_uri(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def case(count, shown=None, seed=0):
    """Names, places, distances in five dimensions, of which the map shows two."""
    generator = np.random.default_rng(seed)
    styles = generator.normal(size=(count, 5)) * [2, 1, 0.5, 0.3, 0.2]
    distances = np.linalg.norm(styles[:, None] - styles, axis=2)
    names = [f"folder/picture {k}.jpg" for k in range(count)]
    if count > 4:
        names[3] = HOSTILE
    shown = range(count) if shown is None else shown
    small = [Thumbnail(np.ascontiguousarray(picture(k)), data_uri(picture(k, 64))) for k in shown]
    data = picture_map_data(
        names, styles[:, :2], distances, shown, small, caption="A map.", table="all--neighbours"
    )
    return names, styles[:, :2], distances, data


def page_of(names, distances, data):
    """A page with the map, its static figure, and a table of neighbours."""
    rows = []
    for k, name in enumerate(names[:20]):
        near = sorted(set(range(len(names))) - {k}, key=lambda j: distances[k, j])[:3]
        rows.append([name, *(f"{names[j]} ({number(distances[k, j])})" for j in near)])
    figure = {"src": data_uri(picture(1)), "alt": "", "caption": "", "file": None, "wide": True}
    table = {"caption": "Near", "columns": ["picture", "1", "2", "3"], "rows": rows, "notes": []}
    parts = [
        {"id": "map", "title": "Map", "figures": [figure], "tables": [], "picture_map": data},
        {"id": "neighbours", "title": "Near", "figures": [], "tables": [table]},
    ]
    sections = [{"text": ["Words."] * 8, "heat_maps": [], **part} for part in parts]
    group = {"id": "all", "title": "All", "picture": None, "facts": [], "sections": sections}
    return page(
        {
            "title": "Map", "language": "en", "lead": "", "opening": [], "entries": None,
            "facts": [], "groups": [group],
            "explanations": [], "downloads": [],
        }
    )  # fmt: skip


# What the page carries


def test_points_keep_their_shape_with_y_downwards():
    _, places, _, data = case(40)
    points = np.reshape(data["points"], (-1, 2))
    assert points.min() == 0 and points.max() == 1
    spread = np.ptp(places, axis=0).max()
    between = (places[:, None] - places) * [1, -1] / spread
    np.testing.assert_allclose(points[:, None] - points, between, atol=2e-5)


def test_neighbours_are_the_nearest_of_all_also_of_those_that_are_not_shown():
    names, _, distances, data = case(50, shown=range(0, 50, 5))
    assert data["names"][:10] == names[::5]
    for place, k in enumerate(range(0, 50, 5)):
        expected = sorted(set(range(50)) - {k}, key=lambda j: distances[k, j])[:NEIGHBOURS]
        found = data["neighbours"][place]
        assert [data["names"][j] for j, _ in found] == [names[j] for j in expected]
        np.testing.assert_allclose([d for _, d in found], distances[k, expected], rtol=1e-5)


def test_every_thumbnail_has_its_cell_on_the_sheet():
    *_, data = case(23)
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["sheet"].split(",")[1]))))
    for k in range(23):
        row, column = divmod(k, data["across"])
        width, height = data["sizes"][2 * k : 2 * k + 2]
        assert (height, width) == picture(k).shape[:2]
        top, left = row * data["cell"], column * data["cell"]
        inside = sheet[top + 4 : top + height - 4, left + 4 : left + width - 4].reshape(-1, 3)
        np.testing.assert_allclose(inside.mean(0), picture(k)[0, 0], atol=6)


def test_pictures_at_one_place_have_a_map():
    *_, data = case(3)
    names = data["names"]
    same = picture_map_data(
        names, np.zeros((3, 2)), np.zeros((3, 3)), range(3),
        [Thumbnail(np.ascontiguousarray(picture(k)), "") for k in range(3)],
        caption="", table="t",
    )  # fmt: skip
    assert same["points"] == [0.0] * 6 and same["larger"] == []
    assert [[j for j, _ in row] for row in same["neighbours"]] == [[1, 2], [0, 2], [0, 1]]


def test_a_name_does_not_end_the_data():
    names, _, distances, data = case(12)
    text = page_of(names, distances, data)
    (found,) = re.findall(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert json.loads(found)["names"] == names
    assert "<img src=x" not in text


# What a browser makes of it


@pytest.fixture(scope="module")
def small():
    return case(40)


@pytest.fixture(scope="module")
def address(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "index.html"
    names, _, distances, data = small
    path.write_text(page_of(names, distances, data), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(params=[1440, 390], ids=["wide", "narrow"])
def shown(chrome, address, request):
    with chrome.open(address, width=request.param, height=844) as opened:
        settled(opened)
        opened.evaluate("document.querySelector('.zoom').scrollIntoView({block: 'center'})")
        settled(opened)
        yield opened


def settled(shown):
    patient(shown, "pictureMaps.every((map) => map.half && !map.view.waiting)")


def spot(shown, k):
    """Where a picture lies, in pixels of the window."""
    return shown.evaluate(
        f"(() => {{ const {{ view }} = pictureMaps[0]; const box = view.canvas."
        f"getBoundingClientRect(); const [x, y] = view.place(...pictureMaps[0].point({k}));"
        " return [box.left + x, box.top + y]; })()"
    )


def under(shown, x, y):
    """The point of the map under a pixel of the window."""
    return shown.evaluate(
        "(() => { const { view } = pictureMaps[0]; const box = view.canvas.getBoundingClientRect();"
        f" return view.under({x} - box.left, {y} - box.top); }})()"
    )


def uppermost(shown):
    """A picture amid the map that no other covers at its middle."""
    return shown.evaluate(
        "(() => { const map = pictureMaps[0]; const amid = (v, size) => v > 0.1 * size && v < 0.9"
        " * size; return [...Array(map.count).keys()].findLast((k) => { const [x, y] ="
        " map.point(k); return k !== 3 && amid(x, map.width) && amid(y, map.height) &&"
        " map.hit(...map.view.place(x, y)) === k; }); })()"
    )


def scale(shown):
    return shown.evaluate("pictureMaps[0].view.scale / pictureMaps[0].view.whole")


def panel(shown):
    """Name, neighbours and distances of the open panel; None where it is closed."""
    return shown.evaluate(
        "(() => { const panel = document.querySelector('#picture-panel'); return panel.hidden ?"
        " null : [panel.querySelector('h2').textContent, ...[...panel.querySelectorAll('li')]."
        "map((one) => [one.querySelector('.name').textContent, one.querySelector('.distance')."
        "textContent])]; })()"
    )


def expected_panel(small, k):
    names, _, distances, _ = small
    near = sorted(set(range(len(names))) - {k}, key=lambda j: distances[k, j])[:NEIGHBOURS]
    return [names[k], *([names[j], number(distances[k, j])] for j in near)]


def test_the_map_takes_the_place_of_the_figure_and_asks_for_nothing(shown, address):
    assert shown.complaints() == [] and shown.requests() == [address]
    seen = "(one) => one.getBoundingClientRect().height > 0"
    assert shown.evaluate(f"({seen})(document.querySelector('.picture-map canvas'))")
    assert not shown.evaluate(f"({seen})(document.querySelector('.figures'))")
    drawn = shown.evaluate(
        "(() => { const { canvas, pen } = pictureMaps[0].view; const data = pen.getImageData(0, 0,"
        " canvas.width, canvas.height).data; return data.filter((v, k) => k % 4 === 3 && v).length"
        " / canvas.width / canvas.height; })()"
    )
    assert 0.02 < drawn < 0.9


def test_without_the_script_the_figure_is_there(chrome, address):
    with chrome.open(address, script=False) as plain:
        code = "document.querySelector('{}').getBoundingClientRect().height > 0"
        plain.call("Emulation.setScriptExecutionDisabled", value=False)
        assert plain.evaluate(code.format(".figures img"))
        assert not plain.evaluate(code.format(".picture-map"))


def test_the_wheel_zooms_and_keeps_the_point_under_the_pointer(shown):
    x, y = map(round, spot(shown, uppermost(shown)))
    shown.point(x, y)
    assert scale(shown) == 1
    before = under(shown, x, y)
    for turn in (-100, -240, -60, 120):
        wheel(shown, x, y, turn)
        settled(shown)
        np.testing.assert_allclose(under(shown, x, y), before, atol=1e-6)
    assert scale(shown) == pytest.approx(np.exp(0.002 * 280), rel=1e-6)
    wheel(shown, x, y, 5000)
    wheel(shown, x, y, 5000)
    settled(shown)
    assert scale(shown) == 1


def test_a_wheel_that_asks_for_more_than_all_scrolls_the_page(shown):
    x, y = spot(shown, 0)
    top = shown.evaluate("scrollY")
    wheel(shown, x, y, 120)
    settled(shown)
    assert scale(shown) == 1 and shown.evaluate("scrollY") > top


def test_dragging_moves_by_as_much_and_opens_nothing(shown):
    x, y = spot(shown, uppermost(shown))
    shown.evaluate("pictureMaps[0].view.zoom(4)")
    settled(shown)
    before = spot(shown, 5)
    drag(shown, x, y, 24, -18)
    moved = np.subtract(spot(shown, 5), before)
    assert np.hypot(*(moved - [24, -18])) < 5  # the first pixels may still be a click
    assert panel(shown) is None


def test_two_fingers_zoom_about_their_middle(shown):
    k = uppermost(shown)
    x, y = spot(shown, k)
    pinch(shown, x, y, 20, 40)
    settled(shown)
    assert scale(shown) == pytest.approx(2, rel=0.02)
    np.testing.assert_allclose(spot(shown, k), (x, y), atol=2)
    assert panel(shown) is None


def test_keys_and_buttons_zoom_and_move(shown):
    shown.evaluate("document.querySelector('.zoom').focus()")
    press(shown, "+")
    press(shown, "+")
    assert scale(shown) == pytest.approx(1.6**2)
    before = spot(shown, 0)
    press(shown, "ArrowRight")
    press(shown, "ArrowUp")
    assert spot(shown, 0)[0] < before[0] and spot(shown, 0)[1] > before[1]
    press(shown, "-")
    assert scale(shown) == pytest.approx(1.6)
    press(shown, "0")
    assert scale(shown) == 1
    shown.evaluate("document.querySelector('.zoom-buttons button').click()")
    assert scale(shown) == pytest.approx(1.6)


@pytest.mark.parametrize("how", ["click", "tap", "Enter", "address"])
def test_a_picture_opens_with_its_nearest_neighbours(shown, small, how):
    k = uppermost(shown)
    x, y = spot(shown, k)
    if how == "click":
        click(shown, x, y)
    elif how == "tap":
        tap(shown, x, y)
    elif how == "Enter":
        shown.evaluate(f"document.querySelector('.zoom').focus(); pictureMaps[0].mark({k})")
        press(shown, "Enter")
    else:
        shown.evaluate(f"location.hash = 'picture/{quote(small[0][k], safe='')}'")
    settled(shown)
    assert panel(shown) == expected_panel(small, k)
    hidden = shown.evaluate(
        "(() => { const panel = document.querySelector('#picture-panel').getBoundingClientRect();"
        f" const [x, y] = {spot(shown, k)}; return x > panel.left && x < panel.right && y >"
        " panel.top && y < panel.bottom; })()"
    )
    assert how == "address" or not hidden, "the panel hides what it is about"
    press(shown, "Escape")
    assert panel(shown) is None and shown.evaluate("location.hash") == ""


def test_an_address_opens_a_page_at_a_picture_whatever_it_is_called(chrome, address, small):
    with chrome.open(f"{address}#picture/{quote(HOSTILE, safe='')}") as shown:
        settled(shown)
        assert panel(shown) == expected_panel(small, 3)
        assert shown.complaints() == []
        shown.evaluate("document.querySelector('#picture-panel li a').click()")
        settled(shown)
        nearest = small[2][3].argsort()[1]
        assert panel(shown) == expected_panel(small, nearest)
        shown.evaluate("history.back()")
        settled(shown)
        assert panel(shown)[0] == HOSTILE
        for nothing in ("picture/none", "picture/%", "all--map"):
            shown.evaluate(f"location.hash = '{nothing}'")
            settled(shown)
            assert panel(shown) is None
        assert shown.complaints() == []


def test_shift_and_an_arrow_step_to_the_next_picture_that_way(shown, small):
    places = small[1]
    start = int(np.abs(places).sum(1).argmin())
    shown.evaluate(f"document.querySelector('.zoom').focus(); pictureMaps[0].mark({start})")
    press(shown, "Enter")
    press(shown, "ArrowRight", shift=True)
    settled(shown)
    way = places - places[start]
    right = [k for k, (x, y) in enumerate(way) if x > 0 and abs(y) <= x]
    expected = min(right, key=lambda k: np.hypot(*way[k]))
    assert panel(shown)[0] == small[0][expected]


def test_the_table_shows_the_pictures_it_names(shown, small):
    names, _, distances, _ = small
    found = shown.evaluate(
        "[...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) =>"
        " [cell.textContent, [...cell.querySelector('canvas').getContext('2d')."
        "getImageData(4, 4, 1, 1).data], decodeURIComponent(cell.querySelector('a').hash)]))"
    )
    assert len(found) == 20
    for k, row in enumerate(found):
        near = [k, *sorted(set(range(len(names))) - {k}, key=lambda j: distances[k, j])[:3]]
        for j, (text, colour, link) in zip(near, row, strict=True):
            assert text.startswith(names[j]) and link == f"#picture/{names[j]}"
            np.testing.assert_allclose(colour[:3], picture(j)[0, 0], atol=8)


def test_a_thousand_pictures_are_drawn_quickly(chrome, tmp_path):
    """The time of a frame grows as the pictures do, not as pairs do; zoomed in, few are drawn."""
    names, _, distances, data = case(1000)
    path = tmp_path / "index.html"
    path.write_text(page_of(names, distances, data), encoding="utf-8")
    with chrome.open(path.as_uri(), width=1440) as shown:
        settled(shown)
        few, many = shown.evaluate(
            "(() => { const [map] = pictureMaps; const { view } = map; const frames = (count, n) =>"
            " { map.count = count; const start = performance.now(); for (let k = 0; k < n; k += 1)"
            " { view.paint(); view.pen.getImageData(0, 0, 1, 1); } return performance.now() -"
            " start; }; const sums = [0, 0]; for (let k = 0; k < 8; k += 1) { sums[0] +="
            " frames(10, 50) / 50; sums[1] += frames(1000, 1); } return sums; })()"
        )
        assert many < 1000 * few  # pairs would take 10,000 times as long
        drawn = (
            "(() => {{ const {{ view }} = pictureMaps[0]; view.reset(); view.zoom({}); let n = 0;"
            " view.pen.drawImage = () => {{ n += 1; }}; view.paint(); delete view.pen.drawImage;"
            " return n; }})()"
        )
        assert shown.evaluate(drawn.format(1)) == 1000
        assert shown.evaluate(drawn.format(8)) < 200
