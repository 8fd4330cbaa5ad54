"""Parts of the program against what they stand in for, on the CPU in float32."""

import functools
from collections.abc import Iterator
from typing import Any

import torch

from stylespace.images import resize_to
from stylespace.losses.entries import entry_term
from stylespace.losses.matching import MATCHES
from stylespace.losses.objective import Objective
from stylespace.losses.representations import Representation, represented_style
from stylespace.losses.terms import Terms
from stylespace.networks.network import Network
from stylespace.settings import BenchSettings, TransferSettings
from stylespace.studies.bench.rows import Measured, Piece, compared, interleaved
from stylespace.studies.bench.steps import network_at, objective_call, style_layers
from stylespace.studies.plain import (
    benchmark_features,
    plain_value_and_gradient,
    value_and_gradient,
)
from stylespace.styles.sources import open_picture, open_styles
from stylespace.styles.style import Style
from stylespace.synthesis.loop import synthesize
from stylespace.synthesis.parameters import Fourier

REPRESENTATIONS: tuple[dict[str, Any], ...] = (
    {"representation": "local", "window": ("1",)},
    {"representation": "local", "window": ("2",)},
    {"representation": "local", "window": ("4",)},
    {"representation": "local", "window": ("4",), "stride": 9},
    {"representation": "covariance"},
    {"representation": "chained"},
    {"representation": "sliced"},
)
"""Representations of a style, with their settings, whose step is measured."""
BATCH, ENTRY_STEPS = 2, 8
"""Entries of a batch, and the evaluations of each that are timed."""


def part_pieces(settings: BenchSettings) -> Iterator[Piece]:
    """Yield what is compared with a plainer way to do the same."""
    here = settings.at("cpu", "float32")
    part = functools.partial(Piece, "parts")
    yield part("distribution step, 192 px", lambda: distribution_row(network_at(here)), "1.3")
    yield part("probe entries in a batch", lambda: batch_row(network_at(here)), "1")
    yield part("local distance, C 64, 128x128, s 3", local_row, "1/20 = 0.05")
    for options in REPRESENTATIONS:
        plain = {name: value[0] if name == "window" else value for name, value in options.items()}
        kind = plain.pop("representation")
        told = " ".join(f"{name} {value}" for name, value in plain.items())
        measure = functools.partial(representation_row, here, options)
        yield part(f"step, {kind} {told}".strip() + ", 256 px", measure)


def distribution_row(network: Network) -> Measured:
    """A step that matches sorted entries against one that matches every entry in its place."""
    by_entry, by_rank = (matching(network, match, 192) for match in ("gram", "distribution"))
    return compared(
        lambda: objective_call(by_rank, 192), "Gram step", lambda: objective_call(by_entry, 192)
    )


def matching(network: Network, match: str, size: int) -> Objective:
    """Return the objective of a texture to conv4_1."""
    picture = resize_to(open_picture("sample:gogh-auvers"), size, size)
    style = Style.capture(network, picture, style_layers(network)[:-1])
    terms = (MATCHES[match](name, g, 1.0) for name, g in style.grams.items())
    return Objective(network, Terms(tuple(terms)))


def local_row() -> Measured:
    """The localised distance with gradient against maps of its Gram entries, in blocks."""
    f, p = benchmark_features()
    return compared(
        lambda: value_and_gradient(f, p, 3),
        "plain maps",
        lambda: plain_value_and_gradient(f, p, 3),
        runs=2,
    )


def representation_row(settings: BenchSettings, options: dict[str, Any]) -> Measured:
    """A step in a representation against one in global Gram matrices, 256 px."""
    network = network_at(settings)
    ours, gram = (
        Objective(network, represented(network, **given).terms(256, 256))
        for given in (options, {"representation": "gram"})
    )
    return compared(
        lambda: objective_call(ours, 256), "Gram step", lambda: objective_call(gram, 256), runs=2
    )


def represented(network: Network, **options: Any) -> Representation:
    """Return the style of a transfer at 256 px from van Gogh, in whatever representation."""
    content, style = "sample:astronaut", "sample:gogh-auvers"
    options = {"size": 256, "network": network.name, **options}
    settings = TransferSettings(content=content, styles=(style,), **options)
    picture = resize_to(open_picture(content), 256, 256)
    return represented_style(settings, network, picture, open_styles(settings.styles))


def batch_row(network: Network) -> Measured:
    """Entries of conv3_1 at 128 px in a batch against the same ones one by one."""
    together, alone = interleaved(
        lambda: entries_call(network, BATCH, 1), lambda: entries_call(network, 1, BATCH), runs=3
    )
    a_minute = 60 * BATCH * ENTRY_STEPS / 256  # an entry takes 256 evaluations
    figures = {"entries a minute": a_minute / together}
    return Measured(together, "one by one", alone, figures=figures)


def entries_call(network: Network, count: int, times: int) -> None:
    """Optimise `count` entries at once for a few evaluations, `times` times."""
    fourier = Fourier(128, 128)
    noise = fourier.noise(1, generator=torch.Generator().manual_seed(0))
    entries = torch.tensor([(k, 2 * k + 1) for k in range(count)])
    objective = Objective(network, Terms((entry_term("conv3_1", entries),)))
    for _ in range(times):
        start = fourier.decode(noise).repeat(count, 1, 1, 1)
        synthesize(objective, start, optimizer="adam", steps=ENTRY_STEPS, parameters=fourier)
