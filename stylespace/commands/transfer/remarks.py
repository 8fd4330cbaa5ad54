"""What a transfer has to say of the colours of its pictures."""

from collections.abc import Sequence

from torch import Tensor

from stylespace.images.colour import is_single_colour
from stylespace.settings import TransferSettings
from stylespace.styles.sources import StyleSource, grey_remark

ENDING_COLOURED = ("luminance", "match-after")
"""Settings of `colour` that give the finished picture the content's colours."""


def colour_remarks(
    settings: TransferSettings,
    content: Tensor,
    sources: Sequence[StyleSource],
    grey: Sequence[StyleSource] = (),
) -> list[str]:
    """Say why the result is grey, and which picture has no colours for what --colour does.

    Args:
        content: (1, 3, H, W) as it is. sources: as they are. grey: the styles that make the
            result grey, none where they do not.
    """
    ends_grey = grey and settings.colour not in ENDING_COLOURED
    remarks = [grey_remark(grey)] if ends_grey else []
    return remarks + _lacking_colours(settings, content, sources)


def _lacking_colours(
    settings: TransferSettings, content: Tensor, sources: Sequence[StyleSource]
) -> list[str]:
    """Say which picture has no colours to give or to be matched."""
    if settings.colour == "style":
        return []
    given = StyleSource(settings.content, 1.0, content, None)
    giver, taker = (sources[0], given) if settings.colour == "match-style" else (given, sources[0])
    if lack := _colourless(giver):
        return [f"--colour {settings.colour}: {lack}, and so is what takes its colours."]
    if settings.colour != "luminance" and (lack := _colourless(taker)):
        return [f"--colour {settings.colour}: {lack}: matching moves its mean colour alone."]
    return []


def _colourless(source: StyleSource) -> str:
    """Say that a picture is of one colour or grey; nothing of others."""
    if source.image is not None and is_single_colour(source.image):
        return f"{source.name!r} is of one colour"
    return f"{source.name!r} is grey" if source.grey else ""
