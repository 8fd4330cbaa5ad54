#!/usr/bin/env python3
r"""Build the sheet of what every channel of the embedded network's default layers looks like alone.

    stylespace run probes/channels.toml --out channels --no-figure --executor processes
    stylespace run probes/channels-again.toml --out channels-again --no-figure
    python data/channels/build.py channels channels-again

The first command takes two hours on two cores and goes on where it stopped; the second makes the
few channels that the first did not reach, from other starts. A cell is the first picture of its
channel in the folders, reduced from 128 to 48 pixels; a channel without one is a crossed frame.
"""

import argparse
import hashlib
import io
from pathlib import Path

from PIL import Image, ImageDraw

CHANNELS = {"conv1_1": 64, "conv2_1": 128, "conv3_1": 256, "conv4_1": 512, "conv5_1": 512}
CELL, COLUMNS = 48, 46
QUALITY = 74
EMPTY, DIM = "#1e1f24", "#5c5f68"


def cell_of(layer: str, channel: int, folders: list[Path]) -> Image.Image | None:
    """Return the reduced picture of a channel, or None."""
    for folder in folders:
        path = folder / f"probe-{layer}-{channel}-{channel}.png"
        if path.is_file():
            with Image.open(path) as picture:
                return picture.convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS)
    return None


def crossed() -> Image.Image:
    """Return the cell of a channel that was not reached."""
    cell = Image.new("RGB", (CELL, CELL), EMPTY)
    draw = ImageDraw.Draw(cell)
    draw.line((0, 0, CELL, CELL), fill=DIM)
    draw.line((0, CELL, CELL, 0), fill=DIM)
    return cell


def main() -> None:
    """Write the sheet and say what data/sources.toml says of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "vgg19-norm.webp")
    options = parser.parse_args()
    wanted = [(layer, k) for layer, count in CHANNELS.items() for k in range(count)]
    rows = -(-len(wanted) // COLUMNS)
    sheet, missing = Image.new("RGB", (COLUMNS * CELL, rows * CELL), EMPTY), []
    for place, (layer, channel) in enumerate(wanted):
        cell = cell_of(layer, channel, options.folders)
        if cell is None:
            missing.append(f"{layer}:{channel}")
        row, column = divmod(place, COLUMNS)
        sheet.paste(cell or crossed(), (column * CELL, row * CELL))
    stream = io.BytesIO()
    sheet.save(stream, "webp", quality=QUALITY, method=6)
    options.out.write_bytes(stream.getvalue())
    print(f"{options.out}: {sheet.width} x {sheet.height}, {len(stream.getvalue()):,} bytes")
    print(f"sha256 = {hashlib.sha256(stream.getvalue()).hexdigest()}")
    print(f"{len(wanted) - len(missing)} of {len(wanted)} channels; missing: {missing[:8]}")


if __name__ == "__main__":
    main()
