"""Groups of commands: their order, their errors, the examples in their help."""

from typing import Any

import click

from stylespace.cli.help import Context, Helped, write_groups, write_rows
from stylespace.errors import UsageError


class Commands(click.Group):
    """A group that turns a wrong request, wherever it is found, into click's usage error."""

    context_class = Context
    command_class = Helped

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

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with the first sentence about it in full, then the options."""
        with formatter.section("Commands"):
            write_rows(
                formatter,
                [(name, one.get_short_help_str(200)) for name, one in self.commands.items()],
            )
        write_groups(self, ctx, formatter)


class Interrupted(Exception):
    """Ctrl-C, kept from click, which would print an empty line."""


def examples(*lines: str) -> str:
    """Return an epilog whose lines click does not join."""
    return "\n".join(("\b", "Example:" if len(lines) == 1 else "Examples:", *lines))
