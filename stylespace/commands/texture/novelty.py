"""Whether a texture is new: farther from its painting than another painting is."""

from collections.abc import Mapping

from stylespace.assets import SAMPLE, paintings
from stylespace.images import resize
from stylespace.networks.network import Network
from stylespace.styles.distances import geometric_mean, gram_distances
from stylespace.styles.sources import open_picture
from stylespace.styles.style import Style


def novelty_figures(
    figures: Mapping[str, float], target: Style, network: Network, side: int
) -> dict[str, float]:
    """Return the scale of a texture's distances to its target, and at how many layers it is new.

    `gram_nearest`, for every layer: the relative Gram distance to the target of that other bundled
    painting which is nearest there; `style_distance_nearest`: of that which is nearest by the
    geometric mean over layers; `new_layers`: at how many layers the texture is farther than
    `gram_nearest`. Nothing where no other painting is large enough for the layers.

    Args:
        figures: of the texture, with `gram.LAYER`, see `match_figures`.
        network: in whose space the target lies. side: of the paintings in pixels, the longer one,
            where the target does not say how large its picture was.
    """
    others = _distances_of_others(target, network, side)
    if not others:
        return {}
    nearest = {layer: min(one[layer] for one in others) for layer in target.layers}
    scale = {f"gram_nearest.{layer}": distance for layer, distance in nearest.items()}
    return {
        **scale,
        "style_distance_nearest": min(map(geometric_mean, others)),
        "new_layers": len(new_layers({**figures, **scale})),
    }


def new_layers(figures: Mapping[str, float]) -> list[str]:
    """Return the layers at which a texture with these figures is new."""
    kind = "gram_nearest."
    nearest = {name.removeprefix(kind): figures[name] for name in figures if name.startswith(kind)}
    return [layer for layer, distance in nearest.items() if figures[f"gram.{layer}"] > distance]


def _distances_of_others(target: Style, network: Network, side: int) -> list[dict[str, float]]:
    """Return {layer: relative Gram distance to the target} of every painting it is not made of.

    Measured as large as the target's picture; one too small for a layer is left out.
    """
    pictures = target.provenance.get("pictures", [])
    known = {picture.get(key) for picture in pictures for key in ("name", "sha256")}
    if pictures:
        side = max(pictures[0]["width"], pictures[0]["height"])
    layers, found = tuple(target.layers), []
    for name in (SAMPLE + painting for painting in paintings()):
        picture = resize(open_picture(name), side)
        if name in known or not network.fits(layers, *picture.shape[2:]):
            continue
        style = Style.capture(network, picture, layers, source=name)
        if style.provenance["pictures"][0]["sha256"] not in known:
            found.append(gram_distances(style, target))
    return found
