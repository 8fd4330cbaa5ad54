"""The settings of textures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from stylespace.assets import split_weight
from stylespace.errors import UsageError
from stylespace.networks import catalogue
from stylespace.networks.network_entry import OWN
from stylespace.settings.fields import setting, starts_setting, steps_setting, weight_setting
from stylespace.settings.sourced import Sourced, check_sources, parameters_setting, source_names

MATCHES = ("gram", "distribution", "sparsity", "intensity")
GRAM_TV, OTHER_TV = 0.1, 0.002
"""Default weights of total variation: terms of sorted entries end far below those of entries."""
AUTO = "auto"
STARTS = ("grey", "colour", "spectrum")
FIRST_STEPS, FURTHER_STEPS = 150, 65
SAMPLERS = ("permutation", "bootstrap", "independence", "sorted", "shuffle", "shuffle-psd")


@dataclass(frozen=True, kw_only=True)
class TextureSettings(Sourced):
    """A texture from a painting's Gram matrices."""

    command: ClassVar[str] = "texture"

    sources: tuple[str, ...] = setting(
        (),
        "Picture, sample:NAME or .style.safetensors, with a weight as PATH=0.3.",
        argument=True,
        picture=True,
    )
    tv_weight: float | None = weight_setting(
        None,
        f"Weight of total variation: less grain; default: {GRAM_TV} for gram, else {OTHER_TV}.",
    )
    match: str = setting(
        "gram",
        "What is matched: gram (every entry in its place); of the sorted entries distribution, "
        "sparsity or intensity alone.",
        choices=MATCHES,
    )
    sampler: str | None = setting(
        None,
        "Match a Gram matrix sampled from the painting's instead: a null to compare with.",
        choices=SAMPLERS,
    )
    seamless: bool = setting(False, "The texture wraps in both directions.")
    histogram_weight: float = weight_setting(0.0, "Weight of the activations' histograms.")
    spectrum_weight: float = weight_setting(0.0, "Weight of the power spectrum: regular patterns.")
    autocorrelation_weight: float = weight_setting(
        0.0, "Weight of the autocorrelation: regular patterns."
    )
    seeds: int = starts_setting(
        "Textures from so many starts: the first is kept, their distance reported."
    )
    mean_weight: float = weight_setting(0.0, "Weight of the channel means beside the Gram.")
    iterations: tuple[int, ...] = steps_setting(first=FIRST_STEPS, further=FURTHER_STEPS)
    parameters: str = parameters_setting("fourier-pixels")
    padding: str = setting(
        AUTO,
        "Padding of convolutions; auto: circular for the texture, so that no place is special, and "
        "reflect for its sources, or that of style files; own: of networks of libraries.",
        choices=(AUTO, *catalogue.PADDINGS, OWN),
    )
    init: str = setting(
        AUTO,
        "Start: noise that is grey, has the painting's mean colour, or its colours and power "
        "spectrum; auto: spectrum, or colour with --sampler.",
        choices=(AUTO, *STARTS),
    )

    FIRST_STEPS: ClassVar[int] = FIRST_STEPS
    FURTHER_STEPS: ClassVar[int] = FURTHER_STEPS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sources(self.sources)
        if len(self.source_size) > 1:
            raise UsageError("--source-size: a texture takes one.")
        if self.sampler and self.match != "gram":
            raise UsageError(f"--sampler gives Gram matrices: it does not go with {self.match}.")
        style_file = split_weight(self.sources[0])[0].endswith(".safetensors")
        if self.reads_picture() and (len(self.sources) > 1 or style_file):
            raise UsageError(
                "samplers, histograms, spectrum and autocorrelation are read from one picture: "
                "name a single picture, no style file."
            )

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        return (*source_names(self.sources), *super().inputs())

    def style_layers(self) -> dict[str, float]:
        """Return {layer: weight}; the deepest of the default is left out of a distribution.

        Where few of many channels ever fire, the sorted entries say little.
        """
        layers = super().style_layers()
        if self.layers or self.match == "gram" or len(layers) == 1:
            return layers
        return dict(list(layers.items())[:-1])

    def style_sources(self) -> tuple[str, ...]:
        """Return the sources of the style."""
        return self.sources

    def other_aims(self) -> tuple[str, ...]:
        """Return what else than the Gram matrices of whole styles is matched."""
        if self.sampler:
            return ("Gram matrices drawn by a sampler",)
        return () if self.match == "gram" else (f"the {self.match} of the sorted entries",)

    def smoothness(self) -> float:
        """Return the weight of total variation."""
        default = GRAM_TV if self.match == "gram" else OTHER_TV
        return default if self.tv_weight is None else self.tv_weight

    @property
    def start(self) -> str:
        """One of STARTS."""
        return self.init if self.init != AUTO else "colour" if self.sampler else "spectrum"

    def reads_picture(self) -> bool:
        """Say whether a source's picture is needed, not its style alone."""
        weights = (self.histogram_weight, self.spectrum_weight, self.autocorrelation_weight)
        return bool(self.sampler) or any(weights)
