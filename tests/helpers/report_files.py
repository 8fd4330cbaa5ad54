"""What the tests of reports share: small pictures, reports without drawing, their files read."""

import csv
import io
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from command_line import strict_json
from PIL import Image

LAYERS = ("conv1_1", "conv1_2", "conv2_1")
SPACE = {"weights": "random:0", "device": "cpu"}


def painted(path, seed=0, width=40, height=30):
    """Write a picture of waves and grain, different for every seed; return its path as text."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    slope, pace = generator.uniform(-1, 1, (3, 2)), generator.uniform(0.2, 1.2, 3)
    waves = [np.sin(p * (a * rows + b * columns)) for p, (a, b) in zip(pace, slope, strict=True)]
    grain = generator.normal(0, 0.25, (height, width, 3))
    pixels = np.clip(0.5 + 0.3 * np.stack(waves, axis=-1) + 0.5 * grain, 0, 1)
    Image.fromarray((255 * pixels).astype(np.uint8)).save(path)
    return str(path)


def pixels_of(path):
    """Read a picture as (1, 3, H, W) in [0, 1] with Pillow and numpy."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255


def dot(kind):
    """Return a picture of one pixel: a PNG or a JPEG."""
    stream = io.BytesIO()
    Image.new("RGB", (1, 1), (90, 90, 90)).save(stream, kind)
    return stream.getvalue()


@contextmanager
def undrawn():
    """Let figures be made but not rendered, which is most of a small report's time."""
    files = dot("PNG"), b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylespace.figures.drawing.rendered", lambda figure: files)
        patch.setattr("stylespace.figures.drawing.webp", lambda figure: dot("WEBP"), raising=False)
        yield


def results(folder):
    """Return results.json, which must be strict JSON."""
    return strict_json(Path(folder, "results.json").read_text(encoding="utf-8"))


def tables(folder):
    """Return the tables of results.json: {name: rows}."""
    return {name: rows for name, rows in results(folder).items() if name != "about"}


def csv_rows(path):
    """Return the rows of a CSV file as dictionaries of texts."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def gram_of(folder, key, layer):
    """Return a Gram matrix (C, C) from its CSV file."""
    rows = np.genfromtxt(Path(folder, "tables", "grams", f"{key}-{layer}.csv"), delimiter=",")
    assert np.array_equal(rows[0, 1:], np.arange(len(rows) - 1))
    assert np.array_equal(rows[1:, 0], np.arange(len(rows) - 1))
    return rows[1:, 1:]


def names(folder):
    """Return the paths of all files in a folder, relative to it."""
    return {
        path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()
    }


def contents(folder):
    """Return {relative path: bytes} of all files in a folder."""
    return {name: Path(folder, name).read_bytes() for name in sorted(names(folder))}


class Addresses(HTMLParser):
    """Everything that a page names in its attributes to be loaded or gone to."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        wanted = ("src", "href", "srcset", "action", "data", "poster", "background")
        self.found += [value for name, value in attributes if name in wanted]


class Tables(HTMLParser):
    """The tables of a page: {caption: rows of texts, the head first}."""

    def __init__(self, page):
        super().__init__()
        self.found, self._rows, self._text, self._caption = {}, [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self._rows.append([])
        if tag in ("caption", "td", "th"):
            self._text = ""

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "caption":
            self._caption, self._rows = self._text, []
        if tag in ("td", "th"):
            self._rows[-1].append(self._text)
        if tag == "table":
            self.found[self._caption] = self._rows


def assert_self_contained(folder):
    """Check that the page loads nothing and links to what lies beside it; return its text."""
    page = Path(folder, "index.html").read_text(encoding="utf-8")
    for address in Addresses(page).found:
        assert address.startswith(("data:", "#", "./")), address
        if address.startswith("./"):
            assert Path(folder, unquote(address)).is_file(), address
    assert "@import" not in page and "url(" not in page
    return page
