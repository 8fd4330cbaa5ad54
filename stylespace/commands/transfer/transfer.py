"""Transfer: the content of one picture in the style of others (G15b)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.outcome import (
    Outcome,
    as_written,
    fitted,
    judge_for,
    network_for,
    noise_picture,
    outcome_of,
    run_ladder,
    settings_with,
    total_loss,
)
from stylespace.commands.transfer.styling import Styling, check_style_size
from stylespace.commands.transfer.styling_memory import styling_memory
from stylespace.errors import UsageError
from stylespace.images import resize_to, written_image
from stylespace.images.colour import colour_distance, luminance_transfer, match_colours
from stylespace.losses.local import copy_indices, copy_remark
from stylespace.losses.matching import smoothness_terms, style_figures
from stylespace.losses.objective import Objective, Terms, content_term
from stylespace.networks.network import Network
from stylespace.settings import TransferSettings
from stylespace.styles.distances import geometric_mean, gram_distances
from stylespace.styles.sources import StyleSource, open_picture, open_styles
from stylespace.styles.style import Style
from stylespace.synthesis.loop import Watch


def transfer(
    content: str | None = None,
    styles: str | Sequence[str] | None = None,
    *,
    settings: TransferSettings | None = None,
    network: Network | None = None,
    watch: Watch | None = None,
    **changes: Any,
) -> Outcome:
    """Move a picture into the style of others, keeping its content.

    Args:
        content: a picture or sample:NAME.
        styles: pictures, sample:NAME or style files, one or several, with weights as PATH=0.3.
        settings: or its fields as keywords: transfer("a.jpg", "sample:gogh-auvers", size=256).
        network: loaded already, or None to load the one that the settings name.
        watch: see `synthesize`.

    Returns:
        The outcome; figures: see `transfer_figures`; `loss`, the written picture's objective;
        `colour_distance` to the content; `copy_index` with local windows; `explained_energy` of
        the content responses of a covariance.

    Raises:
        PictureError, StyleError: a source that cannot be read or lives in another space.
        MemoryLimitError: it would not fit.
        UsageError: settings with partitions, which are several pictures.

    Source: G15b. Departs: relative terms, start from the content, coarse to fine.
    """
    named = {"content": content and os.fspath(content), "styles": styles}
    settings = settings_with(TransferSettings, settings, {**named, **changes})
    if settings.partitions:
        raise UsageError(
            "partitions are several pictures: see stylespace.commands.transfer.partitions.compare."
        )
    network = network or network_for(settings)
    given, sources = open_picture(settings.content), open_styles(settings.styles)
    styling = Styling(settings, network, given, sources)
    check_style_size(styling)
    picture, judge = styling.content, judge_for(network, settings)
    layers, kept = styling.layers, tuple(settings.content_layer_weights())
    shape = fitted(*picture.shape[2:])
    height, width = shape(settings.size)

    def objective_at(height: int, width: int) -> Objective:
        terms = settings.style_weight * styling.terms(height, width)
        terms += _content_terms(network, picture, settings, height, width)
        return Objective(network, terms + smoothness_terms(settings))

    def start(height: int, width: int) -> Tensor:
        return _start(settings, picture, styling.sources, (height, width))

    network.check_size(layers + kept, height, width)
    target = styling.target(judge, height, width)
    extra = styling_memory(styling, height, width)
    synthesis = run_ladder(
        network, settings, objective_at, start, layers + kept, shape, watch=watch, extra=extra
    )
    original = resize_to(given, height, width).to(network.device)
    image = _coloured(settings, as_written(synthesis, network), original)
    figures, remarks = _judged(styling, target, judge, image, original)
    figures["loss"] = total_loss(objective_at(height, width), image)
    return outcome_of(
        settings,
        image,
        figures,
        synthesis,
        network,
        beside=Guided(styling, original) if styling.regions else None,
        remarks=tuple(dict.fromkeys(remarks)),
    )


@dataclass(frozen=True, eq=False)
class Guided:
    """What a guided transfer's figure shows beside the picture: its regions.

    content: (1, 3, H, W).
    """

    styling: Styling
    content: Tensor


def _coloured(settings: TransferSettings, image: Tensor, content: Tensor) -> Tensor:
    """Return a written picture with the content's colours, where the settings say so."""
    if settings.colour == "luminance":
        image = written_image(luminance_transfer(image, content)).to(image)
    if settings.colour == "match-after":
        image = written_image(match_colours(image, content).clamp(0, 1)).to(image)
    return image


def _judged(
    styling: Styling, target: Style, judge: Network, image: Tensor, content: Tensor
) -> tuple[dict[str, float], list[str]]:
    """Return the figures of a written picture, and what is to be said of its making."""
    figures = transfer_figures(judge, image, content, target)
    own, said = _own_figures(styling, judge, image, content)
    return {**figures, **own}, [*styling.remarks(*image.shape[2:]), *said]


def _own_figures(
    styling: Styling, judge: Network, image: Tensor, content: Tensor
) -> tuple[dict[str, float], list[str]]:
    """Return `colour_distance`, `copy_index` and `explained_energy`, and what they give to say."""
    figures, remarks = {"colour_distance": colour_distance(image.cpu(), content.cpu())}, []
    if styling.settings.representation == "local":
        style = styling.covering(*image.shape[2:]).to(judge.device)
        pictures = {"result": image, "style": style, "start": content}
        with suppress(UsageError):  # at a layer content and style may be one, if it is dead
            masks = styling.masks(*image.shape[2:])
            copied = copy_indices(judge, styling.layers, **pictures, masks=masks)
            figures["copy_index"] = copied["together"]
            remarks += filter(None, [copy_remark(copied, styling.settings.half_widths())])
    if styling.explained is not None:
        figures["explained_energy"] = styling.explained
    return figures, remarks


def transfer_figures(
    network: Network, image: Tensor, content: Tensor, target: Style
) -> dict[str, float]:
    """Return what a transfer is judged by.

    Args:
        network: of the target's style space. image, content: (1, 3, H, W). target: the style.

    Returns:
        The relative Gram distance to the style per layer (`gram.conv1_1`, ...), their geometric
        mean `style_distance`, the content's own `content_style_distance`, the quotient
        `reduction`, and `content_similarity`, the structural similarity of the grey pictures.
    """
    layers = tuple(target.layers)
    figures = style_figures(Style.capture(network, image, layers), target)
    before = geometric_mean(gram_distances(Style.capture(network, content, layers), target))
    after = figures["style_distance"]
    return figures | {
        "content_style_distance": before,
        "reduction": before / after if after else float("inf"),
        "content_similarity": grey_similarity(image, content),
    }


def _content_terms(
    network: Network, content: Tensor, settings: TransferSettings, height: int, width: int
) -> Terms:
    """Return the weighted content terms for one scale."""
    weights = settings.content_layer_weights()
    if settings.content_weight == 0:
        return Terms()
    with torch.no_grad():
        targets = network(resize_to(content, height, width), tuple(weights))
    return settings.content_weight * Terms(
        tuple(content_term(name, targets[name], weight) for name, weight in weights.items())
    )


def _start(
    settings: TransferSettings,
    content: Tensor,
    sources: tuple[StyleSource, ...],
    shape: tuple[int, int],
) -> Tensor:
    """Return the picture to start from at the coarsest scale.

    Raises:
        UsageError: the start "style" where every style is a file of statistics.
    """
    if settings.init == "content":
        return resize_to(content, *shape)
    if settings.init == "noise":
        return noise_picture(*shape, seed=settings.seed)
    if settings.init != "style":
        return resize_to(open_picture(settings.init), *shape)
    pictures = [source.image for source in sources if source.image is not None]
    if not pictures:
        raise UsageError("--init style needs a style picture, not only style files.")
    return resize_to(pictures[0], *shape)


def grey_similarity(image: Tensor, other: Tensor) -> float:
    """Return the structural similarity of two grey pictures (1, 3, H, W): 1 is identical.

    Source: Wang et al. 2004, scikit-image's implementation; window 7, or the largest odd number
    that fits.
    """
    from skimage.color import rgb2gray
    from skimage.metrics import structural_similarity

    a, b = (rgb2gray(one[0].cpu().double().numpy(), channel_axis=0) for one in (image, other))
    window = min(7, min(a.shape) - (min(a.shape) + 1) % 2)
    if window < 3:
        return float("nan")
    return float(structural_similarity(a, b, win_size=window, data_range=1.0))
