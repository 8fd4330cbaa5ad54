"""Textures from a painting's Gram matrices, and the samplers that are their nulls."""
