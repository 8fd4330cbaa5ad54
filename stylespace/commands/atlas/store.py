"""The cells that are done, in files that are written whole: what an atlas goes on from."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from stylespace.commands.atlas.cells import FIGURES, Batch
from stylespace.files import LONGEST_OWN, check_header, parsed_json, read_data, write_whole
from stylespace.settings import recipe_of
from stylespace.settings.atlas import AtlasSettings, Pair

CELLS = "cells"
CHECKS = "checks.json"
KEY = "stylespace.atlas"
"""Name of a file's header; part of the format."""
_ELSEWHERE = ("block", "check", "check_size")
"""Settings that leave a cell as it is."""


def mark_of(settings: AtlasSettings, weights: str) -> str:
    """Return the SHA-256 of everything that decides what a cell looks like."""
    recipe = recipe_of(settings.decisive)
    content = {name: value for name, value in recipe.items() if name not in _ELSEWHERE}
    text = json.dumps({**content, "layer": settings.place, "weights": weights}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """The batches of a folder that carry the mark and are whole; others do not count.

    figures: {(i, j): its figures} of every cell that is done.
    """

    def __init__(self, folder: Path, mark: str, weights: str) -> None:
        self._folder, self._mark, self._weights = folder / CELLS, mark, weights
        self._paths: dict[Pair, Path] = {}
        self.figures: dict[Pair, dict[str, float]] = {}
        for path in sorted(self._folder.glob("*.safetensors")):
            if batch := self._read(path):
                self._enter(path, batch)

    def add(self, batch: Batch) -> None:
        """Write a batch.

        Raises:
            OutputError: it cannot be written.
        """
        tensors = {
            "pairs": np.array(batch.pairs, dtype=np.int64),
            "pictures": np.ascontiguousarray(batch.pictures),
            **{name: batch.figures[name].astype(np.float64) for name in FIGURES},
        }
        about = {"mark": self._mark, "weights": self._weights, "digest": _digest(tensors)}
        header = {KEY: json.dumps(about)}  # one key: the order of several is by chance
        path = self._folder / f"{'-'.join(map(str, batch.pairs[0]))}.safetensors"
        write_whole(path, save(tensors, header), force=True)
        self._enter(path, batch)

    def pictures(self, pairs: Iterable[Pair]) -> dict[Pair, np.ndarray]:
        """Return the pictures (S, S, 3) of those of the entries that are done."""
        wanted = {pair for pair in pairs if pair in self._paths}
        pictures: dict[Pair, np.ndarray] = {}
        for path in sorted({self._paths[pair] for pair in wanted}):
            if batch := self._read(path):
                pictures |= dict(zip(batch.pairs, batch.pictures, strict=True))
        return {pair: picture for pair, picture in pictures.items() if pair in wanted}

    def checks(self, size: int) -> dict[Pair, float]:
        """Return {(i, j): value} of the full probes of that size that are done."""
        with suppress(OSError, ValueError, TypeError, AttributeError):
            record = parsed_json(read_data(self._folder / CHECKS, LONGEST_OWN))
            if (record["mark"], record["size"]) == (self._mark, size):
                return {(int(i), int(j)): float(value) for i, j, value in record["values"]}
        return {}

    def keep_checks(self, size: int, values: Mapping[Pair, float]) -> None:
        """Write the values of full probes, in an order that does not tell who ended first."""
        rows = [[*pair, value] for pair, value in sorted(values.items())]
        text = json.dumps({"mark": self._mark, "size": size, "values": rows})
        write_whole(self._folder / CHECKS, text.encode(), force=True)

    def _enter(self, path: Path, batch: Batch) -> None:
        self.figures |= batch.rows
        self._paths |= dict.fromkeys(batch.pairs, path)

    def _read(self, path: Path) -> Batch | None:
        """Return the batch of a file, or None if it is damaged or was made otherwise."""
        with suppress(SafetensorError, OSError, KeyError, ValueError, TypeError):
            check_header(path)
            with safe_open(path, framework="numpy") as file:
                about = parsed_json((file.metadata() or {}).get(KEY, "{}"))
                if about.get("mark") != self._mark:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if about.get("digest") == _digest(tensors):
                pairs = tuple(map(tuple, tensors.pop("pairs").tolist()))
                return Batch(pairs, tensors.pop("pictures"), tensors)
        return None


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of what a file holds: a header alone does not tell a wrong byte."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} {tensors[name].dtype}".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()
