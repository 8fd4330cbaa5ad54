"""Groups of commands: their order, their errors, the examples in their help."""

from collections.abc import Collection
from typing import Any

import click

from stylespace.cli.help import Context, Helped, write_groups, write_rows
from stylespace.errors import UsageError


class Following(click.Option):
    """An option that takes every word up to the next option, and may be repeated."""


class Spread(Helped):
    """A command that knows such options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat each of them before every one of its words, and parse."""
        flags = {flag for one in self.params if isinstance(one, Following) for flag in one.opts}
        try:
            return super().parse_args(ctx, spread(args, flags))
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


def spread(args: list[str], flags: Collection[str]) -> list[str]:
    """Return arguments in which each of these flags stands before every one of its words.

    Raises:
        click.UsageError: one without any.
    """
    result: list[str] = []
    flag = ""
    for word, after in zip(args, [*args[1:], "--"], strict=False):
        if _is_option(word):
            flag = word if word in flags else ""
            if flag and _is_option(after):
                raise click.UsageError(f"Option '{flag}' requires an argument.")
            result.append(word)
        else:
            result += [flag, word] if flag and result[-1] != flag else [word]
    return result


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1


class Commands(click.Group):
    """A group that turns a wrong request, wherever it is found, into click's usage error."""

    context_class = Context
    command_class = Spread

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
