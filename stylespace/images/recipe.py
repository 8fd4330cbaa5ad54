"""The recipe that a picture carries: JSON text in its metadata."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from PIL import Image

from stylespace.errors import OutputError, PictureError
from stylespace.files import parsed_json
from stylespace.images.source import header, is_tiff, opened_picture
from stylespace.images.tiff import tiff_description

KEYWORD = "stylespace"
"""The keyword of the PNG text chunk; other formats use the ImageDescription."""

DESCRIPTION = 270
"""The EXIF tag ImageDescription."""

ARTIST = 315
"""The EXIF tag Artist."""

MAX_RECIPE = 1 << 20
"""Characters of the longest recipe, written or read: Pillow's own bound for a PNG text."""


def read_recipe(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return the recipe that a picture carries, or None where it has none.

    In a format other than PNG a description counts as a recipe if it begins with a brace: a
    caption is none. The content is whatever the file holds; check it before acting on it.

    Raises:
        PictureError: the file cannot be read, or its recipe is damaged or too long.
    """
    with opened_picture(path) as file:
        text = _braced(tiff_description(file)) if is_tiff(file) else _text(header(file))
        return None if text is None else _parsed(text)


def read_caption(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the title and the artist that a picture names in its EXIF tags, each on one line.

    Empty where it names none, or where the description is a recipe; TIFF is not asked.

    Raises:
        PictureError: the file cannot be read.
    """
    with opened_picture(path) as file:
        if is_tiff(file):
            return "", ""
        tags = header(file).getexif()
        title, artist = (" ".join(str(tags.get(one, "")).split()) for one in (DESCRIPTION, ARTIST))
    return ("" if title.startswith("{") else title), artist


def recipe_text(recipe: Mapping[str, Any]) -> str:
    r"""Return a recipe as ASCII: JSON with sorted keys, other letters escaped as \uXXXX.

    Raises:
        OutputError: it is longer than `MAX_RECIPE`.
        TypeError: it holds something that JSON cannot.
    """
    text = json.dumps(recipe, sort_keys=True)
    if len(text) > MAX_RECIPE:
        raise OutputError(
            f"a recipe of {len(text):,} characters; at most {MAX_RECIPE:,} fit; shorten it."
        )
    return text


def _text(picture: Image.Image) -> str | None:
    """Return the text of a PNG's chunk, or the description of another format."""
    if picture.format != "PNG":
        return _braced(picture.getexif().get(DESCRIPTION))
    if KEYWORD not in picture.info:
        picture.load()  # other programs move the text behind the pixels
    return picture.info.get(KEYWORD)


def _braced(description: object) -> str | None:
    """Return a description that looks like JSON; a caption is no recipe."""
    if isinstance(description, str) and description.lstrip().startswith("{"):
        return description
    return None


def _parsed(text: str) -> dict[str, Any]:
    if len(text) > MAX_RECIPE:
        raise PictureError(f"its recipe has {len(text):,} characters, over {MAX_RECIPE:,}.")
    with suppress(ValueError):
        recipe = parsed_json(text)
        if isinstance(recipe, dict):
            return recipe
    raise PictureError("its recipe is damaged; write the settings out again by hand.")
