"""What some ways of a study make of their pictures before a run: files that the run then reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from stylespace.errors import UsageError, unknown
from stylespace.files import write_whole
from stylespace.images import resize, resize_to, write_image
from stylespace.losses.guides.automatic import matched_features, matched_regions
from stylespace.losses.guides.masks import resized
from stylespace.networks.network import Network
from stylespace.networks.weights import load_weights
from stylespace.settings import TransferSettings
from stylespace.studies.alterations import ALTERATIONS
from stylespace.studies.plans import Run
from stylespace.styles.moments import LayerStyle
from stylespace.styles.sources import open_picture
from stylespace.styles.style import Style

CROP = 0.7
"""Share of the longer side that each of the two crops of a scene has."""
GUIDES = 5
"""Regions by which a style picture is warped."""


@dataclass(frozen=True)
class Ready:
    """What was made for a run. changes: of its settings. truth: what should come out, or None."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    truth: Path | None = None


def ready(run: Run, folder: Path, network: Callable[[TransferSettings], Network]) -> Ready:
    """Write what a run needs into a folder; the same pair, size and network, the same.

    Args:
        run: `prepared` is nothing; "warped", the style's patches in the places of the content that
            are like them; "cut:P", "rank:K" or "turned" of the style's Gram matrices, see
            `changed`; "filters", those of alexnet-st; or "ALTERATION:crop" and "ALTERATION:other"
            of `alterations`: the content is a crop, the style another crop of the scene, or the
            other picture, altered.
        network: settings -> the network that they name.

    Raises:
        UsageError: a preparation that nobody knows.
    """
    kind, _, what = run.prepared.partition(":")
    settings = run.settings
    stem = folder / f"{run.pair}-{settings.size}-{run.prepared.replace(':', '-')}"
    if not kind:
        return Ready()
    if kind == "filters":
        path = folder / "alexnet-st.safetensors"
        _write(path, _filters())
        return Ready({"weights": str(path)})
    if kind in ALTERATIONS:
        return _scene(run, stem)
    style = resize(open_picture(run.pictures.style), settings.size)
    if kind == "warped":
        content = resize(open_picture(run.pictures.content), settings.size)
        path = stem.with_suffix(".png")
        write_image(path, warped(network(settings), content, style), force=True)
    elif kind in ("cut", "rank", "turned"):
        seeing = network(settings)
        captured = Style.capture(seeing, style, tuple(settings.style_layers()))
        path = stem.with_suffix(".safetensors")
        _write(path, changed(captured, kind, float(what or 0)).encoded())
    else:
        raise unknown("preparation", run.prepared, (*_KINDS, *ALTERATIONS))
    return Ready({"styles": (str(path),)})


_KINDS = ("warped", "cut:50", "rank:8", "turned", "filters")


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        write_whole(path, data, force=True)


def _filters() -> bytes:
    """Return the filters of alexnet-st, which also fit AlexNet's layers with their strides."""
    tensors = load_weights("alexnet-st").tensors
    named = {f"{key}.{name}": one for key, pair in tensors.items() for name, one in _named(pair)}
    return save(named)


def _named(pair: tuple[Tensor, Tensor]) -> list[tuple[str, Tensor]]:
    return [("weight", pair[0].contiguous()), ("bias", pair[1].contiguous())]


def _scene(run: Run, stem: Path) -> Ready:
    """Write a crop of a scene, what alters another one, and the crop altered, the truth."""
    name, _, of = run.prepared.partition(":")
    if of not in ("crop", "other"):
        raise UsageError(f"{run.prepared!r}: a scene is altered as {name}:crop or {name}:other.")
    whole, size = open_picture(run.pictures.content), run.settings.size
    other = whole if of == "crop" else open_picture(run.pictures.style)
    pictures = {
        "content": _crop(whole, first=True),
        "style": _crop(ALTERATIONS[name](other), first=False),
        "truth": _crop(ALTERATIONS[name](whole), first=True),
    }
    paths = {what: Path(f"{stem}-{what}.png") for what in pictures}
    for what, picture in pictures.items():
        write_image(paths[what], resize(picture, size).clamp(0, 1), force=True)
    content, style, truth = (paths[what] for what in ("content", "style", "truth"))
    return Ready({"content": str(content), "styles": (str(style),)}, truth)


def _crop(picture: Tensor, *, first: bool) -> Tensor:
    """Return CROP of a picture (1, 3, H, W) along its longer side, the first or the last."""
    axis = 2 if picture.shape[2] > picture.shape[3] else 3
    side = picture.shape[axis]
    kept = round(CROP * side)
    return picture.narrow(axis, 0 if first else side - kept, kept)


def changed(style: Style, kind: str, amount: float) -> Style:
    """Return a style with other Gram matrices.

    kind: "cut", the smallest `amount` percent of the entries off the diagonal are 0; "rank", what
    the `amount` first eigenvectors make; "turned", the same eigenvalues with random eigenvectors.
    """
    layers = {}
    for number, (name, layer) in enumerate(style.layers.items()):
        gram = _changed(layer.gram.double(), kind, amount, number)
        level = gram.diagonal().clamp(min=0).sqrt()
        mean = torch.minimum(layer.mean.double(), level)  # no larger than the diagonal allows
        layers[name] = LayerStyle(mean.to(layer.mean), gram.to(layer.gram), layer.positions)
    return Style(layers, style.space, style.provenance)


def _changed(gram: Tensor, kind: str, amount: float, seed: int) -> Tensor:
    if kind == "cut":
        off = ~torch.eye(len(gram), dtype=torch.bool)
        small = gram.abs() < torch.quantile(gram[off].abs(), amount / 100)
        return gram.masked_fill(off & small & small.mT, 0)  # the two of a pair may be rounded apart
    values, vectors = torch.linalg.eigh(gram)
    if kind == "rank":
        values = torch.where(torch.arange(len(gram)) >= len(gram) - amount, values, 0)
    else:
        generator = torch.Generator().manual_seed(seed)
        vectors = torch.linalg.qr(torch.randn(gram.shape, generator=generator).double())[0]
    made = (vectors * values.clamp(min=0)) @ vectors.mT
    return (made + made.mT) / 2


@torch.no_grad()
def warped(network: Network, content: Tensor, style: Tensor) -> Tensor:
    """Return the style's patches laid where the content is like them: the shape of the content.

    Regions of both are matched first; inside them each position of the content takes the patch
    around the position of the style whose features are most like its own, and overlapping patches
    are averaged under a Hann window. Places without a partner take from the whole style.

    Args:
        network: whose features are compared. content: (1, 3, H, W). style: (1, 3, H', W').
    """
    regions = matched_regions(network, content, style, count=GUIDES)
    one, other = (matched_features(network, x) for x in (content, style))
    masks = [
        resized(mask, *x.shape[2:]).flatten(2)[0].round()
        for mask, x in ((regions.content_masks, one), (regions.style_masks, other))
    ]
    allowed = masks[0].T @ masks[1] > 0
    allowed |= ~allowed.any(1, keepdim=True)
    flat = [F.normalize(x.flatten(2)[0], dim=0) for x in (one, other)]
    likeness = (flat[0].T @ flat[1]).masked_fill(~allowed, -2.0)
    return _laid(likeness.argmax(1), one.shape[2:], style, other.shape[2:], content.shape[2:])


def _laid(
    best: Tensor,
    shape: torch.Size,
    style: Tensor,
    style_shape: torch.Size,
    size: torch.Size,
) -> Tensor:
    """Return a picture of `size` from patches: best (h w,) numbers positions of the style."""
    cell = 8
    side = 2 * cell
    enlarged = resize_to(style, style_shape[0] * cell, style_shape[1] * cell)
    patches = F.unfold(F.pad(enlarged, (cell // 2,) * 4, mode="replicate"), side, stride=cell)
    window = torch.hann_window(side + 2)[1:-1]
    weight = (window[:, None] * window).flatten()
    chosen = patches[0][:, best] * weight.repeat(3)[:, None]
    height, width = (n * cell + cell for n in shape)
    fold: dict[str, Any] = {"output_size": (height, width), "kernel_size": side, "stride": cell}
    total = F.fold(weight[:, None].expand(-1, len(best)).contiguous()[None], **fold)
    picture = F.fold(chosen[None], **fold) / total
    half = cell // 2
    return resize_to(picture[..., half:-half, half:-half], *size).clamp(0, 1)
