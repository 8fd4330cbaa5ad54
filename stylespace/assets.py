"""What travels with the package: sample pictures and embedded network weights, with their sources.

Also what the name of a picture stands for: a path, or `sample:NAME`. Imports only the standard
library, so that listing samples costs no torch. Every fact comes from `data/sources.toml`; nothing
is fetched.
"""

import hashlib
import importlib.util
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stylespace.errors import PictureError, StylespaceError, UsageError, WeightsError, check_known

SAMPLE = "sample:"
MEMORY = "memory:"
"""Prefix of what has no file: a picture or a style that Python gave, named by its hash."""
LARGEST_WEIGHT = 1e6
PACKAGES = {"scikit-image": "skimage", "scikit-learn": "sklearn", "matplotlib": "matplotlib"}
"""{package with photographs: its name in Python}."""
GROUPS: dict[str, Literal["painting", "photograph"]] = {
    "painting": "painting",
    "study": "painting",
    "photograph": "photograph",
}
"""{table of sources.toml: kind of its samples}."""


@dataclass(frozen=True)
class Sample:
    """A picture that needs no download: a bundled painting, or a photograph of another package.

    Attributes:
        name: short name, as in `sample:NAME`.
        kind: `painting` (travels with stylespace) or `photograph` (inside `PACKAGES`).
        artist: painter or photographer.
        title: title, or what the photograph shows.
        year: year as text, such as `about 1831`, or `unknown`.
        licence: SPDX expression; `LicenseRef-public-domain` where the author gave up all rights,
            `LicenseRef-no-known-restrictions` where the holder knows of none.
        source: where the file comes from.
    """

    name: str
    kind: Literal["painting", "photograph"]
    artist: str
    title: str
    year: str
    licence: str
    source: str


def samples() -> tuple[Sample, ...]:
    """All samples: bundled paintings, those for studies, photographs; each in order of names."""
    tables, about = _sources(), ("name", "artist", "title", "year", "licence", "source")
    return tuple(
        Sample(kind=kind, **{field: table[field] for field in about})
        for group, kind in GROUPS.items()
        for table in tables[group]
    )


def paintings() -> tuple[str, ...]:
    """Names of the eight paintings that numbers are compared with; those for studies are others."""
    return tuple(table["name"] for table in _sources()["painting"])


def sample_path(name: str) -> Path:
    """Path of the picture file of a sample.

    Raises:
        UsageError: no sample has this name.
        PictureError: the file is missing from stylespace or from the other package.
    """
    sources = _sources()
    tables = {one["name"]: one for kind in GROUPS for one in sources[kind]}
    check_known("sample", name, tables)
    package = tables[name].get("package")
    file = (_folder_of(package) if package else data_folder()) / tables[name]["file"]
    if not file.is_file():
        owner = package or "stylespace"
        raise PictureError(f"sample {name!r}: {file} is missing; reinstall {owner}.")
    return file


def sample_like(path: Path) -> Sample | None:
    """The sample whose file, or a copy of it, is at a path; None of other files."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
    sources = _sources()
    every = [one for group in GROUPS for one in sources[group]]
    name = next((one["name"] for one in every if one["sha256"] == digest), None)
    return next((sample for sample in samples() if sample.name == name), None)


def source_path(name: str) -> Path:
    """Return the file that `name` stands for; it need not exist unless it is a sample.

    Raises:
        UsageError: an unknown sample (nearest named). PictureError: what was only in memory.
    """
    if name.startswith(MEMORY):
        raise PictureError(
            f"{name!r} was given in memory and is no file: save it, and name the file instead."
        )
    return sample_path(name.removeprefix(SAMPLE)) if name.startswith(SAMPLE) else Path(name)


def split_weight(text: str) -> tuple[str, float]:
    """Split "PATH=0.3" into path and weight; without weight it weighs 1.

    The name of a file that exists keeps its equals sign.

    Raises:
        UsageError: the weight is not a positive number.
    """
    match = re.fullmatch(r"(.+)=([^=/\\]*)", text, re.DOTALL)
    if not match or os.path.exists(text):
        return text, 1.0
    return match[1], positive(match[2], text)


def positive(number: str, text: str) -> float:
    """Return the weight behind an equals sign.

    Raises:
        UsageError: not a number above 0, at most a million.
    """
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value <= LARGEST_WEIGHT:
        raise UsageError(
            f"{text!r}: the weight after '=' must be a number above 0, at most "
            f"{LARGEST_WEIGHT:.0f}."
        )
    return value


def weights_path(network: str) -> Path:
    """Path of the embedded weights of a network.

    Raises:
        WeightsError: the file is missing.
    """
    path = data_folder() / _weights_source(network)["file"]
    if not path.is_file():
        raise WeightsError(f"the embedded weights {path} are missing; reinstall stylespace.")
    return path


def weights_sha256(network: str) -> str:
    """SHA-256 that the embedded weights of a network must have, 64 hexadecimal digits."""
    return _weights_source(network)["sha256"]


@dataclass(frozen=True)
class ChannelSheet:
    """What each channel of some layers looks like alone: square cells of a picture, row by row.

    path: of the picture. cell: side in pixels. columns: cells a row. first: {layer: number of the
    cell of its channel 0}.
    """

    path: Path
    cell: int
    columns: int
    first: Mapping[str, int]


def channel_sheet(filters: str) -> ChannelSheet | None:
    """Sheet of the channels of a network; None of networks without one.

    Args:
        filters: SHA-256 of the network's filters.
    """
    table = next((one for one in _sources()["channels"] if one["filters"] == filters), None)
    if table is None:
        return None
    path = data_folder() / table["file"]
    return ChannelSheet(path, table["cell"], table["columns"], table["first"])


def data_folder() -> Path:
    """Folder of the bundled data: inside an installed package, beside it in a checkout.

    Raises:
        StylespaceError: neither place holds the data.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "data", package.parent / "data"):
        if (folder / "sources.toml").is_file():
            return folder
    raise StylespaceError(f"the bundled data of {package} are missing; reinstall stylespace.")


def _sources() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((data_folder() / "sources.toml").read_text(encoding="utf-8"))


def _weights_source(network: str) -> dict[str, Any]:
    return next(table for table in _sources()["weights"] if table["name"] == network)


def _folder_of(package: str) -> Path:
    """Where a package is installed, without importing it (that takes a second)."""
    spec = importlib.util.find_spec(PACKAGES[package])
    if spec is None or spec.origin is None:
        return Path(package)  # does not exist: asking for a photograph says what to install
    return Path(spec.origin).parent
