"""Colour management: samples with an ICC profile to sRGB values."""

import functools

import imagecodecs
import numpy as np
from PIL import ImageCms

_SPACES = {b"GRAY": ("gray", 1), b"RGB ": ("rgb", 3), b"CMYK": ("cmyk", 4)}
_DATE = slice(24, 36)  # when the profile was made: six 16-bit numbers of its header
_IDENTITY = slice(84, 100)  # its MD5 sum, optional
_FIXED_DATE = bytes.fromhex("07ea 0001 0001 0000 0000 0000")  # 2026-01-01 00:00:00


@functools.cache
def srgb_profile() -> bytes:
    """Return the sRGB profile that written pictures carry: the same bytes each time."""
    return _undated(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def to_srgb(colour: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Return the sRGB values of samples.

    Args:
        colour: (H, W, C) uint8 or uint16 over their full range; C = 1 grey, 3 RGB, 4 CMYK with
            0 for no ink.
        profile: the ICC profile of the samples. One that is damaged, or that belongs to other
            channels, is ignored; without one grey and RGB are sRGB already.

    Returns:
        (H, W, 3) float32 in [0, 1].
    """
    managed = _managed(colour, profile) if profile else None
    return _unmanaged(colour) if managed is None else unit(managed)


def unit(samples: np.ndarray) -> np.ndarray:
    """Return uint8 or uint16 samples as float32 in [0, 1]."""
    values = samples.astype(np.float32)
    values /= np.iinfo(samples.dtype).max  # in place: a large picture is held once
    return values


def _managed(colour: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Return (H, W, 3) uint16 sRGB through the profile, or None where it does not apply."""
    space, channels = _SPACES.get(profile[16:20], ("", 0))
    if channels == 3 and colour.shape[2] == 1:
        colour = colour.repeat(3, axis=2)
    if channels != colour.shape[2] or _undated(profile) == srgb_profile():
        return None
    samples = np.ascontiguousarray(colour.squeeze(2) if channels == 1 else colour)
    try:
        return imagecodecs.cms_transform(
            samples,
            profile,
            srgb_profile(),
            colorspace=space,
            outcolorspace="rgb",
            outdtype="uint16",
            flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,  # else a coarse table, 0.08 off in the dark
        )
    except (imagecodecs.CmsError, ValueError):
        return None  # a broken profile is no reason to refuse the picture


def _unmanaged(colour: np.ndarray) -> np.ndarray:
    values = unit(colour)
    if values.shape[2] == 4:
        return (1 - values[..., :3]) * (1 - values[..., 3:])  # inks that multiply
    return np.broadcast_to(values, (*values.shape[:2], 3))


def _undated(profile: bytes) -> bytes:
    fixed = bytearray(profile)
    fixed[_DATE] = _FIXED_DATE
    fixed[_IDENTITY] = bytes(16)
    return bytes(fixed)
