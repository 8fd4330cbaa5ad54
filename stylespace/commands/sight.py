"""The network that settings name."""

from stylespace.networks.network import Network, load_network
from stylespace.settings import Settings

SIGHT = ("network", "weights", "pooling", "padding", "device", "precision")
"""Settings that say which network sees a picture, and where."""


def network_for(settings: Settings, *, progress: bool = False) -> Network:
    """Load the network that settings name, on their device, in their precision.

    Raises:
        WeightsError: see `load_weights`. UsageError: a device that is not there.
    """
    options = {name: getattr(settings, name) for name in SIGHT if name != "network"}
    return load_network(settings.network, **options, progress=progress)


def given_network(network: Network | str | None, settings: Settings) -> Network:
    """Return a network that is loaded already, or load the one that settings name."""
    return network if isinstance(network, Network) else network_for(settings)
