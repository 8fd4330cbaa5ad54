"""A table of features: pictures measured wherever the executor is, rows in the order asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from stylespace.commands.command import Output, Result
from stylespace.commands.features.measuring import PATCH, REFERENCE, Rows, View, measured
from stylespace.commands.features.tables import Store, Table, check_columns, record_path, stored
from stylespace.commands.recipes import PACKAGES
from stylespace.commands.sight import check_weights, network_for
from stylespace.commands.spreading import Spread, Tools
from stylespace.errors import PictureError
from stylespace.executors import Failure
from stylespace.files import check_output
from stylespace.images.listing import with_folders
from stylespace.networks.network import Network
from stylespace.settings import FeaturesSettings, recipe_of
from stylespace.styles.sketch import SKETCH_VERSION, fidelity
from stylespace.synthesis.progress import Counting

UNSEEN = "not measured: the call was interrupted."


def made_table(settings: FeaturesSettings, output: Output, path: Path) -> Result:
    """Measure pictures into a table.

    Ctrl-C after the first rows writes those that are there; the others have that as their reason.

    Raises:
        PictureError: a folder without pictures, or not one could be measured.
        UsageError: a CSV or Parquet of too many columns. OutputError: it cannot be written.
    """
    names = with_folders(settings.pictures)
    here = Measurer(settings, network_for(settings, progress=not output.quiet))
    check_columns(path, here.rows.length)
    if path.suffix.lower() == ".csv":
        check_output(record_path(path), force=output.force)
    with stored(path, len(names), here.rows.length) as store:
        reasons, interrupted = _filled(store, names, here, output)
        bad = [place for place, why in enumerate(reasons) if why]
        if len(bad) == len(names):
            if interrupted:
                raise KeyboardInterrupt
            raise PictureError(
                f"none of {len(names)} pictures could be measured; {names[0]!r}: {reasons[0]}"
            )
        figures = {"pictures": len(names), "measured": len(names) - len(bad)}
        record = {**here.record(), **figures}
        table = Table(names, reasons, here.rows.names, store, record)
        outputs = table.write(path, force=output.force)
    remarks = tuple(f"left out {names[k]}: {reasons[k]}" for k in bad if reasons[k] != UNSEEN)
    figures["columns"] = here.rows.length
    recipe = recipe_of(settings.decisive)
    return Result(outputs, figures, recipe, interrupted=interrupted, remarks=remarks)


def _filled(
    store: Store, names: Sequence[str], here: Measurer, output: Output
) -> tuple[list[str], bool]:
    """Fill a store; return the reason of each row that is missing, and whether Ctrl-C came."""
    settings, step = here.settings, here.view.count
    reasons = [UNSEEN] * len(names)
    starts = range(0, len(names), step)
    scales = tuple(here.rows.scales.items())
    tools = Tools(Measurer, (settings, None, here.rows.network.sha256, scales))
    spread, done = Spread(settings.executor, settings.workers), 0
    calls = [(names[start : start + step],) for start in starts]
    with Counting(quiet=output.quiet) as counting:
        counting.at("measuring", 0, len(names))
        try:
            for number, result in spread.results(Measurer.measured, calls, here, tools):
                start, count = starts[number], len(calls[number][0])
                if isinstance(result, Failure):
                    rows, why = None, [result.reason] * count
                else:
                    rows, why = result
                if rows is not None:
                    store.put(start, rows)
                reasons[start : start + count] = why
                done += count
                counting.at("measuring", done, len(names))
        except KeyboardInterrupt:
            return reasons, True
    return reasons, False


class Measurer:
    """Measures pictures by name, in whatever process; the network is opened once in each.

    weights: SHA-256 of the filters where others ask for it. scales: of the layers, None: measured.
    """

    def __init__(
        self,
        settings: FeaturesSettings,
        network: Network | None = None,
        weights: str = "",
        scales: tuple[tuple[str, float], ...] | None = None,
    ) -> None:
        network = network or network_for(settings)
        if weights:
            check_weights(network, weights)
        layers = list(settings.style_layers())
        self.settings, self.view = settings, View(settings.size, settings.square)
        self.rows = Rows(network, settings, layers, None if scales is None else dict(scales))

    def measured(self, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
        """Return the rows of pictures and the reasons of those that are missing."""
        return measured(self.rows, names, self.view)

    def record(self) -> dict[str, Any]:
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
