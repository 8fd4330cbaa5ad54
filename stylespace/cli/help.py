"""The help of commands: options in groups, the everyday ones first, in colour on a terminal.

Made by click's own means: rich-click doubles the time that help takes.
"""

import os
import re
import textwrap
from collections.abc import Sequence
from itertools import chain, groupby, zip_longest

import click

EVERYDAY = "Everyday"
HELP = "help"
"""The option --help, whatever click calls it."""
GROUPS = {
    EVERYDAY: (),
    "Goal": ("goal", "selectivity", "parts", "robust", "hold"),
    "Content": ("content_layers", "keep_weight", "layout", "detail", "partitions"),
    "Style": ("layers", "source_size", "style_weight", "weighting", "mean_weight", "distance"),
    "Representation": (
        *("representation", "window", "kernel", "stride", "mask", "responses", "moment"),
        *("match", "sampler", "histogram_weight", "spectrum_weight", "autocorrelation_weight"),
    ),
    "Regions": ("guide", "auto_guides"),
    "Colour": ("colour", "grey", "alpha"),
    "Optimiser": (
        *("init", "iterations", "sizes", "optimizer", "parameters", "tv_weight", "tv_where"),
        *("seeds", "tile"),
    ),
    "Checks": ("check", "check_size", "stability", "permutations", "edit_pictures"),
    "Network and machine": (
        *("network", "weights", "pooling", "padding", "device", "precision", "seed"),
    ),
    "Many pictures": ("executor", "workers"),
    "Output": (
        *("figure", "preview", "animate", "trace", "compact", "timestamp", "force"),
        *("as_json", "quiet", "version", HELP),
    ),
}
"""{heading: its options, by their names in Python}; those that no group names are everyday ones."""
FIRST, GAP = 26, 2
"""Columns of an option's name, and before its text; a longer name has a line to itself."""
UNBROKEN = "\0"
"""Stands for a space where no line ends."""
NARROWEST = 20
"""Columns that are left to texts, however narrow the terminal."""


def group_of(option: str) -> str:
    """Return the heading under which help shows an option, given by its name in Python."""
    return next((group for group, names in GROUPS.items() if option in names), EVERYDAY)


class Formatter(click.HelpFormatter):
    """Headings that stand out; click leaves that out where the terminal has no colour."""

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        super().write_heading(click.style(heading, bold=True))


def write_rows(formatter: click.HelpFormatter, rows: Sequence[tuple[str, str]]) -> None:
    """Write names and texts in two columns; no word is broken, at its hyphens neither."""
    widths = [FIRST] if rows[0][0].startswith("-") else [len(name) for name, _ in rows]
    column = formatter.current_indent + max(widths) + GAP  # of options alike in all groups
    wrapper = textwrap.TextWrapper(max(formatter.width - column, NARROWEST), break_on_hyphens=False)
    for name, text in rows:
        head = " " * formatter.current_indent + name
        whole = re.sub(r"\[default: (?=\S*\]$)", f"[default:{UNBROKEN}", text)
        lines = [line.replace(UNBROKEN, " ") for line in wrapper.wrap(whole)]
        if len(head) > column - GAP:
            lines.insert(0, "")
        for left, right in zip_longest([head], lines, fillvalue=""):
            row = f"{_coloured(left)}{' ' * (column - len(left))}{_coloured(right)}"
            formatter.write(row.rstrip() + "\n")


def _coloured(text: str) -> str:
    """Return a text with its options in colour."""
    return re.sub(
        r"(?<![\w-])--?[a-z][a-z-]*", lambda found: click.style(found[0], fg="cyan"), text
    )


class Context(click.Context):
    """A context whose help is in colour, unless the environment says NO_COLOR."""

    formatter_class = Formatter

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        if os.environ.get("NO_COLOR"):
            self.color = False


class Helped(click.Command):
    """A command whose help has its options in groups."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group, in the order of GROUPS."""
        write_groups(self, ctx, formatter)


def write_groups(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    """Write the options of a command, group by group, in the order of GROUPS."""
    options = [one for one in command.get_params(ctx) if isinstance(one, click.Option)]
    places = {name: place for place, name in enumerate(chain(*GROUPS.values()))}
    options.sort(key=lambda one: places.get(name_of(one), -1))
    for group, members in groupby(options, key=lambda one: group_of(name_of(one))):
        with formatter.section(group):
            write_rows(formatter, [_row(one, ctx) for one in members])


def name_of(option: click.Option) -> str:
    """Return an option's name in Python."""
    return HELP if "--help" in option.opts else option.name or ""


def _row(option: click.Option, ctx: click.Context) -> tuple[str, str]:
    """Return an option's name and text; choices that make the name too long follow the text."""
    name, text = option.get_help_record(ctx) or ("", "")
    if not isinstance(option.type, click.Choice) or len(name) <= FIRST:
        return name, text
    known = ", ".join(map(str, option.type.choices))
    text, _, default = text.partition("  [")
    return name.partition(" [")[0] + " CHOICE", f"{text}  [{default.rstrip(']')}; one of {known}]"
