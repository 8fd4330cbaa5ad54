"""Settings of every command as frozen dataclasses: defaults, types, ranges, help; no torch.

They are the one source of truth: the command line makes its options from their fields, the Python
functions take them as keyword arguments, and a recipe is one of them written as TOML.
"""

from stylespace.settings.atlas import AtlasSettings
from stylespace.settings.commands import (
    COMMANDS,
    CaptureSettings,
    EditSettings,
    ProbeSettings,
    TextureSettings,
)
from stylespace.settings.fields import comma_list, option_name, split_weight
from stylespace.settings.inputs import SAMPLE, check_inputs, input_names, source_path
from stylespace.settings.probe import GOALS
from stylespace.settings.recipe import (
    RECIPE_FILE,
    read_toml,
    recipe_of,
    settings_from,
    to_toml,
    toml_of,
)
from stylespace.settings.report import DISTANCES, MOST_DETAILED, ReportSettings, SimilarSettings
from stylespace.settings.shared import Making, Settings, StyleLayers
from stylespace.settings.sourced import Sourced
from stylespace.settings.transfer import STARTS, TransferSettings

__all__ = [
    "COMMANDS",
    "DISTANCES",
    "GOALS",
    "MOST_DETAILED",
    "RECIPE_FILE",
    "SAMPLE",
    "STARTS",
    "AtlasSettings",
    "CaptureSettings",
    "EditSettings",
    "Making",
    "ProbeSettings",
    "ReportSettings",
    "Settings",
    "SimilarSettings",
    "Sourced",
    "StyleLayers",
    "TextureSettings",
    "TransferSettings",
    "check_inputs",
    "comma_list",
    "input_names",
    "option_name",
    "read_toml",
    "recipe_of",
    "settings_from",
    "source_path",
    "split_weight",
    "to_toml",
    "toml_of",
]
