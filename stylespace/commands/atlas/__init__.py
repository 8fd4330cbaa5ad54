"""Atlases: a layer's Gram matrix as a map, a small picture for every entry of a block."""

from stylespace.commands.atlas.making import Atlas, atlas
from stylespace.commands.atlas.tables import MAP

__all__ = ["MAP", "Atlas", "atlas"]
