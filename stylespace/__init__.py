"""stylespace: see, probe, sample and move in the space of artistic styles.

Names are imported when they are first used, so that `import stylespace` costs no torch.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_HOMES = {
    "load_network": "networks",
    "Network": "networks",
    "gram": "gram",
    "mean": "gram",
    "covariance": "gram",
    "shifted_gram": "gram",
    "chained_gram": "gram",
    "Style": "style",
    "Objective": "objectives",
    "Term": "objectives",
    "Terms": "objectives",
    "statistics": "statistics",
    "gram_distances": "distances",
    "synthesize": "synthesis",
    "coarse_to_fine": "ladder",
    "probe": "probes",
    "edit": "edits",
    "atlas": "atlas",
    "texture": "textures",
    "transfer": "transfer",
    "report": "reports.making",
    "similar": "reports.searching",
    "local_gram_distance": "local",
    "covariance_distance": "covariance",
    "read_image": "images",
    "write_image": "images",
    "StylespaceError": "errors",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stylespace' has no attribute {name!r}")
    return getattr(importlib.import_module(f"stylespace.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps gram and its like functions: an import would put the modules in their place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
