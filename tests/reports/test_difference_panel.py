"""Maps of differences that open the panel of an entry, in a browser: values against numpy."""

import json
import re

import numpy as np
import pytest
import torch
from page_content import CHANNELS, FIELDS, HOSTILE, cell_colour, content, data_uri, means
from report_files import painted, undrawn

import stylespace as ss
from stylespace.figures.formatting import number
from stylespace.reports.entries import packed_places
from stylespace.reports.explaining.answering import contrast_data
from stylespace.reports.explaining.contrasts import Subject, contrast
from stylespace.reports.page import page
from stylespace.styles.statistics.differences import root_shares

NAMES = ("hokusai", HOSTILE)
PANEL = "document.getElementById('entry-panel')"
FACTS = (
    f"Object.fromEntries([...{PANEL}.querySelectorAll('.entry-numbers div')]"
    ".map((one) => [one.firstChild.textContent, one.lastChild.textContent]))"
)
TITLE = "document.getElementById('entry-panel--title').textContent"
BOX = [20.0, 10.0, 50.0, 80.0]


def grams(layer, group):
    """The Gram matrices (3, C, C) of a group of three pictures; one channel never fires."""
    generator = np.random.default_rng(CHANNELS[layer] + group)
    features = generator.exponential(size=(3, CHANNELS[layer], 9)) ** 2
    features[:, CHANNELS[layer] // 2] = 0
    return features @ features.transpose(0, 2, 1) / 9


def shares(layer):
    """Mean shares (2, C, C) of both groups, by numpy."""
    both = [grams(layer, group) for group in range(2)]
    return np.stack([(one / one.sum((1, 2), keepdims=True)).mean(0) for one in both])


def compared():
    """The two groups compared: three pictures each, of two layers."""
    subjects = [Subject(f"{g}-{k}", "", g == 0, lambda: None) for g in range(2) for k in range(3)]
    rows = [
        np.concatenate([root_shares(grams(layer, g)[k]) for layer in CHANNELS]).astype(np.float32)
        for g in range(2)
        for k in range(3)
    ]
    return contrast(NAMES, subjects, rows, CHANNELS)


def seen(place):
    """What a page carries of a picture of a group, (48, 64) in pixels."""
    return {
        "key": f"picture-{place}",
        "name": NAMES[place],
        "src": data_uri(64, 48, ("red", "blue")[place]),
        "side": 64,
        "places": packed_places({one: torch.from_numpy(means(one, place)) for one in CHANNELS}),
    }


@pytest.fixture(scope="module")
def found():
    return compared()


@pytest.fixture(scope="module")
def data(found):
    return contrast_data(found, [[seen(0)], [seen(1)]])


@pytest.fixture(scope="module", params=["alone", "beside pictures"])
def address(request, data, tmp_path_factory):
    """A page with maps of differences alone, or beside heat maps of pictures of its own."""
    shown = content()
    entries, sections = shown["entries"], shown["groups"][0]["sections"]
    entries["contrast"] = data
    sections[1]["figures"][0]["boards"] = [
        {"layer": "conv3_1", "picture": data["key"], "ends": [-1.5, 1.5], "box": BOX}
    ]
    if request.param == "alone":
        entries |= {"pictures": [], "orders": data["orders"]}
        sections[0]["heat_maps"] = []
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page(shown), encoding="utf-8")
    return path.as_uri(), "" if request.param == "alone" else f"/{data['key']}"


def hundredths(found, layer):
    """Sizes of effects (C, C) as the page carries them."""
    return np.abs(np.rint(100 * found.matrix(found.found.effects, layer)))


def check_facts(shown, found, layer, i, j):
    """Hold what the panel says against numpy."""
    one, two = (float(np.float32(share[i, j])) for share in shares(layer))
    facts = shown.evaluate(FACTS)
    assert shown.evaluate(TITLE) == f"{layer} ({i}, {j})"
    assert facts[f"Mean share in {NAMES[0]}"] == number(one)
    assert facts[f"Mean share in {NAMES[1]}"] == number(two)
    more = "" if one == two else f" more in {NAMES[0 if one > two else 1]}"
    assert facts["Difference"] == number(abs(one - two)) + more
    effect = found.matrix(found.found.effects, layer)[i, j]
    size, rest = re.fullmatch(r"([\d.]+) deviations(.*)", facts["Effect"], re.DOTALL).groups()
    assert float(size) == pytest.approx(abs(effect), abs=5.01e-3)
    assert rest.startswith(more if float(size) else "")
    limit = found.found.threshold
    assert rest.endswith("" if limit is None else f"; threshold {limit:.2f}")
    sizes = hundredths(found, layer)
    among = sizes.diagonal() if i == j else sizes[np.triu_indices(len(sizes), 1)]
    rank, kind = 1 + int((among > sizes[i, j]).sum()), "energies" if i == j else "pairs"
    assert facts["Rank by effect"] == f"{rank:,} of {len(among):,} {kind} of {layer}"
    if i != j:
        cosines = [
            share[i, j] / np.sqrt(share[i, i] * share[j, j]) if share[i, j] else 0
            for share in shares(layer)
        ]
        told = [float(one) for one in facts["Cosines of the shares"].split(" and ")]
        assert told == pytest.approx(cosines, abs=6e-4)


@pytest.mark.parametrize("entry", [(3, 8), (96, 0), (5, 5), (48, 7)])
def test_every_entry_has_an_address_and_the_values_of_numpy(chrome, found, address, entry):
    page_, key = address
    i, j = entry
    with chrome.open(f"{page_}#conv3_1/{i},{j}{key}") as shown:
        check_facts(shown, found, "conv3_1", i, j)
        assert shown.evaluate("location.hash") == f"#conv3_1/{i},{j}{key}"
        command = shown.evaluate(f"{PANEL}.querySelector('code').textContent")
        assert command == f"stylespace probe --layer conv3_1 --entry {i},{j}"
        assert shown.complaints() == []


@pytest.mark.parametrize("width", [390, 1440])
def test_a_click_and_enter_open_the_entry_that_the_map_shows(chrome, found, address, width):
    page_, key = address
    order = found.orders["conv3_1"]
    with chrome.open(page_, width=width) as shown:
        board = "document.querySelector('.drawing .board')"
        x, y, across, down = shown.evaluate(
            f"(() => {{ {board}.scrollIntoView({{block: 'center'}});"
            f" const b = {board}.getBoundingClientRect();"
            " return [b.x, b.y, b.width, b.height]; })()"
        )
        x, y = x + across * 9.5 / len(order), y + down * 4.5 / len(order)
        for kind in ("mousePressed", "mouseReleased"):
            shown.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        check_facts(shown, found, "conv3_1", order[4], order[9])
        shown.press("Escape")
        assert shown.evaluate(f"{PANEL}.hidden && document.activeElement === {board}")
        shown.press("ArrowDown")
        told = shown.evaluate("document.querySelector('.figures .readout').textContent")
        one, two = shares("conv3_1")[:, order[5], order[9]].astype(np.float32).astype(float)
        size = ("-" if one < two else "") + number(abs(one - two))
        assert told.startswith(f"conv3_1  ({order[5]}, {order[9]})  difference {size}  effect ")
        shown.press("Enter")
        check_facts(shown, found, "conv3_1", order[5], order[9])
        assert shown.complaints() == []


def test_keys_step_in_the_order_of_the_map_and_of_the_effects(chrome, found, address):
    page_, key = address
    order = found.orders["conv1_1"]
    rows, columns = np.triu_indices(len(order), 1)
    ranked = np.argsort(-hundredths(found, "conv1_1")[rows, columns], kind="stable")
    with chrome.open(f"{page_}#conv1_1/{order[2]},{order[2]}{key}") as shown:
        shown.press("ArrowRight")
        check_facts(shown, found, "conv1_1", order[2], order[3])
        shown.press("ArrowUp")
        check_facts(shown, found, "conv1_1", order[1], order[3])
        shown.evaluate("location.hash = " + repr(f"#conv1_1/0,0{key}"))
        shown.evaluate("new Promise((done) => setTimeout(done, 50))")
        for k in ranked[:4]:
            shown.press("PageDown")
            check_facts(shown, found, "conv1_1", rows[k], columns[k])


def test_both_groups_show_their_places_and_patches_and_each_channel(chrome, address):
    page_, key = address
    with chrome.open(f"{page_}#conv3_1/12,40{key}") as shown:
        shown.evaluate("new Promise((done) => setTimeout(done, 400))")
        scene, patches, alone = shown.evaluate(
            f"[...{PANEL}.querySelectorAll('figure')].map((figure) => figure.hidden ? null :"
            " [...figure.querySelectorAll('.cell')].map((cell) => [cell.textContent,"
            " [...cell.querySelectorAll('canvas')].map((one) => [one.width, one.height])]))"
        )
        assert scene == [[name, [[64, 48]]] for name in NAMES], "a name with markup stays text"
        assert [name for name, _ in patches] == list(NAMES)
        for _, sizes in patches:
            assert 1 <= len(sizes) <= 4 and set(map(tuple, sizes)) == {(144, 144)}
        assert [name for name, _ in alone] == ["channel 12", "channel 40"]
        places = shown.evaluate(
            "(() => { const known = new Entries(JSON.parse(document.getElementById("
            f"'page--entries').textContent)); const found = known.of('{key[1:]}' ||"
            " known.contrast.key, 'conv3_1'); return found.scenes(12, 40).map(({map}) =>"
            " [map.height, map.width, ...map.values]); })()"
        )
        for place, (height, width, *rest) in enumerate(places):
            assert (height, width) == FIELDS
            product = means("conv3_1", place)[12] * means("conv3_1", place)[40]
            assert np.corrcoef(rest, product.ravel())[0, 1] > 0.999
        colours = shown.evaluate(
            f"[...{PANEL}.querySelectorAll('figure:last-of-type .cell canvas')].map((one) =>"
            " [...one.getContext('2d').getImageData(8, 8, 1, 1).data.slice(0, 3)])"
        )
        expected = [cell_colour("conv3_1", 12), cell_colour("conv3_1", 40)]
        np.testing.assert_allclose(colours, expected, atol=2)
        assert shown.complaints() == []


def test_explanations_and_contrasts_of_reports_answer_for_their_pictures(chrome, tmp_path):
    files = [str(tmp_path / f"p{k}.png") for k in range(4)]
    for k, path in enumerate(files):
        painted(path, k, 40, 30)
    small = {"size": 24, "layers": "conv1_1", "weights": "random:0"}
    with undrawn():
        ss.explain(files[:2], files[2:], out=tmp_path / "e", probes=0, edits=0, **small)
        ss.report(files[:2], out=tmp_path / "r", stability=False, contrast=("p0", "p1"), **small)
    network = ss.load_network(weights="random:0")
    with torch.no_grad():
        images = [ss.images.resize(ss.read_image(path), 24) for path in files]
        grams_ = [ss.gram(network(one, ["conv1_1"])["conv1_1"])[0].double() for one in images]
    each = [float((gram / gram.sum())[3, 5]) for gram in grams_]
    told = {
        "e": ("", [np.mean(each[:2]), np.mean(each[2:])], "Mean share", "the first group: p0"),
        "r": ("/p0--p1", each[:2], "Share", "p0"),
    }
    for folder, (key, expected, term, first) in told.items():
        with chrome.open(
            f"{(tmp_path / folder / 'index.html').as_uri()}#conv1_1/3,5{key}"
        ) as shown:
            shown.evaluate("new Promise((done) => setTimeout(done, 400))")
            facts = shown.evaluate(FACTS)
            found = [value for name, value in facts.items() if name.startswith(f"{term} in ")]
            assert found == [number(one) for one in expected]
            cells = shown.evaluate(
                f"[...{PANEL}.querySelector('figure').querySelectorAll('.cell')]"
                ".map((one) => one.textContent)"
            )
            assert len(cells) == 2 and cells[0] == first
            maps = "document.querySelectorAll('.map[data-picture*=\"--\"] .board').length"
            assert shown.evaluate(maps) == 1
            assert shown.complaints() == []


def test_the_numbers_of_all_default_layers_leave_room_for_figures_below_ten_megabytes():
    channels = {f"conv{k}_1": count for k, count in enumerate((64, 128, 256, 512, 512), 1)}
    generator = np.random.default_rng(0)
    size = sum(count * (count + 1) // 2 for count in channels.values())
    subjects = [Subject(name, "", name == "a", lambda: None) for name in "ab"]
    rows = generator.exponential(size=(2, size)).astype(np.float32) / 1000
    made = contrast_data(contrast(("a", "b"), subjects, rows, channels), [[], []])
    assert 4_000_000 < len(json.dumps(made)) < 4_200_000
