"""The settings of transfers: what is kept of the content, and how the style is represented."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import ClassVar

from stylespace.assets import split_weight
from stylespace.errors import UsageError
from stylespace.settings.fields import setting, side_setting, steps_setting, weight_setting
from stylespace.settings.representations import REPRESENTATIONS, Needs, reduction_of
from stylespace.settings.shared import ALL, default_content_layers, default_style_layers
from stylespace.settings.sourced import Sourced, check_sources, parameters_setting, source_names

STARTS = ("content", "style", "noise")
"""Starts of a transfer that are no files."""
KERNELS = ("uniform", "gaussian")
COLOURS = ("style", "luminance", "match-before", "match-after", "match-style")
KEPT = {"colours": 1, "grain": 2, "strokes": 3, "shapes": 4}
"""Names of --keep for the lowest of the default style layers, and how many of them they are."""


@dataclass(frozen=True, kw_only=True)
class TransferSettings(Sourced):
    """The content of one picture in the style of others."""

    command: ClassVar[str] = "transfer"

    content: str = setting("", "A picture, sample:NAME or folder.", argument=True, picture=True)
    styles: tuple[str, ...] = setting(
        (), "Pictures, sample:NAME or style files; PATH=0.3 weighs.", argument=True, picture=True
    )
    size: int = side_setting(512, "Longer side in pixels.")
    source_size: tuple[int, ...] = side_setting(
        (), "Longer side of the style pictures; several: a strip of them; default: --size."
    )
    iterations: tuple[int, ...] = steps_setting()
    content_layers: tuple[str, ...] = setting(
        (), "Content layers, with a weight as conv4_2=1; default: conv3_2,conv4_2 (VGG)."
    )
    keep: tuple[str, ...] = setting(
        (),
        "Style layers kept as content instead, as conv1_1,conv2_1, or by name the lowest "
        "one, two, three or four of the default ones: colours, grain, strokes, shapes.",
    )
    partitions: bool = setting(
        False, "One picture for each number of layers kept, side by side in a folder."
    )
    representation: str = setting(
        "gram", "What of the style is matched.", choices=tuple(REPRESENTATIONS)
    )
    window: tuple[str, ...] = setting(
        (),
        "Half width of windows in positions of a layer, as 3, or conv3_1=4 for one layer; default: "
        "3 for local, 0 for covariance.",
    )
    kernel: str = setting("uniform", "Weights inside a window.", choices=KERNELS)
    stride: int = setting(1, "Positions between centres of windows.", minimum=1, maximum=1024)
    mask: str = setting(
        "", "Picture whose white says where windows count, in --representation local."
    )
    responses: str = setting(
        "pca:16", "Content responses of --representation covariance: pca:N, nmf:N or kmeans:N."
    )
    moment: bool = setting(False, "Raw content responses in --representation covariance.")
    weighting: str = setting(
        "equal",
        "Weights of layers; geometric: halved with depth for style, doubled for content.",
        choices=("equal", "geometric"),
    )
    guide: tuple[str, ...] = setting(
        (),
        "Masks CONTENT.png=STYLE.png: white of the one takes the style of white of the other; "
        "repeat it.",
        repeat=True,
    )
    auto_guides: int = setting(
        0, "Regions of both pictures matched by themselves; 0: none.", minimum=0, maximum=12
    )
    colour: str = setting(
        "style",
        "Colours: of the style, or the content's by luminance, or by matching before or after; "
        "match-style gives the content the style's colours first, for photographs.",
        choices=COLOURS,
    )
    alpha: str = setting("keep", "Transparency of the content.", choices=("keep", "flatten"))
    tv_weight: float = weight_setting(1.2, "Weight of total variation: less grain.")
    parameters: str = parameters_setting("fourier-pixels")
    tv_where: str = setting(
        "even",
        "Where total variation counts: even (where the content is even, as skies are), or all.",
        choices=("even", "all"),
    )
    content_weight: float = weight_setting(
        0.09, "Weight of the content terms; a kept layer has --keep-weight of it."
    )
    keep_weight: float = weight_setting(0.4, "Share of that weight that a kept layer has.")
    layout: float = weight_setting(2.6, "Factor on that weight at coarser scales than the last.")
    style_weight: float = weight_setting(1.0, "Weight of the style terms.")
    detail: float = weight_setting(0.5, "Share of the content's detail put into finer scales.")
    init: str = setting("content", f"Start: {', '.join(STARTS)}, or a FILE.", picture=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.content:
            raise UsageError("no content picture: name one.")
        check_sources(self.styles)
        self._check_weights()
        self.half_widths()
        self.reduction()
        self._check_representation()
        self._check_pictures()
        self.guide_pairs()

    def style_sources(self) -> tuple[str, ...]:
        """Return the sources of the style."""
        return self.styles

    def content_source(self) -> str:
        """Return the picture whose content is kept."""
        return self.content

    def other_aims(self) -> tuple[str, ...]:
        """Return what else than the Gram matrices of whole styles is matched."""
        if self.guided():
            return ("the Gram matrices of regions",)
        kind = self.representation
        return () if kind == "gram" else (f"the {kind} representation",)

    def inputs(self) -> tuple[str, ...]:
        """See `Settings.inputs`."""
        masks = [name for pair in self.guide_pairs() for name in pair]
        more = [*(() if self.init in STARTS else (self.init,)), *masks, self.mask]
        names = (self.content, *source_names(self.styles), *filter(None, more))
        return (*names, *super().inputs())

    def words_for(self, name: str) -> tuple[str, ...]:
        """See `Settings.words_for`: the starts that are no files."""
        return STARTS if name == self.init else ()

    def style_layers(self) -> dict[str, float]:
        """Return {style layer: weight}, those that are kept as content left out.

        Raises:
            UsageError: a layer both kept and styled by name, or none left.
        """
        styled, kept = super().style_layers(), self.kept_layers()
        both = [name for name in kept if name in styled]
        named = self.layers and not any(text.partition("=")[0] == ALL for text in self.layers)
        if named and both:
            raise UsageError(
                f"{', '.join(both)}: both in --layers and in --keep; name it in one of them."
            )
        left = {name: weight for name, weight in styled.items() if name not in kept}
        if not left:
            raise UsageError("--keep leaves no style layer: keep fewer.")
        return self._geometric(left, -1) if self.weighting == "geometric" else left

    def kept_layers(self) -> dict[str, float]:
        """Return {layer kept as content: weight}; a name of KEPT stands for its layers."""
        names = default_style_layers(self.network)
        given = [names[: KEPT[text]] if text in KEPT else (text,) for text in self.keep]
        return self.weighted(tuple(name for some in given for name in some))

    def content_layer_weights(self) -> dict[str, float]:
        """Return {content layer: share of the content's weight}, those that are kept included.

        The shares of --content-layers add up to 1, and a kept layer adds keep_weight of its own, so
        that what is kept stays as it is when one more layer moves over.
        """
        content = self.weighted(self.content_layers or default_content_layers(self.network))
        share = self.keep_weight * len(content)
        kept = {name: share * weight for name, weight in self.kept_layers().items()}
        weights = {**kept, **content}
        if self.weighting == "geometric":
            weights = self._geometric(weights, 1)
        total = sum(weights[name] for name in content)
        return {name: weight / total for name, weight in weights.items()}

    def half_widths(self) -> dict[str, int]:
        """Return {style layer: half width of its windows in positions}."""
        plain: list[int] = []
        single: dict[str, int] = {}
        for text in self.window:
            name, equals, number = text.rpartition("=")
            if not re.fullmatch(r"[0-9]{1,5}", number):
                raise UsageError(
                    f"--window {text!r} is no half width: write it as 3, or conv3_1=4."
                )
            if equals:
                single |= dict.fromkeys(self.weighted((name,)), int(number))
            else:
                plain.append(int(number))
        if len(plain) > 1:
            raise UsageError(
                f"--window {', '.join(self.window)}: one number for all layers, and conv3_1=4 for "
                "single ones."
            )
        layers = self.style_layers()
        strangers = [name for name in single if name not in layers]
        if strangers:
            raise UsageError(
                f"--window names {', '.join(strangers)}, no style layer here: name it in --layers."
            )
        default = plain[0] if plain else self.needs.half_width
        return {name: single.get(name, default) for name in layers}

    def reduction(self) -> tuple[str, int]:
        """Return how content responses are reduced: method and number of maps."""
        return reduction_of(self.responses)

    def guide_pairs(self) -> tuple[tuple[str, str], ...]:
        """Return (content mask, style mask) of every guide."""
        pairs = [text.split("=") for text in self.guide]
        wrong = [text for text, pair in zip(self.guide, pairs, strict=True) if len(pair) != 2]
        if wrong or not all(name for pair in pairs for name in pair):
            shown = (wrong or self.guide)[0]
            raise UsageError(f"--guide {shown!r}: write it as CONTENT.png=STYLE.png.")
        return tuple((content, style) for content, style in pairs)

    @property
    def needs(self) -> Needs:
        """What the representation asks of the settings."""
        return REPRESENTATIONS[self.representation]

    def several(self) -> bool:
        """Say whether one content becomes several pictures: partitions, or sizes of the source."""
        return self.partitions or len(self.source_size) > 1

    def guided(self) -> bool:
        """Say whether regions guide the style."""
        return bool(self.guide or self.auto_guides)

    def reads_style_picture(self) -> bool:
        """Say whether the style's picture is needed, not its statistics alone."""
        recoloured = self.colour in ("match-before", "match-style")
        return self.needs.picture or self.guided() or recoloured or self.partitions

    def _geometric(self, layers: dict[str, float], power: int) -> dict[str, float]:
        """Return weights times 2^power for each layer deeper; those that are largest as given.

        Source: NN16b section 3: 2^(D - d) of style, which halves with depth, 2^d of content.
        """
        names = [layer.name for layer in self.architecture if layer.name in layers]
        first = 0 if power > 0 else len(names) - 1
        return {name: layers[name] * 2.0 ** (power * (k - first)) for k, name in enumerate(names)}

    def _check_weights(self) -> None:
        self.content_layer_weights()
        if self.content_weight == self.style_weight == 0:
            raise UsageError("neither style nor content weighs anything: give --style-weight.")
        if (self.keep or self.partitions) and self.content_weight == 0:
            option = "--keep" if self.keep else "--partitions"
            raise UsageError(f"{option} with --content-weight 0 keeps nothing: give it a weight.")
        if self.partitions and (self.keep or len(self.source_size) > 1):
            told = "chooses the layers to keep: leave --keep out" if self.keep else "takes one size"
            raise UsageError(f"--partitions {told}.")

    def _check_representation(self) -> None:
        """Refuse options that this representation would not heed, and a chain of one layer."""
        for field in fields(self):
            heeding = [
                kind for kind, needs in REPRESENTATIONS.items() if field.name in needs.options
            ]
            ignored = heeding and self.representation not in heeding
            if ignored and getattr(self, field.name) != field.default:
                raise UsageError(
                    f"--{field.name} goes with --representation {' or '.join(heeding)}, not with "
                    f"{self.representation}."
                )
        if self.needs.placed and (self.source_size or self.style_scale != 1):
            raise UsageError(
                f"--source-size and --style-scale do not go with --representation "
                f"{self.representation}, which compares places: the style picture is brought to "
                "the result's own size."
            )
        if self.needs.paired and len(self.style_layers()) < 2:
            raise UsageError(
                f"--representation {self.representation} matches pairs of neighbouring layers: "
                "name at least two in --layers."
            )

    def _check_pictures(self) -> None:
        """Refuse style files, or several styles, where one picture is needed."""
        if not self.reads_style_picture():
            return
        files = [split_weight(text)[0].endswith(".safetensors") for text in self.styles]
        if len(files) > 1 or files[0]:
            *others, last = (name for name, needs in REPRESENTATIONS.items() if needs.picture)
            raise UsageError(
                f"{', '.join(others)} and {last} representations, guides, partitions and matching "
                "colours first are read from one picture: name a single style picture, no style "
                "file."
            )
        if self.guided() and self.representation != "gram":
            kind = self.representation
            raise UsageError(f"guides go with --representation gram, not with {kind}.")
        if self.guide and self.auto_guides:
            raise UsageError("--guide and --auto-guides: use one of them.")
