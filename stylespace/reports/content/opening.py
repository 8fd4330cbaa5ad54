"""How a page begins, with its pictures, and the sentences of numbers behind its figures."""

from collections.abc import Sequence

from stylespace.reports.content.drawings import Drawings
from stylespace.reports.content.parts import PagePart, section_of
from stylespace.reports.findings import meaning
from stylespace.reports.pictures import Picture


def opening(pictures: Sequence[Picture], drawings: Drawings) -> list[PagePart]:
    """Return the pictures that a page begins with: one large, several as thumbnails.

    Style files have none.
    """
    shown = portrait if len(pictures) == 1 else _thumbnail
    return [
        {**part, "picture": picture.key, "about": "" if part.get("side") else picture.about}
        for picture in pictures
        if (part := shown(picture, drawings)) is not None
    ]


def portrait(picture: Picture, drawings: Drawings) -> PagePart | None:
    """Return a picture as it was measured, large; None of a style file.

    Its `side` is the longer one in pixels as measured.
    """
    if picture.image is None:
        return None
    height, width = picture.image.shape[2:]
    return {
        "src": drawings.picture(picture.image),
        "side": max(height, width),
        "alt": f"The picture itself: {picture.name}, {width} by {height} pixels as measured.",
        "caption": ", ".join(filter(None, (picture.name, picture.about, picture.kind)))
        + f", measured at {width} × {height} pixels",
    }


def _thumbnail(picture: Picture, drawings: Drawings) -> PagePart | None:
    if picture.image is None:
        return None
    source = drawings.thumbnail(picture.image)
    return {"src": source, "alt": f"The picture {picture.name}", "caption": picture.title}


def findings_section(findings: Sequence[str]) -> PagePart:
    """Return the sentences of numbers, each with what it means."""
    text = [" ".join(filter(None, (sentence, meaning(sentence)))) for sentence in findings]
    return section_of("findings", "What the numbers say", text=text)
