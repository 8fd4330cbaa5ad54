"""The grid: one picture for every combination of several settings' values, in a folder."""
