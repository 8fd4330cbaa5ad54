"""The option --list of commands that know a table of names."""

import functools
import time
from collections.abc import Callable
from typing import Any

import click

from stylespace.cli.printing import print_listing
from stylespace.commands.command import Command


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
