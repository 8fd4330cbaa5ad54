"""Groups of commands: their order, their errors, the examples in their help."""

from typing import Any

import click

from stylespace.errors import UsageError


class Commands(click.Group):
    """A group that turns a wrong request, wherever it is found, into click's usage error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except UsageError as error:
            name = ctx.invoked_subcommand or ""
            command = self.get_command(ctx, name) or self
            inner = click.Context(command, parent=ctx, info_name=name)
            raise click.UsageError(str(error), inner) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their declaration."""
        return list(self.commands)


class Interrupted(Exception):
    """Ctrl-C, kept from click, which would print an empty line."""


def examples(*lines: str) -> str:
    """Return an epilog whose lines click does not join."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *lines))
