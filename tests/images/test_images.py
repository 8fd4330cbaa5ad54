"""Pictures in and out, against numpy and Pillow; H != W everywhere."""

import io
import json
import logging
import os
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, PngImagePlugin

from stylespace.errors import OutputError, PictureError, UsageError
from stylespace.images import (
    MAX_PIXELS,
    check_format,
    read_image,
    read_recipe,
    resize,
    resize_to,
    source,
    write_image,
    written_image,
)
from stylespace.images.profiles import srgb_profile
from stylespace.images.reading import apart, read_layers

HEIGHT, WIDTH = 5, 7
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
GREY = RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16)
ALPHA = RNG.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
BACK = (0.25, 0.5, 0.75)
LOSSLESS = [".png", ".webp", ".tif", ".tiff"]
SUFFIXES = [*LOSSLESS, ".jpg", ".jpeg"]


def save(path, picture, **options):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


def read(path, **options):
    """Return (H, W, 3) after checking the form of what was read."""
    image = read_image(path, **options)
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert image.shape[:2] == (1, 3) and image.min() >= 0 and image.max() <= 1
    return image[0].permute(1, 2, 0).numpy()


def equal(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(actual, np.broadcast_to(expected, actual.shape), atol=tolerance)


def refusal(function, *arguments, error=PictureError, **options):
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "?"))
    return message


def over(colour, alpha, background=BACK):
    alpha = np.asarray(alpha)[..., None]
    return alpha * colour + (1 - alpha) * np.array(background)


def chunk(kind, content):
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png_with(encoded, kind, content):
    return encoded[:33] + chunk(kind, content) + encoded[33:]


def tensor(array):
    scaled = array.astype(np.float32) / np.iinfo(array.dtype).max
    return torch.from_numpy(scaled).permute(2, 0, 1)[None]


# Reading: formats and modes


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_rgb_is_read_exactly(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    equal(read(save(tmp_path / f"a.{suffix}", RGB, **options)), RGB / 255)


def test_jpeg_is_read_as_pillow_does(tmp_path):
    path = save(tmp_path / "a.jpg", RGB, quality=90)
    equal(read(path), np.asarray(Image.open(path)) / 255)


def test_the_content_counts_not_the_suffix(tmp_path):
    equal(read(save(tmp_path / "a.jpg", RGB, format="PNG")), RGB / 255)
    equal(read(save(tmp_path / "b.png", RGB, format="TIFF")), RGB / 255)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "jpg"])
def test_grey(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", GREY)
    expected = np.asarray(Image.open(path).convert("L")) if suffix == "jpg" else GREY
    equal(read(path), expected[..., None] / 255)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif"])
def test_one_bit(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(GREY > 127))
    equal(read(path), (GREY > 127)[..., None])


@pytest.mark.parametrize("suffix", ["png", "tif", "gif", "bmp"])
def test_palette(tmp_path, suffix):
    table = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
    palette = Image.frombytes("P", (WIDTH, HEIGHT), (GREY % 6).tobytes())
    palette.putpalette(table.tobytes())
    equal(read(save(tmp_path / f"a.{suffix}", palette)), table[GREY % 6] / 255)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_with_transparency(tmp_path, bits):
    indices = GREY % min(2**bits, 6)
    table = RNG.integers(0, 256, (256, 3), dtype=np.uint8)
    palette = Image.frombytes("P", (WIDTH, HEIGHT), indices.tobytes())
    palette.putpalette(table.tobytes())
    opacity = np.array([0, 64, 128, 255, 32, 200], dtype=np.uint8)
    path = save(tmp_path / "a.png", palette, bits=bits, transparency=opacity.tobytes()[: 2**bits])
    expected = over(table[indices] / 255, opacity[indices] / 255)
    equal(read(path, background=BACK), expected)


def test_gif_transparency(tmp_path):
    palette = Image.frombytes("P", (WIDTH, HEIGHT), (GREY % 4).tobytes())
    palette.putpalette(RGB.tobytes()[:12])
    path = save(tmp_path / "a.gif", palette, transparency=2)
    table = RGB.reshape(-1, 3)[:4] / 255
    equal(read(path, background=BACK), over(table[GREY % 4], GREY % 4 != 2))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_is_laid_on_the_background(tmp_path, suffix):
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", np.dstack([RGB, ALPHA]), **options)
    equal(read(path, background=BACK), over(RGB / 255, ALPHA / 255))
    equal(read(path), over(RGB / 255, ALPHA / 255, (1, 1, 1)))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("bits", [8, 16])
def test_alpha_is_written_and_comes_back(tmp_path, suffix, bits):
    if (suffix, bits) == ("webp", 16):
        return
    path, alpha = tmp_path / f"a.{suffix}", torch.from_numpy(ALPHA / 255)
    write_image(path, tensor(RGB), alpha=alpha, bits=bits, recipe={"a": 1})
    colour, opacity = read_layers(path).split([3, 1], 1)
    equal(colour[0].permute(1, 2, 0).numpy(), RGB / 255, 1e-5)
    equal(opacity[0, 0].numpy(), ALPHA / 255, 1e-5)
    assert read_recipe(path) == {"a": 1}
    equal(read(path, background=BACK), over(RGB / 255, ALPHA / 255), 1e-5)


def test_jpeg_holds_no_alpha_and_alpha_has_the_picture_s_size(tmp_path):
    alpha = torch.from_numpy(ALPHA / 255)
    refused = refusal(write_image, tmp_path / "a.jpg", tensor(RGB), alpha=alpha, error=OutputError)
    assert "holds no transparency; use .png" in refused
    assert "alpha of (2, 2)" in refusal(
        write_image, tmp_path / "a.png", tensor(RGB), alpha=torch.ones(2, 2)
    )
    assert os.listdir(tmp_path) == []


def test_colours_and_alpha_apart(tmp_path):
    alpha = ALPHA.copy()
    alpha[0] = 0
    layers = read_layers(save(tmp_path / "a.png", np.dstack([RGB, alpha])))
    colour, opacity = apart(layers)
    weights = alpha[..., None] / 255
    mean = (weights * RGB / 255).sum((0, 1)) / weights.sum()
    expected = np.where(alpha[..., None] > 0, RGB / 255, mean)
    equal(colour[0].permute(1, 2, 0).numpy(), expected, 1e-5)
    equal(opacity[0, 0].numpy(), alpha / 255)
    opaque = read_layers(save(tmp_path / "b.png", np.dstack([RGB, np.full_like(ALPHA, 255)])))
    assert opaque.shape[1] == 3 and apart(opaque)[1] is None


@pytest.mark.parametrize("suffix", ["ppm", "tga", "jp2", "avif"])
def test_formats_of_pillow(tmp_path, suffix):
    """JPEG 2000 and AVIF lose a little of a smooth picture, the others nothing."""
    y, x = np.mgrid[:24, :32]
    smooth = np.dstack([8 * x, 8 * y, 4 * (x + y)]).astype("uint8")
    path = save(tmp_path / f"a.{suffix}", smooth)
    equal(read(path), smooth / 255, 0.03 if suffix == "avif" else 1e-6)


def test_a_portable_map_of_16_bits(tmp_path):
    head = b"P5 %d %d 65535\n" % (WIDTH, HEIGHT)
    (tmp_path / "a.pgm").write_bytes(head + GREY16.astype(">u2").tobytes())
    equal(read(tmp_path / "a.pgm"), GREY16[..., None] / 65535)


def test_heic_and_an_avif_that_is_not_known_say_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(source.features, "check", lambda name: False)
    source._known_formats.cache_clear()
    try:
        for brand, words in ((b"heic", "'stylespace[heic]'"), (b"avif", "Pillow 11.3 or later")):
            (tmp_path / "a").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(12))
            assert words in refusal(read_image, tmp_path / "a")
    finally:
        source._known_formats.cache_clear()


def test_heic_is_read(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    path = save(tmp_path / "a.heic", np.full((24, 32, 3), 90, "uint8"))
    equal(read(path), 90 / 255, 0.02)


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_tiff_in_floating_point(tmp_path, kind):
    values = (RGB / 255).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", compression="zlib")
    equal(read(tmp_path / "a.tif"), values.astype("float32"), 1e-5)
    for wrong in (values * 255, values - 1, values * np.nan):
        tifffile.imwrite(tmp_path / "b.tif", wrong.astype(kind), photometric="rgb")
        assert "beyond 0 to 1 are not read; scale" in refusal(read_image, tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("starry-nigth.png", "'starry-night.png'"),
        ("starry-night.jpg", "'starry-night.png'"),
        ("STARRY.png", "Check the name"),
        ("missing.png", "Check the name"),
        ("phto", "'photo'"),
    ],
)
def test_only_a_near_name_is_offered(tmp_path, name, hint):
    for there in ("starry-night.png", "starry-night.txt", "painting.png", "photo", "z.png"):
        (tmp_path / there).touch()
    message = refusal(read_image, tmp_path / name)
    assert hint in message and ("Did you mean" in message) == hint.startswith("'")


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_with_alpha(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(np.dstack([GREY, ALPHA])))
    equal(read(path, background=BACK), over(GREY[..., None] / 255, ALPHA / 255))


def test_a_transparent_colour_of_png(tmp_path):
    (tmp_path / "a.png").write_bytes(
        png_with(imagecodecs.png_encode(RGB16), b"tRNS", RGB16[2, 3].astype(">u2").tobytes())
    )
    expected = RGB16 / 65535
    expected[2, 3] = BACK
    equal(read(tmp_path / "a.png", background=BACK), expected)


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_cmyk_without_profile(tmp_path, suffix):
    inks = np.dstack([RGB, GREY])
    path = save(tmp_path / f"a.{suffix}", Image.frombytes("CMYK", (WIDTH, HEIGHT), inks.tobytes()))
    stored = np.asarray(Image.open(path)) / 255
    equal(read(path), (1 - stored[..., :3]) * (1 - stored[..., 3:]))


def test_cmyk_white_and_inks(tmp_path):
    inks = np.zeros((2, 3, 4), np.uint8)
    inks[1, 0], inks[1, 1], inks[1, 2] = (255, 0, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    expected = [[[1, 1, 1]] * 3, [[0, 1, 1], [1, 1, 0], [0, 0, 0]]]
    equal(read(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("samples", [RGB16, GREY16, np.dstack([RGB16, GREY16])])
def test_png_keeps_16_bits(tmp_path, samples):
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(samples))
    values = np.atleast_3d(samples) / 65535
    expected = over(values[..., :3], values[..., 3]) if values.shape[2] == 4 else values
    equal(read(tmp_path / "a.png", background=BACK), expected, 1e-7)


def test_grey_16_of_pillow(tmp_path):
    for suffix in ("png", "tif"):
        equal(read(save(tmp_path / f"a.{suffix}", GREY16)), GREY16[..., None] / 65535, 1e-7)


@pytest.mark.parametrize("samples", [RGB, RGB16], ids=["8", "16"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "packbits"])
def test_tiff(tmp_path, samples, planar, order, compression):
    stored = samples if planar == "contig" else np.moveaxis(samples, 2, 0)
    options = {"compression": compression, "byteorder": order, "rowsperstrip": 2}
    options["predictor"] = compression in ("lzw", "zlib")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, **options)
    equal(read(tmp_path / "a.tif"), samples / np.iinfo(samples.dtype).max, 1e-7)


def test_tiff_of_16_bits_with_alpha_or_inverted_or_tiled_or_big(tmp_path):
    alpha = GREY16 / 65535
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.dstack([RGB16, GREY16]), photometric="rgb", extrasamples=["unassalpha"]
    )
    equal(read(path, background=BACK), over(RGB16 / 65535, alpha))
    product = np.round(RGB16 * alpha[..., None]).astype(np.uint16)
    tifffile.imwrite(
        path, np.dstack([product, GREY16]), photometric="rgb", extrasamples=["assocalpha"]
    )
    equal(read(path, background=BACK), over(RGB16 / 65535, alpha), 1e-4)
    tifffile.imwrite(path, GREY16, photometric="miniswhite")
    equal(read(path), 1 - GREY16[..., None] / 65535)
    tifffile.imwrite(
        path, np.tile(RGB16, (5, 5, 1)), photometric="rgb", tile=(16, 16), bigtiff=True
    )
    equal(read(path), np.tile(RGB16, (5, 5, 1)) / 65535)


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_tiff_of_odd_bits(tmp_path, bits):
    samples = (GREY16 >> (16 - bits)).astype(np.uint8 if bits < 8 else np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", samples, bitspersample=bits, compression=None)
    equal(read(tmp_path / "a.tif"), samples[..., None] / (2**bits - 1), 1e-5)


def test_tiff_with_jpeg_inside(tmp_path):
    smooth = np.linspace(0, 255, 16 * 24 * 3).reshape(16, 24, 3).astype(np.uint8)
    path = save(tmp_path / "a.tif", smooth, compression="jpeg")
    equal(read(path), smooth / 255, 0.05)


def test_the_first_frame_is_read(tmp_path):
    first, second = Image.fromarray(RGB), Image.fromarray(255 - RGB)
    for suffix in ("png", "tif", "webp"):
        options = {"lossless": True} if suffix == "webp" else {}
        path = tmp_path / f"a.{suffix}"
        first.save(path, save_all=True, append_images=[second], **options)
        equal(read(path), RGB / 255)
    first.convert("L").save(tmp_path / "a.gif", save_all=True, append_images=[second.convert("L")])
    equal(read(tmp_path / "a.gif"), np.asarray(first.convert("L"))[..., None] / 255)


def test_interlaced_png(tmp_path):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = [
        b"\0" + row.tobytes()
        for left, top, across, down in [*passes, (0, 1, 1, 2)]
        for row in RGB[top::down, left::across]
    ]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1))
    body = chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    equal(read(tmp_path / "a.png"), RGB / 255)


def test_white_on_white_stays_white_at_every_opacity(tmp_path):
    opacity = np.arange(65535, -1, -1, dtype=np.uint16).reshape(128, 512, 1)
    white = np.full((128, 512, 3), 65535, np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.dstack([white, opacity])))
    equal(read(tmp_path / "a.png"), 1)


# Orientation


def oriented(array, orientation):
    """Return the upright picture, by the definition of EXIF: where row 0 and column 0 are."""
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
        8: np.rot90,
    }
    return turns.get(orientation, turns[1])(array)


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
@pytest.mark.parametrize("suffix", ["png", "webp", "jpg", "tif"])
def test_orientation(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    if suffix == "tif":
        options, exif = {"tiffinfo": {274: orientation}}, None
    path = save(tmp_path / f"a.{suffix}", RGB, **options, **({"exif": exif} if exif else {}))
    stored = np.asarray(Image.open(path)) if suffix == "jpg" else RGB
    equal(read(path), oriented(stored, orientation) / 255)


def test_broken_exif_is_ignored(tmp_path):
    for exif in (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"x" * 50):
        path = save(tmp_path / "a.jpg", RGB, exif=exif, quality=100)
        equal(read(path).mean(), RGB.mean() / 255, 0.02)


# Colour profiles


def encoded_srgb(linear):
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def swapped_profile():
    """Return an sRGB profile whose red and blue primaries are exchanged."""
    return (
        srgb_profile().replace(b"rXYZ", b"tttt").replace(b"bXYZ", b"rXYZ").replace(b"tttt", b"bXYZ")
    )


def cmyk_profile():
    """Return a profile in which only black ink prints: lightness 100 (1 - K), no colour."""
    grid = np.zeros((2, 2, 2, 2, 3), np.uint8)
    grid[..., 1:] = 128
    grid[..., 0, 0] = 255
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * np.eye(3, dtype=int)).ravel())
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + ramp * 4 + grid.tobytes() + ramp * 3
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x40\0\0", b"prtrCMYKLab ", b"acsp"
    head[68:80] = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    head[0:4] = struct.pack(">I", 128 + 16 + len(table))
    return bytes(head) + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "jpg"])
def test_a_profile_with_swapped_channels(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", RGB, icc_profile=swapped_profile(), **options)
    stored = np.asarray(Image.open(path)) if suffix == "jpg" else RGB
    equal(read(path), stored[..., ::-1] / 255, 1e-3)


@pytest.mark.parametrize("samples", [RGB, RGB16], ids=["8", "16"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_wide_gamut_profile_against_its_formula(tmp_path, samples, suffix):
    profile = imagecodecs.cms_profile("adobergb")
    if suffix == "png":
        packed = chunk(b"iCCP", b"a\0\0" + zlib.compress(profile))
        encoded = imagecodecs.png_encode(samples)
        (tmp_path / "a.png").write_bytes(encoded[:33] + packed + encoded[33:])
    else:
        tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", iccprofile=profile)
    to_linear_srgb = np.array([[1.3983, -0.3983, 0.0], [0.0, 1.0, 0.0], [0.0, -0.0429, 1.0429]])
    linear = (samples / np.iinfo(samples.dtype).max) ** 2.19921875 @ to_linear_srgb.T
    equal(read(tmp_path / f"a.{suffix}"), encoded_srgb(linear), 6e-3)


def test_a_wide_gamut_profile_against_pillow(tmp_path):
    profile = imagecodecs.cms_profile("adobergb")
    path = save(tmp_path / "a.png", RGB, icc_profile=profile)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(Image.fromarray(RGB), source, target)
    equal(read(path), np.asarray(expected) / 255, 1.01 / 255)


@pytest.mark.parametrize("samples", [GREY, GREY16], ids=["8", "16"])
def test_a_grey_profile(tmp_path, samples):
    profile = imagecodecs.cms_profile("gray", gamma=1.0)
    linear = samples[..., None] / np.iinfo(samples.dtype).max
    for suffix in ("png", "tif"):
        path = save(tmp_path / f"a.{suffix}", samples, icc_profile=profile)
        equal(read(path), encoded_srgb(linear), 2e-3)


def test_a_grey_picture_with_a_profile_of_rgb(tmp_path):
    path = save(tmp_path / "a.png", GREY, icc_profile=imagecodecs.cms_profile("adobergb"))
    equal(read(path), encoded_srgb((GREY / 255) ** 2.19921875)[..., None], 2e-3)


@pytest.mark.parametrize("suffix", ["tif", "jpg"])
def test_a_profile_of_cmyk(tmp_path, suffix):
    inks = np.dstack([RGB, GREY])
    picture = Image.frombytes("CMYK", (WIDTH, HEIGHT), inks.tobytes())
    path = save(tmp_path / f"a.{suffix}", picture, icc_profile=cmyk_profile())
    lightness = 100 * (1 - np.asarray(Image.open(path))[..., 3:] / 255.0)
    luminance = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    equal(read(path), encoded_srgb(luminance), 0.02)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("kind", ["noise", "short", "cut", "cmyk", "lab"])
def test_a_broken_profile_is_ignored(tmp_path, suffix, kind, capfd):
    profile = {
        "noise": bytes(RNG.integers(0, 256, 600, dtype=np.uint8)),
        "short": b"x",
        "cut": swapped_profile()[:200],
        "cmyk": cmyk_profile(),
        "lab": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
    }[kind]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", RGB, icc_profile=profile, **options)
    stored = np.asarray(Image.open(path)) if suffix == "jpg" else RGB
    equal(read(path), stored / 255)
    assert capfd.readouterr().err == ""


# Refusals


def test_a_missing_file_gets_the_nearest_name(tmp_path):
    save(tmp_path / "starry-night.png", RGB)
    message = refusal(read_image, tmp_path / "stary-night.png")
    assert "Did you mean 'starry-night.png'?" in message
    assert "no such file" in refusal(read_image, tmp_path / "none" / "a.png")
    assert "no such file" in refusal(read_image, tmp_path / "starry-night.png" / "a.png")
    assert "no such file" in refusal(read_image, "a\0b")
    refusal(read_image, tmp_path / "two\nlines.png")
    refusal(read_image, tmp_path / ("a" * 300))


def test_wrong_kinds_of_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "text.tif").write_text("not a picture")
    (tmp_path / "vector.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "folder" in refusal(read_image, tmp_path)
    assert "ordinary" in refusal(read_image, tmp_path / "pipe.png")
    assert "empty" in refusal(read_image, tmp_path / "empty.png")
    for name in ("text.png", "text.tif", "vector.png"):
        message = refusal(read_image, tmp_path / name)
        assert "not a picture" in message and "PNG" in message and name in message


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "gif", "bmp"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.95])
def test_a_truncated_file(tmp_path, suffix, part):
    noise = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    encoded = save(tmp_path / f"a.{suffix}", noise).read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(encoded[: int(len(encoded) * part)])
    refusal(read_image, tmp_path / f"b.{suffix}")


def test_an_unreadable_file(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", RGB)

    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    assert "permission" in refusal(read_image, path)


def test_other_samples_of_tiff_are_refused(tmp_path):
    for samples in (GREY.astype(np.complex64), GREY.astype(np.int16), GREY.astype(np.uint32)):
        tifffile.imwrite(tmp_path / "a.tif", samples)
        assert samples.dtype.name in refusal(read_image, tmp_path / "a.tif")
    save(tmp_path / "a.tif", Image.fromarray(RGB).convert("LAB"))
    assert "save it as RGB" in refusal(read_image, tmp_path / "a.tif")
    save(tmp_path / "a.tif", Image.fromarray(RGB).convert("YCbCr"))
    assert "YCBCR" in refusal(read_image, tmp_path / "a.tif")


def huge(kind, width, height):
    """Return the beginning of a file that claims to be huge."""
    if kind == "png":
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        content = chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + head + content
    if kind == "gif":
        screen = struct.pack("<HHBBB", width, height, 0, 0, 0)
        frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 128) + bytes(6)
        return b"GIF89a" + screen + frame + b"\2\2\x44\1\0;"
    if kind == "bmp":
        return (
            b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
            + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        )  # fmt: skip
    stream = io.BytesIO()
    tifffile.imwrite(stream, RGB, photometric="rgb")
    tags = bytearray(stream.getvalue())
    for tag, old, new in ((256, WIDTH, width), (257, HEIGHT, height)):
        place = tags.index(struct.pack("<HHI", tag, 4, 1))
        assert struct.unpack_from("<I", tags, place + 8) == (old,)
        struct.pack_into("<I", tags, place + 8, new)
    return bytes(tags)


@pytest.mark.parametrize(("width", "height"), [(9460, 9459), (60000, 60000)])
@pytest.mark.parametrize("kind", ["png", "gif", "bmp", "tif"])
def test_too_large_a_picture_is_refused_from_its_header(tmp_path, kind, width, height):
    (tmp_path / f"a.{kind}").write_bytes(huge(kind, width, height))
    message = refusal(read_image, tmp_path / f"a.{kind}")
    assert f"{MAX_PIXELS:,}" in message
    assert f"{width:,} x {height:,}" in message or f"{width * height:,} pixels" in message


def test_a_bomb_of_text_or_tiles_is_refused(tmp_path):
    bomb = b"stylespace\0\0" + zlib.compress(b"{" + b" " * (1 << 24))
    (tmp_path / "a.png").write_bytes(png_with(imagecodecs.png_encode(RGB), b"zTXt", bomb))
    refusal(read_recipe, tmp_path / "a.png")
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((64, 48, 3), np.uint8), photometric="rgb", tile=(32, 16))
    tags = bytearray(stream.getvalue())
    for tag in (322, 323):
        place = next(
            tags.index(struct.pack("<HHI", tag, kind, 1)) for kind in (3, 4)
            if struct.pack("<HHI", tag, kind, 1) in tags
        )  # fmt: skip
        struct.pack_into("<HHII", tags, place, tag, 4, 1, 1 << 16)
    (tmp_path / "a.tif").write_bytes(tags)
    assert "tiles" in refusal(read_image, tmp_path / "a.tif")


def test_a_tiff_that_lacks_strips_is_refused_not_filled(tmp_path):
    stream = io.BytesIO()
    tifffile.imwrite(stream, RGB, photometric="rgb", compression="zlib")
    tags = bytearray(stream.getvalue())
    struct.pack_into("<I", tags, tags.index(struct.pack("<HHI", 257, 4, 1)) + 8, 4_000_000)
    (tmp_path / "a.tif").write_bytes(tags)
    assert "strips" in refusal(read_image, tmp_path / "a.tif")


def test_a_background_that_is_no_colour(tmp_path):
    path = save(tmp_path / "a.png", RGB)
    for background in ((1, 1), (0, 0, 1.5), (0, 0, float("nan"))):
        assert "background" in refusal(read_image, path, error=UsageError, background=background)


def fuzz_seeds(folder):
    """Return valid files of every format, some with recipe, profile, orientation and alpha."""
    noise = RNG.integers(0, 256, (24, 17, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[274] = 6
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        write_image(folder / f"own{suffix}", tensor(noise), recipe={"seed": 1})
    save(folder / "wide.jpg", noise, icc_profile=imagecodecs.cms_profile("adobergb"), exif=exif)
    save(folder / "swapped.png", noise, icc_profile=swapped_profile(), exif=exif)
    save(folder / "palette.png", Image.fromarray(noise).quantize(9), transparency=3)
    save(folder / "palette.gif", Image.fromarray(noise).quantize(9), transparency=3)
    save(folder / "plain.bmp", noise)
    save(folder / "alpha.webp", np.dstack([noise, noise[..., 0]]), lossless=True)
    save(folder / "bits.tif", Image.fromarray(noise).convert("1"), compression="group4")
    save(folder / "inks.tif", Image.fromarray(noise).convert("CMYK"), icc_profile=cmyk_profile())
    save(folder / "jpeg.tif", noise, compression="jpeg")
    write_image(folder / "deep.png", tensor(noise), bits=16)
    write_image(folder / "deep.tif", tensor(noise), bits=16)
    tifffile.imwrite(folder / "lzw.tif", noise, photometric="rgb", compression="lzw", tile=(16, 16))
    return sorted(folder.iterdir())


def damaged(encoded, rng):
    """Return a file with flipped, cut, doubled or overwritten bytes, more often near its head."""
    data = bytearray(encoded)
    reach = len(data) if rng.random() < 0.5 else min(len(data), 200)
    for place in rng.integers(0, reach, rng.integers(1, 6)):
        match rng.integers(0, 4):
            case 0:
                data[place % len(data)] ^= 1 << rng.integers(0, 8)
            case 1:
                data[place % len(data)] = rng.choice([0, 1, 127, 128, 255])
            case 2:
                del data[place : place + rng.integers(1, 9)]
            case 3:
                data[place:place] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        if len(data) < 300:
            data.extend(bytes(300 - len(data)))
    return bytes(data if rng.random() < 0.8 else data[: rng.integers(1, len(data))])


def test_damaged_bytes_give_a_picture_or_one_line(tmp_path, capfd, caplog):
    seeds = [path.read_bytes() for path in fuzz_seeds(tmp_path)]
    rng = np.random.default_rng(int(os.environ.get("STYLESPACE_FUZZ_SEED", "7")))
    path, refused = tmp_path / "fuzzed", 0
    capfd.readouterr()
    for _ in range(int(os.environ.get("STYLESPACE_FUZZ_CASES", "25"))):
        for encoded in seeds:
            path.write_bytes(damaged(encoded, rng))
            for function in (read_image, read_recipe):
                try:
                    found = function(path)
                    assert found is None or isinstance(found, dict | torch.Tensor)
                except PictureError as error:
                    refused += 1
                    assert len(str(error).splitlines()) == 1 and str(error).isprintable()
    assert refused > 100
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# Resizing


@pytest.mark.parametrize(
    ("height", "width", "size", "expected"),
    [(30, 40, 20, (15, 20)), (41, 20, 10, (10, 5)), (7, 300, 20, (1, 20)), (3, 5, 50, (30, 50))],
)
def test_resize_sets_the_longer_side(height, width, size, expected):
    resized = resize(torch.rand(2, 3, height, width, generator=torch.Generator()), size)
    assert resized.shape == (2, 3, *expected) and resized.is_contiguous()
    assert resized.min() >= 0 and resized.max() <= 1


def test_resize_is_pillows_bicubic():
    source = torch.from_numpy(RNG.random((1, 3, 41, 60), dtype=np.float32))
    resized = resize(source, 24)
    for actual, plane in zip(resized[0], source[0], strict=True):
        picture = Image.fromarray(plane.numpy())
        expected = np.asarray(picture.resize((24, 16), Image.Resampling.BICUBIC)).clip(0, 1)
        np.testing.assert_allclose(actual.numpy(), expected, atol=1e-4)


def test_resize_keeps_type_and_constants_and_returns_the_same_where_nothing_changes():
    flat = torch.full((1, 3, 12, 18), 0.25, dtype=torch.float64)
    resized = resize(flat, 7)
    assert resized.dtype == torch.float64 and torch.allclose(resized, flat[..., :5, :7])
    assert resize(flat, 18) is flat
    assert resize_to(flat, 12, 18) is flat
    assert resize_to(flat, 9, 4).shape == (1, 3, 9, 4)


def test_resize_has_no_aliasing():
    stripes = torch.zeros(1, 3, 64, 96)
    stripes[..., ::2] = 1
    assert (resize(stripes, 24) - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("size", [0, -3])
def test_resize_refuses_nothing(size):
    assert "at least 1" in refusal(resize, torch.rand(1, 3, 4, 6), size, error=UsageError)


# Writing


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_lossless_file_holds_the_written_image(tmp_path, suffix):
    image = torch.from_numpy(RNG.uniform(-0.2, 1.2, (1, 3, HEIGHT, WIDTH)).astype(np.float32))
    path = tmp_path / f"a{suffix}"
    write_image(path, image)
    assert torch.equal(read_image(path), written_image(image))
    expected = np.round(image[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255)
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_jpeg_is_close_and_keeps_full_colour_resolution(tmp_path, suffix):
    smooth = torch.linspace(0, 1, 3 * 32 * 48).reshape(1, 3, 32, 48)
    write_image(tmp_path / f"a{suffix}", smooth)
    assert (read_image(tmp_path / f"a{suffix}") - smooth).abs().max() < 0.03
    with Image.open(tmp_path / f"a{suffix}") as picture:
        assert {layer[1:3] for layer in picture.layer} == {(1, 1)}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, tensor(RGB16), recipe={"a": 1}, bits=16)
    equal(read(path), RGB16 / 65535, 1e-7)
    decoded = (
        tifffile.imread(path) if suffix == ".tif" else imagecodecs.png_decode(path.read_bytes())
    )
    np.testing.assert_array_equal(decoded, RGB16)
    assert read_recipe(path) == {"a": 1}


def test_written_image_rounds_to_the_nearest_level_without_gradient():
    image = torch.tensor([-1.0, 0.0, 0.5, 100.4 / 255, 100.6 / 255, 2.0], requires_grad=True)
    written = written_image(image)
    assert not written.requires_grad
    torch.testing.assert_close(written * 255, torch.tensor([0.0, 0, 128, 100, 101, 255]))
    assert torch.equal(written_image(written), written)


def test_a_picture_of_three_dimensions_or_strided_or_half(tmp_path):
    image = tensor(RGB)
    write_image(tmp_path / "a.png", image[0])
    write_image(tmp_path / "b.png", image.transpose(2, 3).contiguous().transpose(2, 3))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    write_image(tmp_path / "c.png", image.to(torch.bfloat16))
    assert (read_image(tmp_path / "c.png") - image).abs().max() < 0.005


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_picture_gives_the_same_bytes_with_an_srgb_profile(tmp_path, suffix, monkeypatch):
    for name in "ab":
        srgb_profile.cache_clear()
        write_image(tmp_path / f"{name}{suffix}", tensor(RGB), recipe={"x": 1, "a": [2]})
        monkeypatch.setattr("time.time", lambda: 2e9)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    with Image.open(tmp_path / f"a{suffix}") as picture:
        profile = picture.info["icc_profile"]
    assert profile == srgb_profile() and profile[84:100] == bytes(16)
    assert "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))


def test_the_profile_does_not_depend_on_the_day(monkeypatch):
    real = ImageCms.ImageCmsProfile.tobytes
    before = srgb_profile()
    other_day = bytes(12 * [9])
    monkeypatch.setattr(
        ImageCms.ImageCmsProfile, "tobytes", lambda p: real(p)[:24] + other_day + real(p)[36:]
    )
    srgb_profile.cache_clear()
    assert srgb_profile() == before


def test_unknown_formats(tmp_path):
    message = refusal(write_image, tmp_path / "a.pgn", tensor(RGB), error=OutputError)
    assert "Did you mean '.png'?" in message and ".webp" in message
    refusal(write_image, tmp_path / "a", tensor(RGB), error=OutputError)
    assert ".png, .tif" in refusal(check_format, "a.jpg", error=OutputError, bits=16)
    refusal(check_format, "a.png", error=UsageError, bits=12)
    assert check_format("a.TIFF", bits=16) == ".tiff"
    assert os.listdir(tmp_path) == []


def test_what_is_no_picture_is_not_written(tmp_path):
    holed = tensor(RGB).clone()
    holed[0, 1, 2, 3] = float("nan")
    assert "NaN" in refusal(write_image, tmp_path / "a.png", holed)
    for shape in ((2, 3, 4, 5), (1, 1, 4, 5), (4, 5), (3, 0, 5), (1, 1, 3, 4, 5)):
        assert str(shape) in refusal(write_image, tmp_path / "a.png", torch.zeros(shape))
    assert os.listdir(tmp_path) == []


def test_a_format_that_cannot_hold_it(tmp_path):
    wide = torch.zeros(3, 1, 16384)
    assert ".webp" in refusal(write_image, tmp_path / "a.webp", wide, error=OutputError)
    long = {"figures": "x" * 70_000}
    assert ".jpg" in refusal(
        write_image, tmp_path / "a.jpg", tensor(RGB), error=OutputError, recipe=long
    )
    refusal(
        write_image,
        tmp_path / "a.png",
        tensor(RGB),
        error=OutputError,
        recipe={"a": "x" * (1 << 21)},
    )
    assert os.listdir(tmp_path) == []
    write_image(tmp_path / "a.png", tensor(RGB), recipe=long)
    assert read_recipe(tmp_path / "a.png") == long


def test_an_existing_file_is_kept_unless_forced(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, tensor(RGB))
    before = path.read_bytes()
    assert "force=True" in refusal(write_image, path, tensor(255 - RGB), error=OutputError)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = refusal(write_image, path, tensor(255 - RGB), error=OutputError, force=True)
    assert "no space" in message and path.read_bytes() == before
    write_image(path, tensor(255 - RGB), force=True)
    equal(read(path), 1 - RGB / 255)
    assert os.listdir(tmp_path) == ["a.png"]


# Recipes

RECIPE = {
    "painting": "Zürich – 星月夜 \N{ARTIST PALETTE} \0 \"quoted\" \\ 'x'\n",
    "layers": ["conv1_1", "conv2_1"],
    "figures": {"loss": 1e-3, "steps": 500, "none": None, "yes": True},
}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recipe_comes_back(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, tensor(RGB), recipe=RECIPE)
    assert read_recipe(path) == RECIPE
    write_image(path, tensor(RGB), recipe={}, force=True)
    assert read_recipe(path) == {}
    write_image(path, tensor(RGB), force=True)
    assert read_recipe(path) is None


def test_where_other_programs_find_the_recipe(tmp_path):
    text = json.dumps(RECIPE, sort_keys=True)
    for suffix in SUFFIXES:
        write_image(tmp_path / f"a{suffix}", tensor(RGB), recipe=RECIPE)
        with Image.open(tmp_path / f"a{suffix}") as picture:
            png = suffix == ".png"
            assert (picture.text["stylespace"] if png else picture.getexif()[270]) == text


def test_a_recipe_behind_the_pixels(tmp_path):
    encoded = imagecodecs.png_encode(RGB)
    text = chunk(b"tEXt", b'stylespace\0{"a": 1}')
    (tmp_path / "a.png").write_bytes(encoded[:-12] + text + encoded[-12:])
    assert read_recipe(tmp_path / "a.png") == {"a": 1}
    equal(read(tmp_path / "a.png"), RGB / 255)


def test_a_caption_is_no_recipe(tmp_path):
    exif = Image.Exif()
    exif[270] = "OLYMPUS DIGITAL CAMERA"
    assert read_recipe(save(tmp_path / "a.jpg", RGB, exif=exif)) is None
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb")  # tifffile's own JSON
    assert read_recipe(tmp_path / "a.tif") is None
    assert read_recipe(save(tmp_path / "a.gif", GREY)) is None


@pytest.mark.parametrize("text", ['{"a": 1', "{'a': 1}", '{"a":' + "[" * 100_000, "{}x", "{" * 9])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_a_damaged_recipe_is_one_line(tmp_path, text, suffix):
    info, exif = PngImagePlugin.PngInfo(), Image.Exif()
    info.add_text("stylespace", text)
    exif[270] = text
    options = {"png": {"pnginfo": info}, "tif": {"tiffinfo": {270: text}}, "webp": {"exif": exif}}
    path = save(tmp_path / f"a.{suffix}", RGB, **options[suffix])
    assert "recipe is damaged" in refusal(read_recipe, path)
    assert read_image(path).shape == (1, 3, HEIGHT, WIDTH)


@pytest.mark.parametrize("text", ["[1, 2]", "", "null", "garbage"])
def test_a_recipe_of_png_must_be_an_object(tmp_path, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("stylespace", text)
    path = save(tmp_path / "a.png", RGB, pnginfo=info)
    assert "recipe is damaged" in refusal(read_recipe, path)


def test_too_long_a_recipe_is_refused(tmp_path):
    text = json.dumps({"a": "x" * (1 << 20)})
    path = save(tmp_path / "a.tif", RGB, tiffinfo={270: text})
    assert "1,048,576" in refusal(read_recipe, path)


def test_read_recipe_refuses_as_read_image_does(tmp_path):
    (tmp_path / "a.png").write_text("text")
    assert "not a picture" in refusal(read_recipe, tmp_path / "a.png")
    assert "no such file" in refusal(read_recipe, tmp_path / "b.png")


@pytest.mark.parametrize("path", [None, b"a.png", 3, ["a.png"]])
def test_what_is_no_path_is_named_by_its_kind(path):
    with pytest.raises(
        UsageError, match=r"^path(=3:| is of type .*:| = .*:|=\[.*:) a text or a path"
    ):
        read_image(path)
