"""Settings as recipes: mappings that TOML and JSON hold."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stylespace.errors import PictureError, UsageError, check_known
from stylespace.files import parsed_toml, read_data
from stylespace.networks.catalogue import check_given
from stylespace.settings.shared import COMMANDS, Settings, default_content_layer

RECIPE_FILE = "recipe.toml"
"""The name of the recipe in a folder that a command made."""
PACKAGES = ("stylespace", "torch", "numpy")
"""Whose versions a result names, as they decide it."""
SINCE = "0.2.0"
"""The version whose defaults hold today; a recipe file names it, as it may leave settings out."""


def _by_match(gram: Any, other: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda values: gram if values.get("match", "gram") == "gram" else other


EARLIER: dict[str, dict[str, dict[str, Any]]] = {
    "0.1.0": {
        "": {"network": "vgg16-hed"},
        "probe": {"parameters": "fourier"},
        "transfer": {
            "content_layers": lambda values: [default_content_layer(values["network"])],
            **{"parameters": "pixels", "iterations": [250], "content_weight": 0.3, "layout": 1.0},
            **{"detail": 0.0, "tv_weight": 0.5, "tv_where": "all", "grey": "never"},
            "alpha": "flatten",
            "keep_weight": 0.5,
        },
        "texture": {
            **{"grey": "never", "padding": "zeros", "parameters": "pixels", "iterations": [300]},
            **{"init": _by_match("colour", "grey"), "tv_weight": _by_match(0.1, 0.01)},
        },
    },
}
"""{version: {command, or "" for all: defaults that were others then, or read off the rest}}; for
what a recipe leaves out or empty."""


def recipe_of(settings: Settings) -> dict[str, Any]:
    """Return a recipe: the command and every setting, as TOML and JSON can hold them."""
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(settings).items()
        if value is not None
    }
    return {"command": settings.command, **values}


def settings_from(recipe: Mapping[str, Any], version: str = SINCE) -> Settings:
    """Return the settings that a recipe holds; what it leaves out is at its version's default.

    version: that wrote it, where the recipe does not say so itself (`version = "0.1.0"`).

    Raises:
        UsageError: no or an unknown command, an unknown key (nearest named), a wrong type.
    """
    kind, values = kind_and_values(recipe, version)
    check_given(values)
    return kind(**{name: typed(kind, name, value) for name, value in values.items()})


def kind_and_values(
    recipe: Mapping[str, Any], version: str = SINCE
) -> tuple[type[Settings], dict[str, Any]]:
    """Return the class of settings that a recipe is of, and the values that it gives them.

    Raises:
        UsageError: no or an unknown command, an unknown key (nearest named).
    """
    values = dict(recipe)
    command, version = str(values.pop("command", "")), str(values.pop("version", version))
    check_known("command in the recipe", command, COMMANDS)
    kind = COMMANDS[command]
    then = EARLIER.get(version, {})
    defaults = {**then.get("", {}), **then.get(command, {})}
    given = {name: value for name, value in values.items() if value != [] or name not in defaults}
    values = {**defaults, **given}
    values = {name: value(values) if callable(value) else value for name, value in values.items()}
    known = [one.name for one in dataclasses.fields(kind)]
    for key in values:
        check_known(f"setting of {command}", key, known)
    return kind, values


def recorded_settings(record: Mapping[str, Any]) -> Settings:
    """Return the settings of what a picture carries: its recipe, and the version that wrote it.

    Raises:
        UsageError: see `settings_from`.
    """
    versions = record.get("versions")
    known = versions.get("stylespace", SINCE) if isinstance(versions, Mapping) else SINCE
    return settings_from(record["recipe"], known)


def typed(settings: type[Settings], name: str, value: Any) -> Any:
    """Return a recipe's value of a setting in its field's type.

    Raises:
        UsageError: it is of another.
    """
    one = settings.__dataclass_fields__[name]
    kind = one.type.removesuffix(" | None")
    if kind.startswith("tuple"):
        items = value if isinstance(value, list | tuple) else [value]
        if all(kind == f"tuple[{type(item).__name__}, ...]" for item in items):
            return tuple(items)
    elif kind == "float" and type(value) in (int, float):
        return float(value)
    elif kind == type(value).__name__:
        return value
    raise UsageError(f"{one.name} = {value!r} in the recipe: {_WANTED[kind]} is needed.")


_WANTED = {
    "str": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "tuple[str, ...]": "a list of texts",
    "tuple[int, ...]": "a list of whole numbers",
}


def read_toml(path: Path) -> Settings:
    """Return the settings of a recipe file.

    Raises:
        UsageError: not TOML, or see `settings_from`. PictureError: missing or unreadable.
    """
    return settings_from(toml_of(path))


def toml_of(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds; see `recipe_text`."""
    return parsed_toml(recipe_text(path))


def recipe_text(path: Path) -> str:
    """Return the text of a TOML file: at most 1 MB, 8 levels deep, numbers of 64 bits.

    Raises:
        UsageError: not such TOML. PictureError: missing, unreadable, too long, or a device.
    """
    try:
        text = read_data(path).decode()
        parsed_toml(text)
    except FileNotFoundError:
        raise PictureError(f"recipe {str(path)!r} is missing: check the path.") from None
    except ValueError as error:
        raise UsageError(
            f"recipe {str(path)!r} is not TOML that can be read ({error}): correct it."
        ) from None
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise PictureError(
            f"recipe {str(path)!r} cannot be read ({cause}): check the path."
        ) from None
    return text


def to_toml(settings: Settings) -> str:
    """Return the settings as a recipe in TOML."""
    return toml_text(recipe_of(settings))


def toml_text(recipe: Mapping[str, Any]) -> str:
    """Return a recipe in TOML, under the version whose defaults it has."""
    import tomli_w

    return tomli_w.dumps({"version": SINCE, **recipe})
