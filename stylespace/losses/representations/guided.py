"""Gram matrices by regions: which part of the content takes after which part of the style (G17)."""

from stylespace.images.resizing import fitted
from stylespace.losses.guides import (
    Regions,
    area_remarks,
    check_guides_memory,
    guided_terms,
    guides_memory,
    matched_regions,
    open_guides,
)
from stylespace.losses.objective import Terms
from stylespace.losses.representations.base import Representation
from stylespace.losses.representations.pictures import Pictures


class GuidedGram(Representation):
    """A style as the Gram matrices of regions, drawn by hand or matched by themselves."""

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(pictures)
        self.guides = _regions(pictures)
        self.regions = self.guides

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`."""
        pictures = self.pictures
        style = pictures.resized(pictures.style_side(height, width))
        return guided_terms(pictures.network, style, self.guides, (height, width), pictures.weights)

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`."""
        pictures, count = self.pictures, len(self.guides.names)
        guides = guides_memory(pictures.network, pictures.layers, count, height, width)
        return pictures.measuring_bytes() + guides

    def remarks(self, height: int, width: int) -> list[str]:
        """See `Representation.remarks`."""
        pictures = self.pictures
        rows, columns = pictures.resized(pictures.largest).shape[2:]
        areas = area_remarks(
            pictures.network, pictures.layers, self.guides, (height, width), (rows, columns)
        )
        return [*super().remarks(height, width), *self.guides.remarks, *areas]


def _regions(pictures: Pictures) -> Regions:
    """Return the regions of a transfer; what they take is checked before any mask is opened."""
    network, settings = pictures.network, pictures.settings
    pairs, style = settings.guide_pairs(), pictures.style_picture
    count = len(pairs) or settings.auto_guides
    shape = fitted(*pictures.content_shape)(settings.size)
    check_guides_memory(network, pictures.layers, count, *shape)
    if pairs:
        return open_guides(pairs, pictures.content_shape, (style.shape[2], style.shape[3]))
    return matched_regions(network, pictures.content, style, count=count, seed=settings.seed)


REPRESENTATION = GuidedGram
