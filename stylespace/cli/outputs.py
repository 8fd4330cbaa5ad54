"""Where the results of a command go: names that are free, and checks before anything slow."""

from __future__ import annotations

import os
from pathlib import Path

from stylespace.assets import SAMPLE, source_path, split_weight
from stylespace.errors import OutputError, UsageError, nearest
from stylespace.files import STYLE_SUFFIX, holds, numbered
from stylespace.settings import (
    RECIPE_FILE,
    AtlasSettings,
    CaptureSettings,
    EditSettings,
    Making,
    ProbeSettings,
    ReportSettings,
    Settings,
    SimilarSettings,
    TextureSettings,
    TransferSettings,
    to_toml,
)

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
PAGE = "index.html"
"""The page of a report."""
LONGEST = {".webp": 16383}
"""Sides in pixels that a format cannot hold more of; the others hold any picture made here."""


def is_folder(settings: Settings) -> bool:
    """Several entries go into a folder, and so does a report."""
    if isinstance(settings, AtlasSettings | ReportSettings):
        return True
    if isinstance(settings, TransferSettings):
        return settings.partitions
    return isinstance(settings, ProbeSettings) and settings.several


def recipe_text(settings: Settings) -> str:
    """Return the recipe that a folder holds: of an atlas without where it is computed."""
    return to_toml(settings.decisive if isinstance(settings, AtlasSettings) else settings)


def has_figure(settings: Settings) -> bool:
    """Say whether a figure goes beside the picture."""
    if isinstance(settings, TransferSettings):
        return settings.guided() and not is_folder(settings)
    kinds = (ProbeSettings, EditSettings, TextureSettings)
    return isinstance(settings, kinds) and not is_folder(settings)


def figure_path(path: Path) -> Path:
    """Return where the figure of a picture goes."""
    return path.with_name(f"{path.stem}-figure.png")


def taken(path: Path, settings: Settings) -> bool:
    """Say whether a name is in use, or that of the figure that belongs to it."""
    figure = has_figure(settings) and os.path.lexists(figure_path(path))
    return os.path.lexists(path) or figure


def free_path(folder: Path | str, settings: Settings) -> Path:
    """Return the first of a result's names in a folder that is not taken."""
    names = numbered(folder, stem(settings), _suffix(settings))
    return next(path for path in names if not taken(path, settings))


def chosen_path(settings: Settings) -> Path:
    """Return a free name; of a folder also the one that this very call began to fill."""
    if not is_folder(settings):
        return free_path("", settings)
    recipe = recipe_text(settings)
    return next(
        path
        for path in numbered("", stem(settings), _suffix(settings))
        if not os.path.lexists(path) or (holds(path / RECIPE_FILE, recipe) and not _finished(path))
    )


def _finished(path: Path) -> bool:
    """Say whether a folder holds a report that is done; other folders are gone on with."""
    return os.path.lexists(path / PAGE)


def check_no_picture(path: Path, settings: Settings) -> None:
    """Refuse the name of a picture or a page for a folder."""
    suffix, use = path.suffix.lower(), f"use {str(path.with_suffix(''))!r}"
    if isinstance(settings, ReportSettings):
        if suffix in (*PICTURES, ".html", ".pdf"):
            raise UsageError(f"--out {str(path)!r}: a report goes into a folder: {use}.")
    elif suffix in PICTURES:
        many = "partitions" if isinstance(settings, TransferSettings) else "entries"
        more = ", or one --entry" if isinstance(settings, ProbeSettings) else ""
        raise UsageError(
            f"--out {str(path)!r} is the name of a picture, and several {many} go into a folder: "
            f"{use}{more}."
        )


def check_format(path: Path, settings: Settings, *, picture: bool = False) -> None:
    """Refuse a name whose suffix says nothing, or a format that cannot hold the picture."""
    if not picture and isinstance(settings, CaptureSettings):
        if not path.name.endswith(STYLE_SUFFIX):
            raise UsageError(f"{str(path)!r}: a style file's name must end in {STYLE_SUFFIX}.")
        return
    suffix = path.suffix.lower()
    if isinstance(settings, SimilarSettings) and suffix not in (".jpg", ".jpeg"):
        raise UsageError(f"{str(path)!r}: the sheet is a JPEG: its name must end in .jpg.")
    if suffix not in PICTURES:
        raise UsageError(
            f"{str(path)!r}: {suffix!r} is no picture format that is written."
            f"{nearest(suffix, PICTURES)} Known: {', '.join(PICTURES)}."
        )
    if settings.size > LONGEST.get(suffix, settings.size):
        raise OutputError(
            f"{str(path)!r}: {suffix} holds at most {LONGEST[suffix]} pixels a side: use .png."
        )


def check_distinct(outputs: list[Path | None], settings: Settings) -> None:
    """Refuse outputs that would overwrite each other, or a preview or trace over an input."""
    if (outputs[1] or outputs[2]) and not isinstance(settings, Making):
        raise UsageError("--preview and --trace belong to commands that make a picture.")
    inputs = [source_path(name) for name in settings.inputs()]
    named = [os.path.realpath(path) for path in (*inputs, *outputs) if path is not None]
    for output in outputs[1:]:
        if output is not None and named.count(os.path.realpath(output)) > 1:
            raise UsageError(f"{str(output)!r} is named twice: give every output its own name.")


def _suffix(settings: Settings) -> str:
    if is_folder(settings):
        return ""
    suffixes = {CaptureSettings: STYLE_SUFFIX, SimilarSettings: ".jpg"}
    return suffixes.get(type(settings), ".png")


def stem(settings: Settings) -> str:
    """Return the result's name without suffix, used where the user gives none."""
    if isinstance(settings, AtlasSettings):
        return settings.stem
    if isinstance(settings, ProbeSettings):
        layer, i, j = settings.first
        return f"probes-{layer}" if is_folder(settings) else f"probe-{layer}-{i}-{j}"
    if isinstance(settings, EditSettings):
        layer, i, j = settings.place()
        return f"edit-{_short(settings.source)}-{layer}-{i}-{j}"
    if isinstance(settings, ReportSettings):
        return f"{_short(settings.pictures[0])}-report"
    if isinstance(settings, SimilarSettings):
        return f"similar-{_short(settings.picture)}"
    if isinstance(settings, TransferSettings):
        suffix = "-partitions" if settings.partitions else ""
        return f"transfer-{_short(settings.content)}-{_short(settings.styles[0])}{suffix}"
    first = _short(settings.sources[0])
    return first if isinstance(settings, CaptureSettings) else f"texture-{first}"


def _short(source: str) -> str:
    """Return a short name for a source: its file name without folder, suffix and weight."""
    name = Path(split_weight(source)[0].removeprefix(SAMPLE)).name
    plain = name.removesuffix(STYLE_SUFFIX)
    return (plain if plain != name else Path(name).stem)[:60] or "picture"
