"""Which function makes the picture of which settings."""

from __future__ import annotations

from stylespace.outcomes import Outcome
from stylespace.probes import probe
from stylespace.settings import ProbeSettings, Settings, TextureSettings, TransferSettings
from stylespace.synthesis import Watch
from stylespace.textures import texture
from stylespace.transfer import transfer

MAKERS = {ProbeSettings: probe, TextureSettings: texture, TransferSettings: transfer}


def make(settings: Settings, *, watch: Watch | None = None, progress: bool = False) -> Outcome:
    """Make the picture that settings describe.

    progress: show a download of weights on stderr.
    """
    from stylespace.outcomes import network_for

    network = network_for(settings, progress=progress)
    return MAKERS[type(settings)](settings, network=network, watch=watch)
