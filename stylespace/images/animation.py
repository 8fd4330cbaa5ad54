"""Animations: pictures one after the other, as WebP or MP4, written whole."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stylespace.errors import OutputError
from stylespace.files import write_whole
from stylespace.images.profiles import srgb_profile

A_SECOND = 20
"""Frames that are shown in a second."""
QUALITY = 90
"""Of WebP, of 100: grain stays grain, at a fifth of the bytes of a lossless animation."""


def write_animation(path: Path, frames: Sequence[np.ndarray], *, force: bool = False) -> None:
    """Write frames, A_SECOND of them in a second, the last one held for a second.

    Args:
        path: .webp, or .mp4 with imageio-ffmpeg; of MP4 an odd side has one more row or column,
            which repeats the last one.
        frames: (H, W, 3) uint8 of sRGB each, of one size, at least one.
        force: replace a file that exists.

    Raises:
        OutputError: it exists, cannot be written, or cannot be encoded.
    """
    encode = _mp4 if path.suffix.lower() == ".mp4" else _webp
    try:
        encoded = encode(frames)
    except (OSError, ValueError) as error:
        cause = " ".join(str(error).split())[:200]
        raise OutputError(f"{str(path)!r}: not encoded ({cause}); use .webp.") from error
    write_whole(path, encoded, force=force)


def _webp(frames: Sequence[np.ndarray]) -> bytes:
    first, *others = map(Image.fromarray, frames)
    durations = [1000 // A_SECOND] * len(others) + [1000]
    stream = io.BytesIO()
    first.save(
        stream,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=durations,
        loop=0,
        quality=QUALITY,
        icc_profile=srgb_profile(),
    )
    return stream.getvalue()


def _mp4(frames: Sequence[np.ndarray]) -> bytes:
    import imageio_ffmpeg

    height, width, _ = frames[0].shape
    border = ((0, height % 2), (0, width % 2), (0, 0))
    held = [*frames, *[frames[-1]] * (A_SECOND - 1)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "animation.mp4")
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width + width % 2, height + height % 2),
            fps=A_SECOND,
            quality=9,
            macro_block_size=1,
            ffmpeg_log_level="error",
        )
        writer.send(None)
        for frame in held:
            writer.send(np.ascontiguousarray(np.pad(frame, border, mode="edge")))
        writer.close()
        return path.read_bytes()
