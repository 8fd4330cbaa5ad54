"""Textures: pictures with a painting's Gram matrices (G15a), or only with their distribution."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.outcome import Outcome, as_written, outcome_of, total_loss
from stylespace.commands.scales import in_tiles, run_pyramid, tile_remark
from stylespace.commands.sight import given_network
from stylespace.commands.texture.novelty import novelty_figures
from stylespace.commands.texture.samplers import sampled_gram
from stylespace.commands.texture.starts import shared_remark, start_noise
from stylespace.images.resizing import fitted, resize
from stylespace.losses import patterns
from stylespace.losses.matching import match_figures, seed_distance, smoothness_terms, style_terms
from stylespace.losses.objective import Objective
from stylespace.networks.network import Network
from stylespace.settings import TextureSettings
from stylespace.settings.texture import AUTO
from stylespace.styles.distances import relative_distance
from stylespace.styles.sources import Source, blender, grey_remark, open_styles
from stylespace.styles.style import Style
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.loop import Step, Synthesis, Watch


@dataclass(frozen=True, eq=False)
class Match:
    """What a texture's figure shows beside it.

    sources: (1, 3, H, W) each, as large as they were matched; style files hold none.
    grams: {layer: (target's, result's), (C, C)}.
    """

    sources: tuple[Tensor, ...]
    grams: Mapping[str, tuple[Tensor, Tensor]]


@keywords(TextureSettings)
def texture(
    sources: Source | Sequence[Any] | None = None,
    *,
    settings: TextureSettings | None = None,
    network: Network | str | None = None,
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
    **changes: Any,
) -> Outcome:
    """Make a texture with the Gram matrices of one or several paintings, or their distribution.

    Args:
        sources: paths, sample:NAME, style files, pictures or styles in memory, one or several,
            with weights as "PATH=0.3" or (source, 0.3).
        settings: or its fields as keywords: texture("sample:gogh-auvers", size=256).
        network: loaded already, or its name, or None for the one that the settings name.
        watch, checkpoint: see `synthesize`.

    Returns:
        The outcome; figures: of every layer (`gram.conv1_1`, ...) those of `match_figures`;
        `style_distance`, the geometric mean of the relative Gram distances; `loss`, the written
        picture's objective; `seed_distance` of several seeds: the mean relative Gram distance
        between their pictures, over pairs and layers; of what matches less than the Gram matrices
        those of `novelty_figures`; `residual.*` and `residual_true.*` with a
        sampler: how far the picture stayed from the sampled Gram matrices, and another one, made
        alike, from the painting's own.

    Raises:
        PictureError, StyleError: a source that cannot be read or lives in another space.
        UsageError: a style file where a picture is needed. MemoryLimitError: it would not fit.

    Source: G15a; NN16a section 4. Departs: relative terms, coarse to fine, a start with the
    source's spectrum, no border.

    Example:
        >>> import stylespace as ss
        >>> ss.texture("sample:gogh-auvers", size=64, iterations=4).image.shape
        torch.Size([1, 3, 50, 64])
    """
    settings = settings_with(TextureSettings, settings, {"sources": sources, **changes}, network)
    problem = TextureProblem(settings, given_network(network, settings))
    network, settings = problem.network, problem.settings
    runs = 2 if settings.sampler else 1
    synthesis = problem.run(_run_of(watch, 0, runs), checkpoint)
    judge = network.precise
    images = [problem.cut(as_written(synthesis.row(k), network)) for k in range(settings.seeds)]
    painting, styles = problem.style_at(judge, problem.largest), problem.measured(judge, images)
    figures = match_figures(styles[0], painting)
    if settings.other_aims():
        seen_by = problem.seeing_sources(judge)
        figures = novelty_figures(figures, painting, seen_by, problem.largest) | figures
    if len(styles) > 1:
        figures["seed_distance"] = seed_distance(styles, painting)
    if settings.sampler:
        figures |= problem.residuals(judge, styles[0])
    figures["loss"] = total_loss(problem.objective(judge, *images[0].shape[2:]), images[0])
    if settings.sampler and synthesis.stopped != "interrupted":
        figures |= problem.true_residuals(judge, _run_of(watch, 1, runs, images[0]), checkpoint)
    grams = {name: (g, styles[0].grams[name]) for name, g in painting.grams.items()}
    match = Match(tuple(resize(one, problem.largest) for one in problem.pictures()), grams)
    more = {"beside": match, "remarks": problem.remarks()}
    return outcome_of(settings, images[0], figures, synthesis.row(0), network, **more)


class TextureProblem:
    """What a texture has to solve: what is matched at each scale, from which start, and how near.

    Attributes:
        sources: the styles. layers: of the network. largest: side in pixels of the sources at the
        finest scale.
    """

    def __init__(self, settings: TextureSettings, network: Network) -> None:
        self.sources = open_styles(settings.sources)
        self.layers = tuple(settings.style_layers())
        self.settings, self.network = settings, network
        self.shape = self._shape(settings.size)
        self.network, self.settings = in_tiles(
            network, settings, self.layers, *self.shape, count=settings.seeds
        )
        self.largest = settings.source_side(max(self.shape))
        self._blended = blender(self.sources, self.layers, largest=self.largest)
        self._sampled: dict[str, Tensor] = {}
        self._grey = settings.grey == "auto" and all(source.grey for source in self.sources)

    def style_at(self, network: Network, side: int) -> Style:
        """Return the blended style of the sources, with `side` pixels on the longer side."""
        return self._blended(self.seeing_sources(network), side)

    def seeing_sources(self, network: Network) -> Network:
        """Return the network that sees the sources.

        Pictures of what has no border are mirrored at theirs, or continued where they are so small
        that no layer could be.
        """
        if not self._wraps or len(self.pictures()) < len(self.sources):
            return network
        mirrored = network.with_padding("reflect")
        least = self.settings.source_side(min(self.settings.pyramid()))
        shapes = [fitted(*source.aspect)(least) for source in self.sources]
        fits = all(mirrored.fits(self.layers, *shape) for shape in shapes)
        return mirrored if fits else network.with_padding("replicate")

    def run(self, watch: Watch | None, checkpoint: Checkpoint | None = None) -> Synthesis:
        """Climb the pyramid from noise, a row of the batch a seed."""
        return run_pyramid(
            self.network,
            self.settings,
            lambda height, width: self.objective(self.network, height, width),
            self._noise,
            self.layers,
            self._shape,
            watch=watch,
            checkpoint=checkpoint,
            count=self.settings.seeds,
            parameters=self.settings.parameters,
            grey=self._grey,
        )

    def objective(self, network: Network, height: int, width: int) -> Objective:
        """Return what a picture of height x width pixels is measured by."""
        side = self.settings.source_side(max(height, width))
        terms = style_terms(
            self._grams(network, side),
            self.settings,
            match=self.settings.match,
            means=self.style_at(network, side) if self.settings.mean_weight else None,
        )
        if self.settings.reads_picture():
            source = resize(self.pictures()[0], side).to(network.device)
            terms += patterns.pattern_terms(
                self.settings, network, self.layers, source, wrap=self._wraps
            )
        terms += smoothness_terms(self.settings, wrap=self._wraps)
        return Objective(self._drawing(network), terms)

    def pictures(self) -> list[Tensor]:
        """Return the pictures among the sources, (1, 3, H, W) each; style files hold none."""
        return [source.image for source in self.sources if source.image is not None]

    def cut(self, image: Tensor) -> Tensor:
        """Return a seamless picture with its borders where they show least."""
        return patterns.cut_evenly(image, self._stride) if self.settings.seamless else image

    @property
    def _stride(self) -> int:
        return max(self.network.reach(layer).stride for layer in self.layers)

    def measured(self, network: Network, images: Sequence[Tensor]) -> list[Style]:
        """Return the style of every written picture."""
        drawing = self._drawing(network)
        return [Style.capture(drawing, image, self.layers) for image in images]

    def residuals(self, judge: Network, result: Style) -> dict[str, float]:
        """Return how far the picture stayed from the sampled matrices."""
        return _residuals("residual", result.grams, self._grams(judge, self.largest))

    def true_residuals(
        self, judge: Network, watch: Watch | None, checkpoint: Checkpoint | None
    ) -> dict[str, float]:
        """Return how far a texture of the true matrices stays, or nothing after Ctrl-C."""
        plain = TextureProblem(replace(self.settings, sampler=None, seeds=1), self.network)
        synthesis = plain.run(watch, checkpoint)
        if synthesis.stopped == "interrupted":
            return {}
        (result,) = plain.measured(judge, [as_written(synthesis, self.network)])
        target = plain.style_at(judge, self.largest)
        return _residuals("residual_true", result.grams, target.grams)

    def remarks(self) -> tuple[str, ...]:
        """Return what is degenerate about the sources, a sentence each."""
        each = (source.remarks(self.network, self.layers, self.largest) for source in self.sources)
        tiled = tile_remark(self.network, self.layers, *self.shape)
        freed = self.settings.other_aims() and self.pictures()
        shared = shared_remark(self.settings.start) if freed else ()
        remarks = (*(text for texts in each for text in texts), *tiled, *shared)
        return (*remarks, grey_remark(self.sources)) if self._grey else remarks

    def _drawing(self, network: Network) -> Network:
        """Return the network that sees the result."""
        return network.with_padding("circular") if self._wraps else network

    @property
    def _wraps(self) -> bool:
        """Say whether the result has no borders: where it may, and no style file has them."""
        if self.settings.seamless:
            return True
        return self.settings.padding == AUTO and len(self.pictures()) == len(self.sources)

    def _grams(self, network: Network, side: int) -> dict[str, Tensor]:
        """Return the Gram matrices to match, {layer: (C, C)}; sampled ones once for all scales."""
        sampler, seed = self.settings.sampler, self.settings.seed
        if not sampler:
            return self.style_at(network, side).grams
        if not self._sampled:
            with torch.no_grad():
                features = network.precise(resize(self.pictures()[0], self.largest), self.layers)
            self._sampled = {
                layer: sampled_gram(sampler, seen.cpu(), seed=seed).gram.float()
                for layer, seen in features.items()
            }
        return {layer: matrix.to(network.device) for layer, matrix in self._sampled.items()}

    def _shape(self, size: int) -> tuple[int, int]:
        """Return (H, W); of a seamless picture multiples of the deepest layer's stride."""
        height, width = fitted(*self.sources[0].aspect)(size)
        if not self.settings.seamless:
            return height, width
        step = self._stride
        return max(1, round(height / step)) * step, max(1, round(width / step)) * step

    def _noise(self, height: int, width: int) -> Tensor:
        """Return a start for every seed, (seeds, 3, H, W)."""
        seeds = range(self.settings.seed, self.settings.seed + self.settings.seeds)
        side = self.settings.source_side(max(height, width))
        picture = next(iter(self.pictures()), None)
        make = functools.partial(start_noise, self.settings.start, picture, side, height, width)
        return torch.cat([make(seed=seed, grey=self._grey) for seed in seeds])


def _run_of(
    watch: Watch | None, place: int, count: int, shown: Tensor | None = None
) -> Watch | None:
    """Return `watch` for one of several runs, their steps counted on.

    shown: the picture to show meanwhile, instead of the run's own.
    """
    if watch is None:
        return None

    def see(step: Step) -> object:
        """Tell the watcher of a step, counted on."""
        number, total = step.number + place * step.total, count * step.total
        image = step.image if shown is None or step.image is None else shown
        return watch(replace(step, number=number, total=total, image=image))

    return see


def _residuals(
    name: str, result: Mapping[str, Tensor], target: Mapping[str, Tensor]
) -> dict[str, float]:
    """Return the relative distance of every layer's Gram matrix, named."""
    return {f"{name}.{layer}": relative_distance(result[layer], g) for layer, g in target.items()}
