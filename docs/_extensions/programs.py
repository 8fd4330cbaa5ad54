"""The commands by name, for sphinx-click: `{click} programs:probe`."""

from stylespace.cli.main import commands

globals().update(commands.commands)
