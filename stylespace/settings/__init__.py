"""Settings of every command as frozen dataclasses: defaults, types, ranges, help; no torch.

They are the one source of truth: the command line makes its options from their fields, the Python
functions take them as keyword arguments, and a recipe is one of them written as TOML.
"""

from stylespace.settings.commands import (
    COMMANDS,
    CaptureSettings,
    Making,
    ProbeSettings,
    Settings,
    Sourced,
    StyleLayers,
    TextureSettings,
    TransferSettings,
)
from stylespace.settings.fields import comma_list, weighted_source
from stylespace.settings.recipe import read_toml, recipe_of, settings_from, to_toml

__all__ = [
    "COMMANDS",
    "CaptureSettings",
    "Making",
    "ProbeSettings",
    "Settings",
    "Sourced",
    "StyleLayers",
    "TextureSettings",
    "TransferSettings",
    "comma_list",
    "read_toml",
    "recipe_of",
    "settings_from",
    "to_toml",
    "weighted_source",
]
