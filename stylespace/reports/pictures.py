"""What a report is about: pictures and style files, each under a name of its own."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.assets import SAMPLE, sample_like, samples, source_path
from stylespace.errors import PictureError, StylespaceError, UsageError
from stylespace.files import STYLE_SUFFIX
from stylespace.images import read_caption, read_recipe, resize
from stylespace.networks.memory import check_picture
from stylespace.networks.network import Network
from stylespace.networks.weights import file_hash
from stylespace.reports.collections import (
    FAULTS,
    Collection,
    captured,
    reason_of,
)
from stylespace.settings import Measuring, StyleLayers
from stylespace.settings.inputs import with_folders
from stylespace.styles.sources import is_style_file, open_picture
from stylespace.styles.style import Style

LONGEST_TITLE = 120
"""Characters of a title that a file gives itself."""
StepWatch = Callable[[str, int, int], None]
"""(what is done, pieces done, pieces in all)."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture or a style file.

    name: shown, different from all others. key: the same for file names. source: as the user
    gave it. kind: "painting", "photograph" (samples), "picture" or "style file". image:
    (1, 3, H, W) as measured, None of a style file. made: what a picture that stylespace wrote
    says of its making. title, about: of samples and of files that say so themselves; else the name,
    and nothing. about: artist and year.
    """

    name: str
    key: str
    source: str
    kind: str
    style: Style
    image: Tensor | None = None
    made: Mapping[str, Any] | None = None
    title: str = ""
    about: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)


def opened(
    sources: Sequence[str], network: Network, layers: Sequence[str], size: int
) -> tuple[Picture, ...]:
    """Open and measure pictures and style files.

    Args:
        sources: pictures, sample:NAME or style files.
        network: that measures pictures, in whose space style files must lie.
        layers: layers to measure, or to take of a style file.
        size: longer side of the pictures in pixels.

    Raises:
        PictureError, StyleError: one cannot be read, or lives in another style space.
        UsageError: a picture too small for a layer, or a style file without it.
        MemoryLimitError: a picture of that size would not fit.
    """
    return tuple(
        _picture(source, name, network, layers, size)
        for source, name in zip(sources, names_of(sources), strict=True)
    )


def readable(
    sources: Sequence[str], network: Network, layers: Sequence[str], size: int
) -> tuple[tuple[Picture, ...], tuple[tuple[str, str], ...]]:
    """Open and measure what can be, as a collection does; return also (source, why not).

    Raises:
        PictureError, UsageError, MemoryLimitError: the only picture cannot be measured, or none.
        StyleError: a style file cannot be read, or lives in another style space.
    """
    found, skipped = [], []
    for source, name in zip(sources, names_of(sources), strict=True):
        try:
            found.append(_picture(source, name, network, layers, size))
        except FAULTS as error:
            if is_style_file(source) or len(sources) == 1:
                raise
            skipped.append((source, reason_of(source, error)))
    if not found:
        source, why = skipped[0]
        raise PictureError(f"none of {len(skipped)} pictures could be measured; {source!r}: {why}")
    return tuple(found), tuple(skipped)


def names_of(sources: Sequence[str]) -> list[str]:
    """Return the names under which sources are shown, all of them different."""
    return distinct([picture_name(source) for source in sources])


def layers_of(settings: StyleLayers, sources: Sequence[str], network: Network) -> tuple[str, ...]:
    """Return the layers that settings name, or else those that all style files among sources hold.

    Raises:
        StyleError: a style file that cannot be read, or of another style space.
        UsageError: style files without a layer in common.
    """
    held = [set(_loaded(source, network).layers) for source in sources if is_style_file(source)]
    if settings.layers or not held:
        return network.resolve(settings.style_layers())
    common = set.intersection(*held)
    if not common:
        raise UsageError("the style files have no layer in common: name files that do.")
    return network.resolve(common)


def expanded(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the sources with the pictures of folders in their place, each once.

    Raises:
        PictureError: a folder without pictures.
    """
    return tuple(dict.fromkeys(with_folders(sources)))


def file_hashes(sources: Sequence[str]) -> dict[str, str]:
    """Return {source: SHA-256} of the files, as far as they can be read."""
    hashes = {}
    for source in sources:
        with suppress(OSError):  # whoever opens the file says what is wrong with it
            if source_path(source).is_file():
                hashes[encodable(source)] = file_hash(source_path(source))
    return hashes


def measured_collection(
    pictures: Sequence[Path],
    settings: Measuring,
    network: Network,
    watch: StepWatch | None,
) -> Collection:
    """Measure pictures into kept styles as settings say; see `captured`."""
    return captured(
        pictures,
        settings,
        network,
        size=settings.size,
        workers=settings.workers,
        watch=watch and (lambda seen: watch("measuring", seen.number, seen.total)),
    )


def _picture(source: str, name: str, network: Network, layers: Sequence[str], size: int) -> Picture:
    key = slug(name)
    if is_style_file(source):
        with _named(source):
            style = _loaded(source, network).pick(layers)
        return Picture(name, key, source, "style file", style)
    picture = open_picture(source)
    sides = picture.shape[2:]
    with _named(source):
        check_picture(*(round(side * size / max(sides)) for side in sides))
        image = resize(picture, size)
        style = Style.capture(network, image, layers, source=name)
    kinds = {SAMPLE + sample.name: sample.kind for sample in samples()}
    made, (title, about) = _made(source), described(source)
    kind = kinds.get(source, "picture")
    return Picture(name, key, source, kind, style, image, made, title, about)


def described(source: str) -> tuple[str, str]:
    """Return a picture's title, and its artist and year, as far as they are known.

    Of samples, copies of their files among them; of other files what EXIF says of them.
    """
    path = source_path(source)
    sample = sample_like(path)
    if sample is not None:
        year = "" if sample.year == "unknown" else sample.year
        return sample.title, ", ".join(filter(None, (sample.artist, year)))
    title, artist = read_caption(path)
    return title[:LONGEST_TITLE], artist[:LONGEST_TITLE]


def _loaded(source: str, network: Network) -> Style:
    """Return the style of a file, in the network's style space."""
    style = Style.load(source)
    with _named(source):
        style.check_space(network.space)
    return style


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Let errors say which source they are about."""
    try:
        yield
    except StylespaceError as error:
        text = str(error)
        raise type(error)(text if repr(source) in text else f"{source!r}: {text}") from None


def _made(source: str) -> Mapping[str, Any] | None:
    """Return what a picture says of its making; None of others, and where it is damaged."""
    try:
        record = read_recipe(source_path(source))
    except PictureError:
        return None
    whole = isinstance(record, Mapping) and isinstance(record.get("recipe"), Mapping)
    return record if whole else None


def picture_name(source: str) -> str:
    """Return a source's name without folder and suffix."""
    name = Path(encodable(source).removeprefix(SAMPLE)).name
    plain = name.removesuffix(STYLE_SUFFIX)
    return (plain if plain != name else Path(name).stem)[:50] or "picture"


def encodable(text: str) -> str:
    """Return a text as UTF-8 can hold it: bytes of a file name that are none become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which no two have the same slug: the later ones are numbered."""
    found = {"together": ""}  # the group of all of them
    for name in names:
        numbered = (f"{name} ({number})" for number in itertools.count(2))
        shown = next(one for one in itertools.chain([name], numbered) if slug(one) not in found)
        found[slug(shown)] = shown
    return list(found.values())[1:]


def slug(name: str) -> str:
    """Return a name in small letters, digits and hyphens, for files and anchors."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "picture"
