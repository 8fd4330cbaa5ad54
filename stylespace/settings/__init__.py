"""Settings of every command as frozen dataclasses: defaults, types, ranges, help; no torch.

They are the one source of truth: the command line makes its options from their fields, the Python
functions take them as keyword arguments, and a recipe is one of them written as TOML.
"""

from stylespace.settings.atlas import AtlasSettings
from stylespace.settings.bench import BenchSettings
from stylespace.settings.capture import CaptureSettings
from stylespace.settings.edit import EditSettings
from stylespace.settings.explain import ExplainSettings
from stylespace.settings.features import MOST_COLUMNS, FeaturesSettings, Vectors
from stylespace.settings.fields import comma_list, option_name
from stylespace.settings.inputs import check_inputs, check_there
from stylespace.settings.probe import GOALS, ProbeSettings
from stylespace.settings.recipe import (
    PACKAGES,
    RECIPE_FILE,
    read_toml,
    recipe_of,
    recipe_text,
    recorded_settings,
    settings_from,
    to_toml,
    toml_of,
)
from stylespace.settings.report import DISTANCES, MOST_DETAILED, PAGE, Measuring, ReportSettings
from stylespace.settings.score import ScoreSettings
from stylespace.settings.shared import COMMANDS, Making, Settings, StyleLayers
from stylespace.settings.similar import SimilarSettings
from stylespace.settings.sourced import Sourced
from stylespace.settings.texture import TextureSettings
from stylespace.settings.transfer import STARTS, TransferSettings
