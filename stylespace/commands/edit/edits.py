"""Edits: one entry of a painting's style is changed and the rest is held. What did it carry?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.outcome import Outcome, as_written, outcome_of
from stylespace.commands.scales import in_tiles, noise_picture, run_pyramid, tile_remark
from stylespace.commands.sight import given_network
from stylespace.errors import UsageError
from stylespace.images.resizing import fitted, resize
from stylespace.losses.entries import entry_value
from stylespace.losses.matching import style_figures
from stylespace.losses.objective import Objective, averaged_term, relative_square
from stylespace.losses.representations.gram import gram_term
from stylespace.losses.terms import Term, Terms
from stylespace.networks.memory import check_memory
from stylespace.networks.network import Network
from stylespace.settings import EditSettings
from stylespace.styles.gram import gram
from stylespace.styles.sources import Source, blender, open_styles
from stylespace.styles.style import Style
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.loop import Watch


@keywords(EditSettings)
def edit(
    source: Source | None = None,
    layer: str | None = None,
    entry: str | tuple[int, int] | None = None,
    *,
    settings: EditSettings | None = None,
    network: Network | str | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    **changes: Any,
) -> Outcome:
    """Lower or raise one entry of a painting's Gram matrices while the rest is held.

    A diagonal entry is the energy of a channel: its whole row is scaled with it, as it would be
    if the channel itself were, or no picture could have both.

    Args:
        source: the painting: a path, sample:NAME, or a picture in memory.
        layer, entry: as in `probe`.
        settings: or its fields as keywords: edit("sample:gogh-auvers", "conv3_1", (3, 5),
            factor=4).
        network: loaded already, or its name, or None for the one that the settings name.
        watch, checkpoint: see `synthesize`.

    Returns:
        The outcome, the painting (1, 3, H, W) beside it; figures: `value` of the entry,
        `painting_value`, `ratio` of the two (aimed at `factor`), `rest`, the relative distance of
        the other entries of its layer, `gram.*` of every layer and `style_distance`, `change`, mean
        absolute difference from the painting.

    Raises:
        UsageError: the entry is zero in the painting, so that no factor changes it.

    Example:
        >>> import stylespace as ss
        >>> small = {"size": 64, "iterations": 8}
        >>> outcome = ss.edit("sample:gogh-auvers", "conv3_1", (12, 40), factor=4, **small)
        >>> outcome.figures["ratio"] > 1.1
        True
    """
    changes = {"source": source, "layer": layer, "entry": entry, **changes}
    settings = settings_with(EditSettings, settings, changes, network)
    network = given_network(network, settings)
    place, (source_style,) = settings.place(), open_styles([settings.source])
    picture = source_style.image
    if picture is None:
        raise UsageError("an edit starts from a picture: name one, no style file.")
    layers = network.resolve([*settings.style_layers(), place[0]])
    shape = fitted(*picture.shape[2:])
    sizes = (layers, *shape(settings.size))
    network, settings = in_tiles(network, settings, *sizes)
    check_memory(network, *sizes)  # before anything is captured
    style_at = blender([source_style], layers, largest=settings.size)
    judge = network.precise
    target = style_at(judge, settings.size)
    _check_alive(target, place)

    def objective_at(height: int, width: int) -> Objective:
        style = style_at(network, max(height, width))
        return Objective(network, _terms(style.grams, place, settings))

    def start(height: int, width: int) -> Tensor:
        """Return the painting, or noise of its colour: (1, 3, H, W)."""
        if settings.init == "painting":
            return resize(picture, max(height, width))
        colour = picture.mean((0, 2, 3))
        return noise_picture(height, width, colour=colour, seed=settings.seed)

    looking: dict[str, Any] = {"watch": watch, "checkpoint": checkpoint}
    synthesis = run_pyramid(network, settings, objective_at, start, layers, shape, **looking)
    image = as_written(synthesis, network)
    painting = resize(picture, settings.size).to(image)
    figures = edit_figures(Style.capture(judge, image, layers), target, place)
    remarks = tuple(source_style.remarks(network, layers, settings.size))
    remarks += tuple(tile_remark(network, *sizes))
    figures["change"] = float((image - painting).abs().mean())
    more = {"beside": painting, "remarks": remarks}
    return outcome_of(settings, image, figures, synthesis, network, **more)


def _check_alive(style: Style, place: tuple[str, int, int]) -> None:
    layer, i, j = place
    if float(style.grams[layer][i, j]) <= 0:
        raise UsageError(
            f"{layer} {i},{j} is zero in this painting: there is nothing to change; take one of "
            "its larger entries (probe --entries top:8 --from PAINTING)."
        )


def _terms(
    grams: Mapping[str, Tensor], place: tuple[str, int, int], settings: EditSettings
) -> Terms:
    """Return the entry's own term and those that hold the other layers and entries."""
    layer, i, j = place
    weights = {name: settings.style_layers().get(name, 1.0) for name in grams}
    total = sum(weights.values())
    shares = {name: settings.hold * weight / total for name, weight in weights.items()}
    terms = Terms((_entry_target(layer, (i, j), settings.factor * grams[layer][i, j]),))
    for name, g in grams.items():
        if name == layer:
            terms += _held(name, edited(g, i, j, settings.factor), (i, j), shares[name])
        else:
            terms += gram_term(name, g, shares[name])
    return terms


def edited(g: Tensor, i: int, j: int, factor: float) -> Tensor:
    """Return a Gram matrix (C, C) with an entry and its mirror image times a factor.

    A diagonal entry takes its row along: channel i times sqrt(factor).
    """
    scales = torch.ones_like(g)
    if i == j:
        scales[i], scales[:, i] = factor**0.5, factor**0.5
    scales[i, j] = scales[j, i] = factor
    return g * scales


def _entry_target(layer: str, pair: tuple[int, int], target: Tensor) -> Term:
    """Return ((G_ij - target) / (G_ij + target))^2: 1 far away on either side, 0 there.

    Of a target of zero the entry itself, in the layer's mean energy: a square has no slope there.
    """
    place = torch.tensor([pair])

    def numbers(features: Tensor) -> Tensor:
        """Return the entry and the mean energy of a layer, (B, 2)."""
        energy = features.detach().square().mean((1, 2, 3))
        return torch.stack([entry_value(features, place), energy], 1)

    def distance(numbers: Tensor) -> Tensor:
        """Return the distance of a picture from what is wanted, (B,)."""
        value, energy = numbers.unbind(1)
        if float(target) > 0:
            return ((value - target) / (value + target)).square()
        return value / energy.detach().clamp(min=torch.finfo(energy.dtype).tiny)

    return averaged_term(f"entry.{layer}", layer, numbers, distance)


def _held(layer: str, target: Tensor, pair: tuple[int, int], weight: float) -> Term:
    """Return the relative distance of all entries of a layer but one, which has its own term."""
    mask = torch.ones_like(target)
    mask[pair], mask[pair[::-1]] = 0, 0

    def distance(grams: Tensor) -> Tensor:
        return relative_square(mask * grams, (mask * target)[None])

    return averaged_term(f"rest.{layer}", layer, gram, distance, weight)


def edit_figures(style: Style, target: Style, place: tuple[str, int, int]) -> dict[str, float]:
    """Return the figures of an edited picture's style beside the painting's."""
    layer, i, j = place
    g, a = (each.grams[layer].cpu().double() for each in (style, target))
    mask = torch.ones_like(a)
    mask[i, j] = mask[j, i] = 0
    rest = (mask * (g - a)).square().sum() / (mask * a).square().sum()
    return {
        "value": float(g[i, j]),
        "painting_value": float(a[i, j]),
        "ratio": float(g[i, j] / a[i, j]),
        "rest": float(rest),
        **style_figures(style, target),
    }
