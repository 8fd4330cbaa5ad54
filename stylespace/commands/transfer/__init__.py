"""Transfers: the content of one picture in the style of others, and how they are judged."""
