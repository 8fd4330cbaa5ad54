"""stylespace: see, probe, sample and move in the space of artistic styles.

Names are imported when they are first used, so that `import stylespace` costs no torch.
"""

import importlib
from typing import Any

_HOMES = {
    "load_network": "networks.loading",
    "wrap_network": "networks.wrapped",
    "Network": "networks.network",
    "gram": "styles.gram",
    "mean": "styles.gram",
    "covariance": "styles.gram",
    "shifted_gram": "styles.gram",
    "chained_gram": "styles.gram",
    "Style": "styles.style",
    "Objective": "losses.objective",
    "Term": "losses.objective",
    "Terms": "losses.objective",
    "statistics": "styles.statistics.layers",
    "gram_distances": "styles.distances",
    "synthesize": "synthesis.loop",
    "coarse_to_fine": "synthesis.pyramid",
    "probe": "commands.probe.probes",
    "edit": "commands.edit.edits",
    "atlas": "commands.atlas.making",
    "texture": "commands.texture.textures",
    "transfer": "commands.transfer.transfer",
    "report": "reports.making",
    "explain": "reports.explaining.making",
    "similar": "reports.searching",
    "score": "commands.score.making",
    "protocols": "settings.protocols",
    "StyleFeatures": "commands.features.transformer",
    "dissimilarity": "styles.distances.dissimilarity",
    "rank_correlation": "styles.distances.dissimilarity",
    "plot_gram": "figures.plots",
    "plot_sparsity": "figures.plots",
    "plot_spectrum": "figures.plots",
    "local_gram_distance": "losses.local",
    "covariance_distance": "losses.covariance",
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
