"""Figures of reports: each function returns a matplotlib figure, `rendered` its two files.

Type, colours and sizes are the same in all. Colours differ in lightness as well as in hue, lines in
their dashes and markers, so that figures are read in grey print and by colour-blind readers.
"""
