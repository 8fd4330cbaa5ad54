"""Alterations: known values by hand, what they leave alone, and what no map of colours makes."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from tiny import seeded_picture

from stylespace.assets import sample_path
from stylespace.images import read_image, resize, resize_to
from stylespace.images.colour import in_gamut, light, luminance, match_colours, picture
from stylespace.studies.alterations import (
    ALTERATIONS,
    BULB,
    HAZE,
    HUES,
    LOW_SUN,
    NIGHT,
    autumn,
    evening,
    fog,
    guessed_distance,
    lamp,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def plain(*colour, height=5, width=8):
    return torch.tensor(colour, dtype=torch.float64)[None, :, None, None].repeat(
        1, 1, height, width
    )


def hue_of(image):
    """Degrees in CIELAB of the first pixel, by scikit-image."""
    _, a, b = rgb2lab(image[0, :, 0, 0].numpy())
    return math.degrees(math.atan2(b, a)) % 360


@pytest.fixture(scope="module")
def photograph():
    return resize(read_image(sample_path("chelsea")), 64)


# --- what all of them do


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.parametrize("size", [(13, 22), (1, 7), (9, 1), (1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_alteration_gives_a_picture_of_the_same_kind(name, size, dtype):
    images = seeded_picture(*size, count=2, dtype=dtype)
    before = images.clone()
    found = ALTERATIONS[name](images)
    assert found.shape == images.shape and found.dtype == dtype
    assert torch.isfinite(found).all() and float(found.min()) >= 0 and float(found.max()) <= 1
    assert torch.equal(images, before) and torch.equal(ALTERATIONS[name](images), found)
    assert not torch.allclose(found, images, atol=0.01)
    alone = torch.cat([ALTERATIONS[name](images[k : k + 1]) for k in range(2)])
    torch.testing.assert_close(found, alone, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ALTERATIONS)
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_are_borne(name, level):
    found = ALTERATIONS[name](plain(level, level, level))
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", ALTERATIONS)
def test_only_the_local_ones_depend_on_the_place(name):
    """The same pixels in another order, put back afterwards."""
    image = seeded_picture(13, 22)
    order = torch.randperm(13 * 22, generator=torch.Generator().manual_seed(0))
    moved = image.flatten(2)[..., order].view_as(image)
    back = torch.empty_like(image).flatten(2)
    back[..., order] = ALTERATIONS[name](moved).flatten(2)
    difference = float((back.view_as(image) - ALTERATIONS[name](image)).abs().max())
    assert difference > 0.1 if name in ("fog", "lamp") else difference < 1e-12


@pytest.mark.parametrize("name", ALTERATIONS)
def test_the_size_of_the_picture_does_not_count(name, photograph):
    small = resize_to(photograph, 32, 48)
    altered = resize_to(ALTERATIONS[name](resize_to(photograph, 64, 96)), 32, 48)
    assert float((ALTERATIONS[name](small) - altered).abs().mean()) < 0.01


def test_colour_matching_undoes_what_is_global_and_not_what_is_local(photograph):
    """The share of the change that the best map of moments leaves."""
    left = {}
    for name, alter in ALTERATIONS.items():
        goal = alter(photograph)
        rest = (match_colours(photograph, goal) - goal).abs().mean()
        left[name] = float(rest / (photograph - goal).abs().mean())
    assert left["evening"] < 0.06 and left["autumn"] < 0.18
    assert min(left["fog"], left["lamp"]) > 0.2


# --- evening


def test_evening_is_darker_by_its_stops_and_keeps_the_order_of_greys():
    greys = torch.linspace(0, 1, 21, dtype=torch.float64).expand(1, 3, 1, 21)
    for stops in (1.0, 1.6, 3.0):
        found = evening(greys, stops=stops)
        ratio = luminance(found)[..., 1:] / luminance(greys)[..., 1:]
        np.testing.assert_allclose(ratio, 2**-stops, rtol=1e-9)
        assert bool((luminance(found).diff(dim=3) > 0).all())
        assert float(found.max()) < 1


def test_evening_shadows_are_blue_and_lights_orange():
    red, _, blue = light(evening(plain(0.1, 0.1, 0.1)))[0, :, 0, 0]
    assert blue > 2 * red
    red, _, blue = light(evening(plain(0.95, 0.95, 0.95)))[0, :, 0, 0]
    assert red > 2 * blue


# --- autumn


@pytest.mark.parametrize("hue", [20, 50, 75, 100, 135, 170, 220, 300])
def test_autumn_turns_hues_along_the_line(hue):
    angle = math.radians(hue)
    colour = torch.tensor([60, 25 * math.cos(angle), 25 * math.sin(angle)], dtype=torch.float64)
    image = in_gamut(colour[None, :, None, None])
    found = picture(
        light(autumn(image)) / torch.tensor(LOW_SUN)[:, None, None]
    )  # the sun taken off
    expected = np.interp(hue, *np.array(HUES).T)
    assert hue_of(found) == pytest.approx(expected, abs=1)
    lightness = rgb2lab(found[0, :, 0, 0].numpy())[0]
    assert lightness == pytest.approx(60, abs=0.1)
    chroma = math.hypot(*rgb2lab(found[0, :, 0, 0].numpy())[1:])
    assert chroma == pytest.approx(25, abs=0.2) if expected == hue else chroma > 25.5


def test_a_lawn_becomes_orange_and_greys_take_the_sun_alone():
    lawn = autumn(plain(0.3, 0.55, 0.2))
    red, green, blue = lawn[0, :, 0, 0]
    assert red > 1.3 * green > 1.3 * blue
    grey = light(autumn(plain(0.5, 0.5, 0.5)))[0, :, 0, 0] / light(torch.tensor(0.5)).double()
    np.testing.assert_allclose(grey, LOW_SUN, rtol=1e-6)
    image = seeded_picture(6, 9)
    torch.testing.assert_close(autumn(image, strength=0), image, atol=1e-9, rtol=0)


# --- fog


def test_fog_mixes_with_its_light_by_distance():
    image, distance = seeded_picture(6, 9), seeded_picture(6, 9, seed=1)[:, :1]
    seen = np.exp(-2 * distance.numpy())
    haze = np.array(HAZE)[:, None, None]
    expected = seen * light(image).numpy() + (1 - seen) * haze
    np.testing.assert_allclose(light(fog(image, density=2, distance=distance)), expected, rtol=1e-9)
    torch.testing.assert_close(fog(image, density=0), image)
    dense = light(fog(image, density=1e3))
    np.testing.assert_allclose(dense, np.broadcast_to(haze, dense.shape), rtol=1e-9)


def test_the_guessed_distance_grows_upwards_and_where_it_is_bright():
    even = guessed_distance(plain(0.5, 0.5, 0.5, height=12))[0, 0]
    assert bool((even.diff(dim=0) < 0).all()) and float(even.diff(dim=1).abs().max()) < 1e-12
    white = guessed_distance(plain(1, 1, 1, height=10))[0, 0, :, 0]
    np.testing.assert_allclose(white, 0.1 + 0.9 * (1 - (np.arange(10) + 0.5) / 10), rtol=1e-9)
    half = torch.cat([plain(0, 0, 0, width=16), plain(1, 1, 1, width=16)], 3)
    left, right = guessed_distance(half)[0, 0, 0, [0, -1]]
    np.testing.assert_allclose([left, right], [0.1 + 0.81 * 0.45, 0.91], rtol=1e-6)


# --- lamp


def test_a_lamp_falls_off_as_it_says():
    white = plain(1, 1, 1, height=30, width=50)
    found = light(lamp(white, place=(0.5, 0.3), reach=0.2))[0].numpy()
    y, x = np.mgrid[:30, :50] + 0.5
    squared = ((x / 50 - 0.3) ** 2 + ((y / 30 - 0.5) * 30 / 50) ** 2) / 0.2**2
    falling = 1 / (1 + squared) ** 2
    night, bulb = (np.array(colour)[:, None, None] for colour in (NIGHT, BULB))
    np.testing.assert_allclose(found, night + (1 - night) * bulb * falling, rtol=1e-9)
    brightest = np.unravel_index(found[0].argmax(), found[0].shape)
    assert brightest[1] in (14, 15) and brightest[0] in (14, 15)


def test_a_lamp_is_warm_near_and_cold_far():
    found = light(lamp(plain(0.8, 0.8, 0.8, height=40, width=60)))[0]
    red, _, blue = found[:, 16, 21]
    assert red > 2 * blue
    red, _, blue = found[:, -1, -1]
    assert blue > red
