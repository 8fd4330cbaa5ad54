"""Gram matrices by regions: which part of the content takes after which part of the style (G17)."""

from stylespace.images.resizing import fitted
from stylespace.losses import guides
from stylespace.losses.representations.base import Representation
from stylespace.losses.representations.pictures import Pictures
from stylespace.losses.terms import Terms


class GuidedGram(Representation):
    """A style as the Gram matrices of regions, drawn by hand or matched by themselves."""

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(pictures)
        self.regions: guides.Regions = _regions(pictures)

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`."""
        pictures = self.pictures
        style = pictures.resized(pictures.style_side(height, width))
        return guides.guided_terms(
            pictures.network, style, self.regions, (height, width), pictures.weights
        )

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`."""
        pictures, count = self.pictures, len(self.regions.names)
        own = guides.guides_memory(pictures.network, pictures.layers, count, height, width)
        return pictures.measuring_bytes() + own

    def remarks(self, height: int, width: int) -> list[str]:
        """See `Representation.remarks`."""
        pictures = self.pictures
        rows, columns = pictures.resized(pictures.largest).shape[2:]
        areas = guides.area_remarks(
            pictures.network, pictures.layers, self.regions, (height, width), (rows, columns)
        )
        return [*super().remarks(height, width), *self.regions.remarks, *areas]


def _regions(pictures: Pictures) -> guides.Regions:
    """Return the regions of a transfer; what they take is checked before any mask is opened."""
    network, settings = pictures.network, pictures.settings
    pairs, style = settings.guide_pairs(), pictures.style_picture
    count = len(pairs) or settings.auto_guides
    shape = fitted(*pictures.content_shape)(settings.size)
    guides.check_guides_memory(network, pictures.layers, count, *shape)
    if pairs:
        return guides.open_guides(pairs, pictures.content_shape, (style.shape[2], style.shape[3]))
    return guides.matched_regions(network, pictures.content, style, count=count, seed=settings.seed)


REPRESENTATION = GuidedGram
