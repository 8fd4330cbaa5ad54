"""Every choice stands once without torch, in the settings, and once with what it does."""

import inspect

import pytest

from stylespace.commands.texture.samplers import SAMPLERS
from stylespace.losses.covariance.responses import REDUCTIONS
from stylespace.losses.local import KERNELS
from stylespace.losses.matching import MATCHES
from stylespace.losses.representations import GUIDED, representation_class
from stylespace.losses.representations.base import Representation
from stylespace.settings import (
    TransferSettings,
    probe,
    report,
    representations,
    shared,
    texture,
    transfer,
)
from stylespace.settings.representations import REPRESENTATIONS
from stylespace.styles.distances import DISTANCES
from stylespace.synthesis.optimizers import OPTIMIZERS


@pytest.mark.parametrize(
    ("names", "registry"),
    [
        (texture.SAMPLERS, [name for name in SAMPLERS if name != "true"]),
        (texture.MATCHES, MATCHES),
        (report.DISTANCES, DISTANCES),
        (shared.OPTIMIZERS, OPTIMIZERS),
        (transfer.KERNELS, KERNELS),
        (representations.REDUCTIONS, REDUCTIONS),
    ],
    ids=["samplers", "matches", "distances", "optimisers", "kernels", "reductions"],
)
def test_the_names_of_the_settings_are_those_of_the_registry(names, registry):
    assert list(names) == list(registry)


def test_both_commands_that_choose_an_optimiser_offer_all_of_them():
    for settings in (probe.ProbeSettings, TransferSettings):
        field = settings.__dataclass_fields__["optimizer"]
        assert field.metadata["choices"] == shared.OPTIMIZERS


def test_every_representation_has_its_module_and_its_own_class():
    names = (*REPRESENTATIONS, GUIDED)
    classes = [representation_class(name) for name in names]
    assert all(issubclass(one, Representation) for one in classes)
    assert not any(map(inspect.isabstract, classes)) and len(set(classes)) == len(classes)
    for name, one in zip(names, classes, strict=True):
        assert one.__module__ == f"stylespace.losses.representations.{name}"


def test_every_option_that_a_representation_heeds_is_a_setting():
    fields = TransferSettings.__dataclass_fields__
    assert fields["representation"].metadata["choices"] == tuple(REPRESENTATIONS)
    for needs in REPRESENTATIONS.values():
        assert set(needs.options) <= set(fields)
