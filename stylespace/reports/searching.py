"""The pictures of a folder whose style is nearest to a picture's."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from stylespace.assets import source_path
from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.sight import given_network
from stylespace.errors import PictureError
from stylespace.figures.formatting import legible, number
from stylespace.figures.sheets import contact_sheet
from stylespace.images import read_image, resize
from stylespace.networks.network import Network
from stylespace.networks.weights import file_hash
from stylespace.reports.collections import Collection, Neighbour, neighbours, pictures_in
from stylespace.reports.pictures import StepWatch, encodable, layers_of, measured_collection, opened
from stylespace.settings import SimilarSettings

SHOWN = 24
"""Pictures on the sheet."""
THUMBNAIL = 224
LABEL = 30
"""Characters of a name on the sheet."""


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    picture: (1, 3, H, W) that was searched for, None of a style file. neighbours: nearest first.
    searched: how many pictures were compared. skipped: (path, reason) of those that were not.
    network: that measured them.
    """

    name: str
    picture: Tensor | None
    neighbours: tuple[Neighbour, ...]
    searched: int
    skipped: tuple[tuple[str, str], ...]
    network: str

    @property
    def rows(self) -> tuple[dict[str, Any], ...]:
        """The neighbours as JSON can hold them."""
        return tuple(
            {"picture": encodable(str(one.picture)), "distance": one.distance, **dict(one.layers)}
            for one in self.neighbours
        )

    def sheet(self) -> bytes:
        """Return a JPEG of the picture and its nearest, each under its distance."""
        shown = [] if self.picture is None else [resize(self.picture, THUMBNAIL)]
        labels = [legible(self.name, LABEL)][: len(shown)]
        for one in self.neighbours[:SHOWN]:
            shown.append(resize(read_image(one.picture), THUMBNAIL))
            name = legible(encodable(one.picture.stem), LABEL)
            labels.append(f"{name}\n{number(one.distance)}")
        return contact_sheet(shown, labels, network=self.network, columns=5)


@keywords(SimilarSettings)
def similar(
    picture: str | None = None,
    folder: str | None = None,
    *,
    settings: SimilarSettings | None = None,
    network: Network | str | None = None,
    watch: StepWatch | None = None,
    **changes: Any,
) -> Search:
    """Find the pictures of a folder whose style is nearest to a picture's.

    The styles of the folder are measured once and kept as files; see `captured`. Workers do not
    run the script that calls this: it needs no `if __name__ == "__main__":`.

    Args:
        picture: a picture, sample:NAME or a style file; itself and files of the same content are
            left out of what is found.
        folder: searched with all folders below it.
        settings: or its fields as keywords. network: loaded already, or its name, or None.
        watch: told of the progress.

    Raises:
        PictureError, StyleError: see `captured`; a folder without other pictures.

    Example:
        >>> import stylespace as ss
        >>> for name in ("hokusai-great-wave", "durer-lion"):
        ...     ss.write_image(f"{name}.png", ss.read_image(f"sample:{name}"))
        >>> ss.similar("sample:hokusai-ejiri", ".", size=64, workers=1).neighbours[0].picture.name
        'hokusai-great-wave.png'
    """
    changes = {"picture": picture, "folder": folder, **changes}
    settings = settings_with(SimilarSettings, settings, changes, network)
    pictures = pictures_in(settings.folder)
    network = given_network(network, settings).precise
    layers = layers_of(settings, [settings.picture], network)
    settings = replace(settings, layers=layers)
    (wanted,) = opened([settings.picture], network, layers, settings.size)
    found = measured_collection(pictures, settings, network, watch)
    others = _others(source_path(settings.picture), found)
    if not others:
        raise PictureError(f"{settings.folder!r}: no picture but the one that is searched for.")
    return Search(
        wanted.name,
        wanted.image,
        neighbours(wanted.style, others, kind=settings.distance, count=settings.count),
        len(others),
        tuple((encodable(str(one.picture)), one.reason) for one in found.skipped),
        network.name,
    )


def _others(picture: Path, found: Collection) -> dict[Path, Path]:
    """Return the styles of a collection without a picture's own and those of equal files."""
    content = file_hash(picture)
    return {
        path: file
        for path, file in found.styles.items()
        if path.stat().st_size != picture.stat().st_size or file_hash(path) != content
    }
