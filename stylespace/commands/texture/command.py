"""The command `texture`: a texture with the style of paintings."""

from collections.abc import Callable
from typing import Any

from stylespace.commands.command import Command, Output, Result, short_name
from stylespace.settings import TextureSettings


def _work(settings: TextureSettings, output: Output) -> Result:
    from stylespace.commands.picture import make_picture
    from stylespace.commands.texture.figure import texture_figure
    from stylespace.commands.texture.textures import texture

    return make_picture(TEXTURE, settings, output, texture, texture_figure)


def _maker() -> Callable[..., Any]:
    from stylespace.commands.texture.textures import texture

    return texture


TEXTURE = Command(
    settings=TextureSettings,
    about="""Make a texture with the style of paintings.

    SOURCES are pictures, sample:NAME or style files; several are blended by weight.
    """,
    example="stylespace texture sample:gogh-auvers --size 384",
    names="texture-SOURCE.png",
    stem=lambda settings: f"texture-{short_name(settings.sources[0])}",
    work=_work,
    has_figure=lambda settings: True,
    maker=_maker,
)
