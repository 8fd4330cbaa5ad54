"""What the representations by windows have in common: how wide those of a layer may be."""

from __future__ import annotations

from stylespace.losses.representations.pictures import Pictures


def wide_window_remarks(pictures: Pictures, height: int, width: int) -> list[str]:
    """Say which windows are larger than their layers in a result of height x width pixels."""
    remarks = []
    for layer, half_width in pictures.settings.half_widths().items():
        rows, columns = pictures.network.grid(layer, height, width)
        if 2 * half_width + 1 > min(rows, columns):
            remarks.append(
                f"the windows of {layer}, {2 * half_width + 1} positions wide, are larger than "
                f"the layer's {columns}x{rows}: what lies beyond its borders counts as zero."
            )
    return remarks
