"""Settings of every command as frozen dataclasses: defaults, types, ranges, help; no torch.

They are the one source of truth: the command line makes its options from their fields, the Python
functions take them as keyword arguments, and a recipe is one of them written as TOML.
"""

from stylespace.settings.commands import (
    COMMANDS,
    STARTS,
    CaptureSettings,
    ProbeSettings,
    Sourced,
    TextureSettings,
    TransferSettings,
)
from stylespace.settings.fields import comma_list, split_weight
from stylespace.settings.inputs import SAMPLE, check_inputs, input_names, source_path
from stylespace.settings.recipe import RECIPE_FILE, read_toml, recipe_of, settings_from, to_toml
from stylespace.settings.shared import Making, Settings, StyleLayers

__all__ = [
    "COMMANDS",
    "RECIPE_FILE",
    "SAMPLE",
    "STARTS",
    "CaptureSettings",
    "Making",
    "ProbeSettings",
    "Settings",
    "Sourced",
    "StyleLayers",
    "TextureSettings",
    "TransferSettings",
    "check_inputs",
    "comma_list",
    "input_names",
    "read_toml",
    "recipe_of",
    "settings_from",
    "source_path",
    "split_weight",
    "to_toml",
]
