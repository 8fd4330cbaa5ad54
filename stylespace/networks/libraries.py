"""Networks of torchvision and timm by name: whether there is one, its module, what it sees."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import torch
from torch import nn

from stylespace.errors import UsageError, WeightsError, nearest

Numbers = tuple[float, float, float]
"""One number for each of red, green and blue."""
LISTS = {
    "torchvision": "https://docs.pytorch.org/vision/stable/models.html",
    "timm": "python -c 'import timm; print(timm.list_models())'",
}
"""Where the names of a library stand."""


def known_name(network: str) -> tuple[str, str]:
    """Return (library, name) of "torchvision:resnet50".

    Raises:
        UsageError: no such network (nearest given). WeightsError: no such library here.
    """
    library, _, name = network.partition(":")
    if importlib.util.find_spec(library) is None:
        raise WeightsError(
            f"{network} needs the package {library}: pip install 'stylespace[timm]'."
        )
    known = _names(library)
    if name.partition(".")[0] not in known or (library == "torchvision" and name not in known):
        near = nearest(name, known)
        raise UsageError(f"{library} has no network {name!r}.{near} Its names: {LISTS[library]}.")
    return library, name


def _names(library: str) -> list[str]:
    if library == "timm":
        import timm

        return timm.list_models()
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def built(network: str, seed: int | None = None) -> nn.Module:
    """Return the module of a network of a library.

    seed: of the weights that its authors' own initialisation draws; None: for its shapes alone.

    Raises:
        UsageError, WeightsError: see `known_name`.
    """
    library, name = known_name(network)
    make = _timm_module if library == "timm" else _torchvision_module
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # of initialisations that may change
        torch.manual_seed(seed or 0)
        if seed is None:
            try:
                with torch.device("meta"):
                    return make(name)
            except NotImplementedError:  # it reads values while it is made
                pass
        return make(name)


def _torchvision_module(name: str) -> nn.Module:
    from torchvision.models import get_model

    module = get_model(name, weights=None)
    if hasattr(module, "transform_input"):
        module.transform_input = True  # from the normalisation of ImageNet to its own
    return module


def _timm_module(name: str) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, pretrained=False)
    except RuntimeError as error:  # an unknown tag
        if "tag" not in str(error):
            raise
        tags = timm.list_pretrained(f"{name.partition('.')[0]}*")
        raise UsageError(f"timm: {error}{nearest(name, tags)} Known: {', '.join(tags)}.") from None


def leaves(module: nn.Module) -> dict[str, Any]:
    """Return the modules and functions of timm that a module is not followed into; see `Graph`."""
    if not any(type(one).__module__.startswith("timm.") for one in module.modules()):
        return {}
    from timm.models import get_notrace_functions, get_notrace_modules

    return {"leaves": get_notrace_modules(), "functions": get_notrace_functions()}


def normalisation(network: str, module: nn.Module) -> tuple[Numbers, Numbers]:
    """Return what is taken off the picture in [0, 1], and what divides it."""
    if network.startswith("timm:"):
        seen: Any = module.pretrained_cfg
        return seen["mean"], seen["std"]
    seen = torchvision_weights(network).transforms()
    return tuple(seen.mean), tuple(seen.std)


def torchvision_weights(network: str) -> Any:
    """Return torchvision's first ImageNet weights of a network: their address and more."""
    from torchvision.models import get_model_weights

    every = get_model_weights(network.partition(":")[2])
    return getattr(every, "IMAGENET1K_V1", every.DEFAULT)
