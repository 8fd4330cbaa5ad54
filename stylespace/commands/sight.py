"""The network that settings name."""

from dataclasses import replace
from typing import Any, TypeVar

from stylespace.errors import UsageError, WeightsError
from stylespace.networks.devices import known_precision
from stylespace.networks.loading import load_network
from stylespace.networks.network import Network
from stylespace.networks.network_entry import MODULE
from stylespace.settings import Settings

Kind = TypeVar("Kind", bound=Settings)
SIGHT = ("network", "weights", "pooling", "padding", "device", "precision")
"""Settings that say which network sees a picture, and where."""


def sight_of(settings: Settings) -> tuple[str | None, ...]:
    """Return the values of these settings: alike where the network is the same."""
    values = {name: getattr(settings, name) for name in SIGHT}
    return tuple((values | {"padding": settings.space_padding}).values())


def network_of_sight(sight: tuple[str | None, ...], *, progress: bool = False) -> Network:
    """Load the network of `sight_of`.

    Raises:
        WeightsError: see `load_weights`. UsageError: a device that is not there.
    """
    options: dict[str, Any] = dict(zip(SIGHT, sight, strict=True))
    return load_network(options.pop("network"), **options, progress=progress)


def network_for(settings: Settings, *, progress: bool = False) -> Network:
    """Load the network that settings name, on their device, in their precision.

    Raises:
        WeightsError, UsageError: see `network_of_sight`.
    """
    return network_of_sight(sight_of(settings), progress=progress)


def seen_as_here(settings: Kind, network: Network) -> Kind:
    """Return settings by which a worker sees in the precision of a network that is loaded here."""
    usual = known_precision(settings.precision, network.device)
    return (
        settings if network.precision == usual else replace(settings, precision=network.precision)
    )


def check_weights(network: Network, weights: str) -> None:
    """Refuse the network of a worker process whose filters are not those of the one that asks.

    weights: SHA-256 of the filters there.

    Raises:
        WeightsError: they differ.
    """
    if network.sha256 != weights:
        raise WeightsError(
            f"a worker has other weights of {network.name} (SHA-256 {network.sha256[:12]}..., "
            f"asked for {weights[:12]}...): give every worker the same file."
        )


def workers_for(network: Network, workers: int | None) -> int | None:
    """Return in how many processes a network sees: a wrapped module is in this one alone.

    Raises:
        UsageError: more are asked for.
    """
    if not network.name.startswith(f"{MODULE}:"):
        return workers
    if workers not in (None, 1):
        raise UsageError(
            f"{network.name} was wrapped in this process, and no other can load it: take "
            "--workers 1."
        )
    return 1


def given_network(network: Network | str | None, settings: Settings) -> Network:
    """Return a network that is loaded already, or load the one that settings name."""
    return network if isinstance(network, Network) else network_for(settings)
