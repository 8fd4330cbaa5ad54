"""Localised Gram matrices: a style window by window, each in its place (NN16a)."""

from contextlib import suppress

from torch import Tensor

from stylespace.errors import UsageError
from stylespace.losses.guides import open_guide, propagated, resized
from stylespace.losses.local import copy_indices, copy_remark, local_memory, local_term
from stylespace.losses.representations.base import Remarked, Representation
from stylespace.losses.representations.pictures import Pictures
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.styles.style import Style, measured_style


class LocalGram(Representation):
    """A style as the Gram matrices of windows; its picture lies over the result.

    Raises:
        UsageError: a style picture smaller than a window which fits the result.
        PictureError: a mask that cannot be read, or that is black.
    """

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(pictures)
        mask = pictures.settings.mask
        self._mask = open_guide(mask, pictures.content_shape) if mask else None
        _check_style_size(pictures)

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`; the style picture lies on the same grid."""
        pictures, settings = self.pictures, self.pictures.settings
        style = pictures.covering(height, width).to(pictures.network.device)
        masks, half_widths = self._masks(height, width), settings.half_widths()
        terms = (
            local_term(
                layer,
                features,
                half_width=half_widths[layer],
                kernel=settings.kernel,
                stride=settings.stride,
                mask=None if masks is None else masks[layer],
                weight=pictures.weights[layer],
            )
            for layer, features in pictures.features(style).items()
        )
        return Terms(tuple(terms))

    def _masks(self, height: int, width: int) -> dict[str, Tensor] | None:
        """Return what share of the mask each position sees, {layer: (h, w)}; None without one."""
        if self._mask is None:
            return None
        network = self.pictures.network
        drawn = resized(self._mask.mask, height, width).to(network.device)
        return {layer: propagated(network, layer, drawn)[0, 0] for layer in self.pictures.layers}

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`."""
        pictures, settings = self.pictures, self.pictures.settings
        half_widths = settings.half_widths()
        distances = (
            local_memory(
                (1, pictures.network.channels(layer), *grid),
                half_widths[layer],
                stride=settings.stride,
                itemsize=pictures.itemsize,
            )
            for layer, grid in pictures.grids(height, width).items()
        )
        return pictures.feature_bytes(height, width) + max(distances)  # the style picture's

    def target(self, network: Network, height: int, width: int) -> Style:
        """See `Representation.target`; that of the style picture as it lies over the result."""
        style = self.pictures.covering(height, width).to(network.device)
        return measured_style(network, style, self.pictures.layers)

    def remarks(self, height: int, width: int) -> list[str]:
        """See `Representation.remarks`."""
        of_mask = self._mask.remarks if self._mask else ()
        wide = self.pictures.wide_windows(height, width)
        return [*super().remarks(height, width), *wide, *of_mask]

    def figures(self, judge: Network, image: Tensor, content: Tensor) -> Remarked:
        """See `Representation.figures`: `copy_index`, of a style that is not the content itself."""
        height, width = image.shape[2:]
        style = self.pictures.covering(height, width).to(judge.device)
        with suppress(UsageError):  # at a layer content and style may be one, if it is dead
            pictures = {"result": image, "style": style, "start": content}
            masks = self._masks(height, width)
            copied = copy_indices(judge, self.pictures.layers, **pictures, masks=masks)
            remark = copy_remark(copied, self.pictures.settings.half_widths())
            return {"copy_index": copied["together"]}, [remark] if remark else []
        return {}, []


def _check_style_size(pictures: Pictures) -> None:
    """Refuse a style picture that is smaller than a window which fits the result.

    Enlarged, it would hold nothing at the size of that window. A window larger than the result
    is another matter: `LocalGram.remarks` says so.
    """
    height, width = pictures.style_picture.shape[2:]
    for layer, half_width in pictures.settings.half_widths().items():
        needed = (2 * half_width + 1) * pictures.network.reach(layer).stride
        if half_width and max(height, width) < needed <= pictures.settings.size:
            raise UsageError(
                f"the style picture has {width}x{height} pixels, less than a window of {layer}, "
                f"{needed} pixels wide: take a larger picture or a smaller --window."
            )


REPRESENTATION = LocalGram
