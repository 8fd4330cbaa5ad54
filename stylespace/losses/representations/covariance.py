"""Style-content covariance: which channels fire together where the content shows what (NN16a)."""

from torch import Tensor

from stylespace.images import resize
from stylespace.losses import covariance
from stylespace.losses.covariance.responses import Reduced, reduced
from stylespace.losses.representations.base import Remarked, Representation
from stylespace.losses.representations.pictures import Grid, Pictures
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.settings.shared import default_content_layer


class ContentCovariance(Representation):
    """A style as its covariance with a few content responses, the same for all scales."""

    def __init__(self, pictures: Pictures) -> None:
        super().__init__(pictures)
        self._responses: Reduced | None = None
        self._measures: list[covariance.CovarianceMeasure] = []
        self._fewer: list[str] = []

    def terms(self, height: int, width: int) -> Terms:
        """See `Representation.terms`."""
        pictures, settings = self.pictures, self.pictures.settings
        responses, half_widths = self._reduced_responses(), settings.half_widths()
        style = pictures.resized(pictures.style_side(height, width))
        terms = [
            covariance.covariance_term(
                layer,
                features,
                responses.style,
                responses.content,
                half_width=half_widths[layer],
                kernel=settings.kernel,
                centred=not settings.moment,
                weight=pictures.weights[layer],
            )
            for layer, features in pictures.features(style).items()
        ]
        self._measures += [
            term.measure for term in terms if isinstance(term.measure, covariance.CovarianceMeasure)
        ]
        return Terms(tuple(terms))

    @property
    def explained(self) -> float | None:
        """Share of the content responses' energy that their maps hold; None before any terms."""
        return None if self._responses is None else self._responses.explained

    def _reduced_responses(self) -> Reduced:
        """Return the content responses of both pictures, reduced."""
        if self._responses is None:
            pictures, settings = self.pictures, self.pictures.settings
            layer = default_content_layer(pictures.network.name)
            seen = resize(pictures.content, settings.size), pictures.resized(pictures.largest)
            seeing = pictures.seen_by(pictures.network.precise)  # for `explained`, a figure
            content, style = (seeing.features(picture, [layer])[layer] for picture in seen)
            method, asked = settings.reduction()
            most = min(content.shape[1], content[0, 0].numel() + style[0, 0].numel())
            count = min(asked, most)
            if count < asked:
                self._fewer.append(
                    f"{layer} of these pictures gives {count} content responses, not {asked}."
                )
            self._responses = reduced(content, style, count, method, centred=not settings.moment)
        return self._responses

    def memory(self, height: int, width: int) -> int:
        """See `Representation.memory`."""
        grids = self.pictures.grids(height, width)
        most = max(self._distance_bytes(layer, grid) for layer, grid in grids.items())
        return self.pictures.measuring_bytes() + most + sum(map(self._kept_bytes, grids))

    def _distance_bytes(self, layer: str, grid: Grid) -> int:
        """Return the bytes of a covariance distance."""
        network, count = self.pictures.network, self.pictures.settings.reduction()[1]
        style = network.grid(layer, *self.pictures.style_shape)
        return covariance.covariance_memory(
            network.channels(layer),
            count,
            grid[0] * grid[1],
            style[0] * style[1],
            itemsize=self.pictures.itemsize,
            device=network.device.type,
        )

    def _kept_bytes(self, layer: str) -> int:
        """Return the bytes of the moments that a covariance term keeps, if it keeps them."""
        count = self.pictures.settings.reduction()[1]
        kept = count * self.pictures.network.channels(layer) ** 2 * self.pictures.itemsize
        return kept if kept <= covariance.STORED else 0

    def remarks(self, height: int, width: int) -> list[str]:
        """See `Representation.remarks`."""
        measured = [text for measure in self._measures for text in measure.remarks]
        wide = self.pictures.wide_windows(height, width)
        return [*self._fewer, *measured, *super().remarks(height, width), *wide]

    def figures(self, judge: Network, image: Tensor, content: Tensor) -> Remarked:
        """See `Representation.figures`: `explained_energy` of the content responses."""
        return ({} if self.explained is None else {"explained_energy": self.explained}), []


REPRESENTATION = ContentCovariance
