"""What measures pictures by name, in whatever process, and what has to be said of its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from stylespace.commands.features.measuring import PATCH, REFERENCE, Rows, View, measured
from stylespace.commands.features.tables import Head
from stylespace.commands.sight import check_weights, network_for
from stylespace.settings import PACKAGES, FeaturesSettings, recipe_of
from stylespace.styles.sketch import SKETCH_VERSION, fidelity


class Measurer:
    """Measures pictures by name, in whatever process; the network is opened once in each."""

    def __init__(self, settings: FeaturesSettings, *, progress: bool = False) -> None:
        network, layers = network_for(settings, progress=progress), list(settings.style_layers())
        self.settings, self.view = settings, View(settings.size, settings.square)
        self.rows = Rows(network, settings, layers)

    def head(self) -> Head:
        """Return what the table says."""
        return Head(self.rows.names, self.view.count, self._record())

    def measured(
        self, names: Sequence[str], weights: str, scales: Mapping[str, float]
    ) -> tuple[np.ndarray, list[str]]:
        """Return the rows of pictures and the reasons of those that are missing.

        weights, scales: SHA-256 of the filters and what the layers are divided by, where the head
        was made.

        Raises:
            WeightsError: the filters here are others.
        """
        check_weights(self.rows.network, weights)
        self.rows.scales = scales
        return measured(self.rows, names, self.view)

    def _record(self) -> dict[str, Any]:
        """Return what has to be said of the numbers: how they were made, in words and values."""
        settings, rows = self.settings, self.rows
        network = rows.network
        norms = (
            f"divided by the mean norm over patches of {PATCH} px in the corners of the eight "
            f"bundled paintings at {REFERENCE} px"
        )
        record = {
            "kind": settings.kind,
            "convention": CONVENTIONS[settings.kind],
            "dimension": rows.length,
            "layers": list(rows.layers),
            "columns": {name: [part.start, part.stop] for name, part in rows.columns.items()},
            "scaling": norms if settings.scaled else "none",
            "scales": dict(rows.scales),
            "size": settings.size,
            "square": settings.square,
            "rotations": 4 if settings.rotations else 1,
            "seed": settings.seed,
            "network": network.name,
            "pooling": network.pooling,
            "padding": network.padding,
            "weights": network.sha256,
            "device": str(network.device),
            "precision": network.precision,
            "stylespace": version("stylespace"),
            "versions": {name: version(name) for name in PACKAGES},
            "recipe": recipe_of(settings.decisive),
        }
        if settings.kind == "sketch":
            record["sketch_version"] = SKETCH_VERSION
            record["rank_correlation"] = fidelity(rows.length, usual=_is_usual(settings))
        return record


def _is_usual(settings: FeaturesSettings) -> bool:
    """Say whether a sketch is made as those whose distances were measured."""
    usual = FeaturesSettings(pictures=settings.pictures)
    same = ("network", "weights", "pooling", "padding", "scaled")
    return list(settings.style_layers()) == list(usual.style_layers()) and all(
        getattr(settings, name) == getattr(usual, name) for name in same
    )


_TRIANGLE = (
    "upper triangle row by row, entries beside the diagonal times the root of 2, so that Euclidean "
    "distances are Frobenius distances"
)
_GRAM = "G = F F^T / N after the ReLU, N positions"
CONVENTIONS = {
    "mean": "mean activation of each channel after the ReLU",
    "gram": f"{_GRAM}; {_TRIANGLE}",
    "covariance": f"G - mu mu^T, {_GRAM}; {_TRIANGLE}",
    "sketch": f"TensorSketch of {_GRAM}, each layer by itself",
}
