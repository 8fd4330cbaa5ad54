"""Atlases: a layer's Gram matrix as a map, a small picture for every entry of a block."""
