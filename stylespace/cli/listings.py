"""What lists what there is: networks and their layers, sample pictures, a command's own --list."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import click

from stylespace.cli.groups import Spread, examples
from stylespace.cli.options import json_option, quiet_option
from stylespace.cli.printing import print_listing
from stylespace.commands.command import Command
from stylespace.settings.shared import layer_rows

NETWORKS_EXAMPLE = "stylespace networks torchvision:resnet50"


@click.command(cls=Spread, epilog=examples(NETWORKS_EXAMPLE))
@click.argument("network", required=False)
@json_option
@quiet_option
def networks(network: str | None, as_json: bool, quiet: bool) -> int:
    """List the networks, their layers and what they need; or the layers of a NETWORK.

    Others are named torchvision:NAME, or timm:NAME where timm is installed, and are taken as they
    are, with their own pooling and padding.
    """
    began = time.perf_counter()
    from stylespace.networks.catalogue import CATALOGUE

    if network:
        rows = layer_rows(network)
        return print_listing("networks", rows, tuple(rows[0]), as_json, began)
    rows = [
        {
            "name": name,
            "needs": entry.needs,
            "about": entry.about,
            "layers": [layer.name for layer in entry.layers],
            "channels": [layer.channels for layer in entry.layers],
        }
        for name, entry in CATALOGUE.items()
    ]
    return print_listing("networks", rows, ("name", "needs", "about", "layers"), as_json, began)


@click.command(cls=Spread)
@json_option
@quiet_option
def samples(as_json: bool, quiet: bool) -> int:
    """List the sample pictures, for use as sample:NAME; --json gives their licences as well."""
    began = time.perf_counter()
    from dataclasses import asdict

    from stylespace.assets import samples as all_samples

    rows = [asdict(sample) for sample in all_samples()]
    columns = ("name", "kind", "artist", "title", "year")
    return print_listing("samples", rows, columns, as_json, began)


def listing_option(command: Command) -> Callable[[Callable], Callable]:
    """Give a command that has a listing the option --list, which prints it in place of a run."""
    if command.listing is None:
        return lambda function: function
    rows, columns = command.listing, command.listed

    def decorate(function: Callable) -> Callable:
        """Give the function the option."""

        @functools.wraps(function)
        def call(listed: bool, **values: Any) -> int:
            """Print the listing, or run."""
            if not listed:
                return function(**values)
            began = time.perf_counter()
            as_json = values["as_json"]
            return print_listing(command.name, rows(), columns, as_json, began, key="protocols")

        text = f"List what {command.name} knows, with sources; --json gives everything."
        return click.option("--list", "listed", is_flag=True, help=text)(call)

    return decorate
