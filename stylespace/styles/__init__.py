"""Activations become a style, and a style becomes numbers and distances."""
