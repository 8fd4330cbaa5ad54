"""Edits: a painting whose style has one entry changed."""
