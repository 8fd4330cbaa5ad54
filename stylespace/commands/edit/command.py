"""The command `edit`: a painting whose style has one entry changed."""

from collections.abc import Callable
from typing import Any

from stylespace.commands.command import Command, Output, Result, short_name
from stylespace.settings import EditSettings


def _stem(settings: EditSettings) -> str:
    layer, i, j = settings.place()
    return f"edit-{short_name(settings.source)}-{layer}-{i}-{j}"


def _work(settings: EditSettings, output: Output) -> Result:
    from stylespace.commands.edit.edits import edit
    from stylespace.commands.edit.figure import edit_figure
    from stylespace.commands.picture import make_picture

    return make_picture(EDIT, settings, output, edit, edit_figure)


def _maker() -> Callable[..., Any]:
    from stylespace.commands.edit.edits import edit

    return edit


EDIT = Command(
    settings=EditSettings,
    about="""Change one entry of a painting's style and hold the rest: what does it carry?

    SOURCE is a picture or sample:NAME.
    """,
    example="stylespace edit sample:gogh-auvers --layer conv3_1 --entry 12,40 --factor 0",
    names="edit-SOURCE-LAYER-I-J.png",
    stem=_stem,
    work=_work,
    has_figure=lambda settings: True,
    maker=_maker,
)
