"""Figures of reports: each function returns a matplotlib figure, `rendered` its two files.

Type, colours and sizes are the same in all. Colours differ in lightness as well as in hue, lines in
their dashes and markers, so that figures are read in grey print and by colour-blind readers.
"""

from stylespace.figures.drawing import DPI, rendered, webp
from stylespace.figures.entries import cosines, intensity, target_against_result
from stylespace.figures.heat_maps import heat_map, small_multiples
from stylespace.figures.maps import style_map
from stylespace.figures.measures import sparsity, spectra
from stylespace.figures.pairs import strongest_pairs
from stylespace.figures.scaling import classical_scaling
from stylespace.figures.spreads import distributions
from stylespace.figures.traces import loss_trace
from stylespace.figures.trees import distances

__all__ = [
    "DPI",
    "classical_scaling",
    "cosines",
    "distances",
    "distributions",
    "heat_map",
    "intensity",
    "loss_trace",
    "rendered",
    "small_multiples",
    "sparsity",
    "spectra",
    "strongest_pairs",
    "style_map",
    "target_against_result",
    "webp",
]
