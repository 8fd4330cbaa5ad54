"""The content of a page with everything: two pictures, one of a name that attacks."""

import base64
import io
from dataclasses import asdict

import numpy as np
import torch
from grams import gram_of
from PIL import Image

from stylespace.reports.entries import packed_means, packed_values
from stylespace.reports.explanations import EXPLANATIONS
from stylespace.reports.heat_maps import heat_map_data, palette

HOSTILE = "<img src=x onerror=\"alert('1')\"> & \"two\" 'quotes' </script></style>{{ 7 * 7 }}"
CHANNELS = {"conv1_1": 24, "conv3_1": 97}


def data_uri(width, height, colour=(200, 90, 30), kind="png"):
    stream = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, kind)
    return f"data:image/{kind};base64," + base64.b64encode(stream.getvalue()).decode()


LIGHT_DOTS, DARK_DOTS = data_uri(300, 200), data_uri(300, 200, colour="navy", kind="webp")


def orders():
    return {
        layer: np.random.default_rng(count).permutation(count).tolist()
        for layer, count in CHANNELS.items()
    }


def grams():
    return {layer: gram_of(count, seed=count) for layer, count in CHANNELS.items()}


FIELDS = (5, 7)
"""Rows and columns of fields by which the page knows where channels fire."""


def means(layer, picture=0):
    """Means of activations (C, 5, 7); the first channel never fires."""
    generator = np.random.default_rng(CHANNELS[layer] + picture)
    found = generator.exponential(size=(CHANNELS[layer], *FIELDS))
    return np.where(np.arange(CHANNELS[layer])[:, None, None] == 0, 0.0, found)


def cell_colour(layer, channel):
    """The colour of a channel's cell in the sheet of the page."""
    return (channel, 2 * channel, 60 if layer == "conv1_1" else 200)


def sheet():
    """A sheet of cells of 8 pixels, 11 a row, each of its own colour."""
    colours = [cell_colour(layer, k) for layer, count in CHANNELS.items() for k in range(count)]
    rows = -(-len(colours) // 11)
    cells = np.zeros((rows * 11, 3), np.uint8)
    cells[: len(colours)] = colours
    pixels = cells.reshape(rows, 11, 3).repeat(8, 0).repeat(8, 1)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    source = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
    first = {"conv1_1": 0, "conv3_1": CHANNELS["conv1_1"]}
    return {"src": source, "cell": 8, "columns": 11, "first": first}


def entries():
    """What the page knows of two pictures; the second is twice as strong."""
    pictures = [
        {
            "key": key,
            "name": name,
            "values": {
                layer: packed_values(torch.from_numpy((1 + place) * gram))
                for layer, gram in grams().items()
            },
            "places": {
                layer: {"shape": FIELDS, "codes": packed_means(torch.from_numpy(means(layer)))}
                for layer in CHANNELS
            },
        }
        for place, (key, name) in enumerate((("auvers", "Houses at Auvers"), ("attack", HOSTILE)))
    ]
    return {
        "options": "",
        "palette": base64.b64encode(palette()).decode(),
        "orders": orders(),
        "fields": {layer: 9 for layer in CHANNELS},
        "pictures": pictures,
        "channels": sheet(),
    }


def section(name, title, **parts):
    empty = {"text": [], "figures": [], "tables": [], "heat_maps": []}
    return {"id": name, "title": title, **empty, **parts}


def group(name, title, maps=()):
    figures = [
        {
            "src": data_uri(900, 400), "alt": f"Curves of {title}", "caption": f"Of {title}.",
            "file": "figures/curves & more #1.svg", "wide": True,
        },
        {
            "src": LIGHT_DOTS, "dark": DARK_DOTS, "alt": "Dots", "caption": "Dots.", "file": None,
            "wide": False,
        },
    ]  # fmt: skip
    table = {
        "caption": f"Numbers of {title}",
        "columns": ["Layer", "Hoyer", "Verdict"],
        "rows": [["conv1_1", "0.5", "log-normal fits"], ["conv3_1", "12 %", "-"]],
        "notes": ["In squared units of activation."],
    }
    return {
        "id": name,
        "title": title,
        "picture": {
            "src": data_uri(64, 48, kind="jpeg"),
            "side": 64,
            "alt": title,
            "caption": title,
        },
        "facts": [["Kind", "painting"], ["File", title]],
        "sections": [
            section("matrices", "Gram matrices", text=["One layer each."], heat_maps=list(maps)),
            section("numbers", "Numbers", figures=figures, tables=[table]),
        ],
    }


def content():
    """Two pictures, one of a name that attacks, on a page with everything."""
    maps = [
        heat_map_data(layer, "auvers", gram, orders()[layer], alt=f"Heat map of {layer}")
        for layer, gram in grams().items()
    ]
    maps[0]["file"] = "figures/gram.svg"
    return {
        "title": f"Styles of {HOSTILE}",
        "language": "en",
        "lead": f"Two pictures, {HOSTILE}.",
        "opening": [
            {
                "src": data_uri(32, 24, kind="jpeg"),
                "alt": title,
                "caption": title,
                "about": HOSTILE,
                "picture": key,
            }
            for key, title in (("auvers", "Houses at Auvers"), ("attack", HOSTILE))
        ],
        "facts": [["Network", "vgg16-hed"]],
        "groups": [group("auvers", "Houses at Auvers", maps), group("attack", HOSTILE)],
        "entries": entries(),
        "explanations": [asdict(one) for one in EXPLANATIONS],
        "downloads": [{"label": "all numbers", "path": "results.json"}],
    }
