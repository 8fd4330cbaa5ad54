"""Transfer: the content of one picture in the style of others (G15b)."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.outcome import Outcome, as_written, outcome_of, total_loss
from stylespace.commands.scales import in_tiles, noise_picture, run_pyramid, tile_remark
from stylespace.commands.sight import given_network
from stylespace.commands.transfer.metrics import transfer_figures
from stylespace.commands.transfer.remarks import colour_remarks
from stylespace.errors import UsageError
from stylespace.images import written_image
from stylespace.images.colour import (
    colour_distance,
    luminance_transfer,
    match_colours,
)
from stylespace.images.reading import apart, on_background
from stylespace.images.resizing import fitted, resize_to
from stylespace.losses.guides import Regions
from stylespace.losses.matching import smoothness_terms
from stylespace.losses.objective import Objective, content_term, evenness
from stylespace.losses.representations import Pictures, Representation, represented_style
from stylespace.losses.terms import Terms
from stylespace.networks.memory import check_memory
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.styles.sources import (
    Source,
    StyleSource,
    enlargement,
    open_layers,
    open_picture,
    open_styles,
)
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.loop import Watch


@keywords(TransferSettings)
def transfer(
    content: Source | None = None,
    styles: Source | Sequence[Any] | None = None,
    *,
    settings: TransferSettings | None = None,
    network: Network | str | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    **changes: Any,
) -> Outcome:
    """Move a picture into the style of others, keeping its content.

    Args:
        content: a path, sample:NAME, or a picture in memory.
        styles: paths, sample:NAME, style files, pictures or styles in memory, one or several, with
            weights as "PATH=0.3" or (source, 0.3).
        settings: or its fields as keywords: transfer("a.jpg", "sample:gogh-auvers", size=256).
        network: loaded already, or its name, or None for the one that the settings name.
        watch, checkpoint: see `synthesize`.

    Returns:
        The outcome; figures: see `transfer_figures`; `loss`, the written picture's objective;
        `colour_distance` to the content; `copy_index` with local windows; `explained_energy` of
        the content responses of a covariance.

    Raises:
        PictureError, StyleError: a source that cannot be read or lives in another space.
        MemoryLimitError: it would not fit.
        UsageError: settings with partitions or sizes of the source, which are several pictures.

    Source: G15b. Departs: relative terms, start from the content, coarse to fine.

    Example:
        >>> import stylespace as ss
        >>> styles = [("sample:gogh-auvers", 0.7), ("sample:hokusai-great-wave", 0.3)]
        >>> ss.transfer("sample:chelsea", styles, size=64, iterations=4).image.shape
        torch.Size([1, 3, 43, 64])
    """
    changes = {"content": content, "styles": styles, **changes}
    settings = settings_with(TransferSettings, settings, changes, network)
    if settings.several():
        raise UsageError(
            "partitions and sizes of the source are several pictures: see "
            "stylespace.commands.transfer.partitions.compare."
        )
    sources = open_styles(settings.styles)
    network = given_network(network, settings)
    return transferred(settings, network, sources, watch=watch, checkpoint=checkpoint)


@dataclass(frozen=True, eq=False)
class Guided:
    """What a guided transfer's figure shows beside the picture: its regions.

    content: (1, 3, H, W). style: (1, 3, H', W').
    """

    content: Tensor
    style: Tensor
    regions: Regions


def transferred(
    settings: TransferSettings,
    network: Network,
    sources: Sequence[StyleSource],
    *,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Return the outcome of `transfer`, all its arguments in the settings.

    sources: the styles that they name, opened; what is measured of them is kept for the next call.
    """
    content, alpha = _content(settings)
    shape = fitted(*content.shape[2:])
    height, width = shape(settings.size)
    layers = network.resolve([*settings.style_layers(), *settings.content_layer_weights()])
    sizes = layers, height, width
    style, settings, extra = _seen(settings, network, content, sources, *sizes)
    network = style.pictures.network
    grey = settings.grey == "auto" and all(source.grey for source in style.pictures.sources)
    kept, judge = style.pictures.content.to(network.device), network.precise

    objective_at = _objectives(settings, style, kept)
    start = functools.partial(_start_picture, settings, style.pictures, grey)
    more: dict[str, Any] = {
        "enlarge": functools.partial(_enlarged, settings, kept),
        "parameters": settings.parameters,
        **{"watch": watch, "checkpoint": checkpoint, "extra": extra, "grey": grey},
    }
    measured = functools.partial(objective_at, network)
    synthesis = run_pyramid(network, settings, measured, start, layers, shape, **more)
    target = style.target(judge, height, width)
    remarks = enlargement(settings.content, content, settings.size)
    remarks += tile_remark(network, *sizes)
    remarks += colour_remarks(settings, content, sources, style.pictures.sources if grey else ())
    content = resize_to(content, height, width).to(network.device)
    image = _coloured(settings, as_written(synthesis, network), content)
    own_figures, own_remarks = style.figures(judge, image, content)
    remarks += [*style.remarks(height, width), *own_remarks]
    figures = {
        **transfer_figures(judge, image, content, target),
        "colour_distance": colour_distance(image.cpu(), content.cpu()),
        **own_figures,
        "loss": total_loss(objective_at(judge, height, width), image),
    }
    more = {
        "beside": style.regions and Guided(content, style.pictures.style_picture, style.regions),
        "remarks": tuple(dict.fromkeys(remarks)),
        "alpha": None if alpha is None else resize_to(alpha, height, width),
    }
    return outcome_of(settings, image, figures, synthesis, network, **more)


def final_objective(settings: TransferSettings, network: Network) -> Objective:
    """Return the objective of a transfer's last scale, of a picture of the result's size."""
    content, _ = _content(settings)
    height, width = fitted(*content.shape[2:])(settings.size)
    layers = network.resolve([*settings.style_layers(), *settings.content_layer_weights()])
    sources = open_styles(settings.styles)
    style, settings, _ = _seen(settings, network, content, sources, layers, height, width)
    return _objectives(settings, style, style.pictures.content)(network.precise, height, width)


def _seen(
    settings: TransferSettings,
    network: Network,
    content: Tensor,
    sources: Sequence[StyleSource],
    layers: Sequence[str],
    height: int,
    width: int,
) -> tuple[Representation, TransferSettings, int]:
    """Return the style as the network sees it, in tiles where memory is short.

    Also the settings, in which the tiles are told, and the bytes that style and content take.
    """
    network.check_size(layers, height, width)
    tiled, told = in_tiles(network, settings, layers, height, width)
    check_memory(tiled, layers, height, width)  # before anything is enlarged or captured
    style = represented_style(told, tiled, content, sources)

    def extra(seeing: Network) -> int:
        """Return the bytes that style and content take in a network with its tiles."""
        own = style.seen_by(seeing).memory(height, width)
        return own + content_bytes(seeing, settings, height, width)

    tiled, told = in_tiles(network, settings, layers, height, width, extra=extra)
    return style.seen_by(tiled), told, extra(tiled)


def _objectives(
    settings: TransferSettings, style: Representation, content: Tensor
) -> Callable[[Network, int, int], Objective]:
    """Return a function from a network and a scale (H, W) to its objective."""

    @functools.lru_cache(maxsize=1)  # the last scale's is asked for again, for its loss
    def objective_at(seeing: Network, height: int, width: int) -> Objective:
        """Return the objective of a scale in a network."""
        terms = settings.style_weight * style.seen_by(seeing).terms(height, width)
        terms += _content_terms(seeing, content, settings, height, width)
        even = settings.tv_where == "even"
        places = evenness(resize_to(content, height, width)) if even else None
        return Objective(seeing, terms + smoothness_terms(settings, places=places))

    return objective_at


def _content(settings: TransferSettings) -> tuple[Tensor, Tensor | None]:
    """Return the content (1, 3, H, W) and its alpha (1, 1, H, W), None where none is kept."""
    opened = open_layers(settings.content)
    return apart(opened) if settings.alpha == "keep" else (on_background(opened), None)


def _coloured(settings: TransferSettings, image: Tensor, content: Tensor) -> Tensor:
    """Return a written picture with the content's colours, where the settings say so."""
    if settings.colour == "luminance":
        image = written_image(luminance_transfer(image, content)).to(image)
    if settings.colour == "match-after":
        image = written_image(match_colours(image, content).clamp(0, 1)).to(image)
    return image


def _content_terms(
    network: Network, content: Tensor, settings: TransferSettings, height: int, width: int
) -> Terms:
    """Return the weighted content terms for one scale."""
    weights = settings.content_layer_weights()
    if settings.content_weight == 0:
        return Terms()
    with torch.no_grad():
        targets = network(resize_to(content, height, width), tuple(weights))
    at_last = max(height, width) >= settings.size
    return (
        settings.content_weight
        * (1.0 if at_last else settings.layout)
        * Terms(
            tuple(content_term(name, targets[name], weight) for name, weight in weights.items())
        )
    )


def content_bytes(network: Network, settings: TransferSettings, height: int, width: int) -> int:
    """Return the bytes of the content's features that are kept to be matched."""
    if settings.content_weight == 0:
        return 0
    shapes = (
        (name, network.grid(name, height, width)) for name in settings.content_layer_weights()
    )
    return sum(4 * network.channels(name) * rows * columns for name, (rows, columns) in shapes)


def _enlarged(
    settings: TransferSettings, content: Tensor, image: Tensor, height: int, width: int
) -> Tensor:
    """Return the start of a finer scale: a coarser one's picture with the content's finer detail.

    The detail is what the content loses by being as small as the picture was: one band of its
    Laplacian pyramid. Without it faces that are a few pixels wide at the coarsest scale are gone.
    A transfer that starts from anything but its content has none.

    Source: Burt & Adelson 1983, section 3.
    """
    large = resize_to(image, height, width)
    if settings.init != "content" or settings.detail == 0:
        return large
    fine = resize_to(content, height, width)
    coarse = resize_to(resize_to(content, *image.shape[2:]), height, width)
    return (large + settings.detail * (fine - coarse)).clamp(0, 1)


def _start_picture(
    settings: TransferSettings, pictures: Pictures, grey: bool, height: int, width: int
) -> Tensor:
    """Return the picture to start from at the coarsest scale.

    Raises:
        UsageError: the start "style" where every style is a file of statistics.
    """
    if settings.init == "content":
        return resize_to(pictures.content, height, width)
    if settings.init == "noise":
        return noise_picture(height, width, seed=settings.seed, grey=grey)
    if settings.init != "style":
        return resize_to(open_picture(settings.init), height, width)
    styles = [source.image for source in pictures.sources if source.image is not None]
    if not styles:
        raise UsageError("--init style needs a style picture, not only style files.")
    return resize_to(styles[0], height, width)
