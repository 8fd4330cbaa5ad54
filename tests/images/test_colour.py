"""Colour against scikit-image and scipy, closed forms, and what optimal transport promises."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance_nd
from skimage.color import deltaE_cie76, rgb2gray, rgb2lab
from tiny import seeded_picture

from stylespace.assets import sample_path
from stylespace.images import read_image, resize
from stylespace.images.colour import (
    BIN,
    _signature,
    colour_distance,
    colour_map,
    in_gamut,
    is_grey,
    is_single_colour,
    lab,
    light,
    luminance,
    luminance_transfer,
    match_colours,
    picture,
)

pytestmark = pytest.mark.usefixtures("one_thread")

CORNERS = [(r, g, b) for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0)]


def colours(image):
    """(1, 3, H, W) -> numpy (N, 3)."""
    return image[0].flatten(1).T.double().numpy()


def moments(image):
    return colours(image).mean(0), np.cov(colours(image).T, bias=True)


def plain(*colour, height=4, width=6):
    """A picture of one sRGB colour in float64."""
    return torch.tensor(colour, dtype=torch.float64)[None, :, None, None].expand(
        1, 3, height, width
    )


def lab_of_skimage(image):
    """(1, 3, H, W) -> numpy (3, H, W)."""
    return rgb2lab(image[0].numpy(), channel_axis=0)


@pytest.fixture(scope="module")
def photographs():
    """Two photographs at 64 px whose sides differ."""
    return [resize(read_image(sample_path(name)), 64) for name in ("chelsea", "coffee")]


# --- spaces


def test_cielab_is_scikit_images_but_for_its_white():
    image = torch.cat([seeded_picture(5, 8), seeded_picture(5, 8, seed=1).pow(4)])
    found = lab(image).numpy()
    for one, expected in zip(found, image.numpy(), strict=True):
        np.testing.assert_allclose(one, rgb2lab(expected, channel_axis=0), atol=0.03)


def test_greys_have_no_chroma_and_ends_are_the_ends():
    greys = torch.linspace(0, 1, 11, dtype=torch.float64).expand(1, 3, 1, 11)
    lightness, a, b = lab(greys)[0]
    assert float(torch.cat([a, b]).abs().max()) < 1e-12
    assert lightness[0, [0, -1]].tolist() == pytest.approx([0, 100])
    assert bool((lightness.diff() > 0).all())
    torch.testing.assert_close(luminance(greys), light(greys[:, :1]))


def test_luminance_is_that_of_linear_light():
    image = seeded_picture(4, 7)
    expected = rgb2gray(light(image)[0].numpy(), channel_axis=0)
    np.testing.assert_allclose(luminance(image)[0, 0], expected, atol=4e-4)  # 0.2125, .7154, .0721
    y = luminance(image)[:, 0].numpy()
    lightness = np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)
    np.testing.assert_allclose(lab(image)[:, 0], lightness, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
def test_there_and_back_is_the_same_picture(dtype, error):
    ramp = torch.linspace(0, 1, 256, dtype=dtype)
    assert float((picture(light(ramp)) - ramp).abs().max()) < error
    corners = torch.tensor(CORNERS, dtype=dtype).T[None, :, None]
    for image in (seeded_picture(9, 14, count=2, dtype=dtype), corners):
        # At the corners of sRGB the search must not lose any chroma.
        assert float((in_gamut(lab(image)) - image).abs().max()) < 10 * error


def test_out_of_gamut_lightness_and_hue_stay_and_chroma_is_the_largest_that_fits():
    generator = torch.Generator().manual_seed(0)
    asked = torch.rand(1, 3, 9, 14, generator=generator, dtype=torch.float64)
    asked = torch.stack([100 * asked[:, 0], 260 * asked[:, 1] - 130, 260 * asked[:, 2] - 130], 1)
    image = in_gamut(asked)
    assert float(image.min()) >= 0 and float(image.max()) <= 1
    got, wanted = lab_of_skimage(image), asked[0].numpy()
    np.testing.assert_allclose(got[0], wanted[0], atol=0.03)
    chroma, most = np.hypot(*got[1:]), np.hypot(*wanted[1:])
    turn = (got[1] * wanted[2] - got[2] * wanted[1]) / most  # distance from the ray of the hue
    assert np.abs(turn).max() < 0.1 and (chroma < most + 0.05).all()
    cut = chroma < most - 0.1
    assert cut.mean() > 0.5
    edge = np.minimum(image[0].numpy(), 1 - image[0].numpy()).min(0)
    assert edge[cut].max() < 2e-3  # on the surface of sRGB


def test_black_and_white_have_no_room_for_chroma():
    asked = torch.tensor([[0.0, 50, 50], [100, -40, 80]], dtype=torch.float64).T[None, :, None]
    expected = torch.tensor([[0.0, 1]], dtype=torch.float64).expand(1, 3, 1, 2)
    torch.testing.assert_close(in_gamut(asked), expected, atol=2e-3, rtol=0)


# --- luminance transfer


def test_luminance_transfer_takes_lightness_from_one_and_colour_from_the_other():
    image = 0.4 + 0.2 * seeded_picture(7, 10, count=2)
    content = 0.4 + 0.2 * seeded_picture(7, 10, count=2, seed=3)
    result = luminance_transfer(image, content)
    for one, light_from, colour_from in zip(result, image, content, strict=True):
        found = lab_of_skimage(one[None])
        np.testing.assert_allclose(found[0], lab_of_skimage(light_from[None])[0], atol=1e-3)
        np.testing.assert_allclose(found[1:], lab_of_skimage(colour_from[None])[1:], atol=1e-2)
    torch.testing.assert_close(luminance(result), luminance(image), rtol=1e-9, atol=0)


def test_luminance_transfer_to_itself_and_of_another_size(photographs):
    image, content = photographs
    torch.testing.assert_close(luminance_transfer(image, image), image, atol=2e-5, rtol=0)
    result = luminance_transfer(image, content[..., :40])
    assert result.shape == image.shape and result.dtype == image.dtype
    assert float(result.min()) >= 0 and float(result.max()) <= 1
    torch.testing.assert_close(luminance(result), luminance(image), atol=2e-5, rtol=0)
    both = luminance_transfer(torch.cat([image, image.flip(3)]), content[..., :40])
    torch.testing.assert_close(both[:1], result, atol=1e-6, rtol=0)


def test_a_grey_content_makes_a_grey_picture():
    result = luminance_transfer(seeded_picture(6, 9), plain(0.3, 0.3, 0.3))
    assert float((result - result.mean(1, keepdim=True)).abs().max()) < 1e-9


# --- moments


def test_moments_are_matched_exactly_before_clipping(photographs):
    image, target = (one.double() for one in photographs)
    matrix, shift = (one[0].numpy() for one in colour_map(image, target))
    mapped = colours(image) @ matrix.T + shift
    np.testing.assert_allclose(mapped.mean(0), moments(target)[0], rtol=1e-10)
    np.testing.assert_allclose(np.cov(mapped.T, bias=True), moments(target)[1], rtol=1e-8)
    clipped = mapped.clip(0, 1)
    np.testing.assert_allclose(colours(match_colours(image, target)), clipped, atol=1e-12)
    soft = 0.5 + 0.2 * (target - 0.5)  # nothing to clip: the picture itself has the moments
    result = match_colours(image, soft)
    np.testing.assert_allclose(moments(result)[1], moments(soft)[1], rtol=1e-8, atol=1e-12)


def test_the_map_is_monges_symmetric_and_moves_colours_least(photographs):
    image, target = (one.double() for one in photographs)
    (_, s), (_, t) = moments(image), moments(target)
    matrix = colour_map(image, target)[0][0].numpy()
    root = np.real(sqrtm(s))
    inverse = np.linalg.inv(root)
    expected = inverse @ np.real(sqrtm(root @ t @ root)) @ inverse
    np.testing.assert_allclose(matrix, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > 0
    x = colours(image) - colours(image).mean(0)

    def moved(m):
        return ((x @ m.T - x) ** 2).sum(1).mean()

    least = np.trace(s) + np.trace(t) - 2 * np.trace(np.real(sqrtm(root @ t @ root)))
    assert moved(matrix) == pytest.approx(least, rel=1e-9)
    cholesky = np.linalg.cholesky(t) @ np.linalg.inv(np.linalg.cholesky(s))
    roots = np.real(sqrtm(t)) @ inverse
    np.testing.assert_allclose(roots @ s @ roots.T, t, rtol=1e-8)
    assert moved(matrix) < min(moved(cholesky), moved(roots))


def test_a_picture_matched_to_itself_or_to_its_own_pixels_shuffled_stays(photographs):
    image = photographs[0].double()
    order = torch.randperm(image[0, 0].numel(), generator=torch.Generator().manual_seed(0))
    shuffled = image.flatten(2)[..., order].reshape(1, 3, 1, -1)
    torch.testing.assert_close(match_colours(image, shuffled), image, atol=1e-9, rtol=0)


def test_what_does_not_vary_takes_the_mean_and_nothing_is_amplified():
    target = seeded_picture(7, 10)
    for image in (plain(0.2, 0.6, 0.4), plain(0, 0, 0), plain(0.5, 0.1, 0.1, height=1, width=1)):
        result = match_colours(image, target)
        np.testing.assert_allclose(
            colours(result), np.tile(moments(target)[0], (len(colours(result)), 1))
        )
    noise = 1e-4 * (seeded_picture(9, 14, seed=2) - 0.5)
    grey = seeded_picture(9, 14)[:, :1].expand(1, 3, 9, 14) * 0.4 + 0.3 + noise
    result = colours(match_colours(grey, target)) - moments(target)[0]
    assert np.linalg.svd(result, compute_uv=False)[1] < 0.01 * np.linalg.norm(result)


def test_the_pictures_of_a_batch_are_matched_one_by_one():
    images, target = seeded_picture(6, 9, count=3), 0.6 * seeded_picture(5, 4, seed=4)
    together = match_colours(images, target)
    alone = [match_colours(images[k : k + 1], target) for k in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))
    before = images.clone()
    match_colours(images, target)
    assert torch.equal(images, before)


# --- the distance


@pytest.mark.parametrize(
    ("a", "b"), [((0, 0, 0), (1, 1, 1)), ((0.2, 0.7, 0.4), (0.9, 0.1, 0.3)), ((1, 0, 0), (0, 0, 1))]
)
def test_two_colours_are_as_far_apart_as_cielab_says(a, b):
    one, other = plain(*a), plain(*b, height=3, width=3)
    expected = float(deltaE_cie76(*(rgb2lab(np.array(c, dtype=float)) for c in (a, b))))
    assert colour_distance(one, other) == pytest.approx(expected, abs=0.05)


def test_what_half_of_a_picture_has_in_common_is_not_moved():
    white, black, red = plain(1, 1, 1), plain(0, 0, 0), plain(1, 0, 0)
    mixed, other = torch.cat([white, red], 3), torch.cat([black, red, red, black], 2)
    assert colour_distance(mixed, other) == pytest.approx(50, abs=1e-4)
    thirds = torch.cat([white, black, black], 3)
    assert colour_distance(thirds, white) == pytest.approx(200 / 3, abs=1e-4)


def test_it_is_scipys_distance_of_the_histograms(photographs):
    histograms = []
    for one in photographs:
        points = colours(lab(one.double()))
        cells = [tuple(cell) for cell in np.floor(points / BIN + 0.5).astype(int)]
        groups = {cell: [] for cell in cells}
        for cell, point in zip(cells, points, strict=True):
            groups[cell].append(point)
        means = np.array([np.mean(group, 0) for group in groups.values()])
        histograms.append((means, np.array([len(group) for group in groups.values()])))
    (a, wa), (b, wb) = histograms
    expected = wasserstein_distance_nd(a, b, wa, wb)
    assert colour_distance(*photographs) == pytest.approx(expected, rel=1e-5)


def test_the_histogram_is_near_the_pixels_themselves():
    """Exact on 60 pixels each, against which the bins may be off by little."""
    a, b = seeded_picture(6, 10), 0.5 * seeded_picture(6, 10, seed=1)
    exact = wasserstein_distance_nd(colours(lab(a)), colours(lab(b)))
    assert colour_distance(a, b) == pytest.approx(exact, rel=0.08)


def test_it_is_a_metric_of_palettes(photographs):
    a, b = photographs
    c = seeded_picture(9, 14, dtype=torch.float32)
    assert colour_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert colour_distance(a, a.flip(2, 3).transpose(2, 3)) == pytest.approx(0, abs=1e-6)
    assert colour_distance(a, b) == pytest.approx(colour_distance(b, a), rel=1e-9)
    assert colour_distance(a, c) <= colour_distance(a, b) + colour_distance(b, c)
    means = [colours(lab(one.double())).mean(0) for one in (a, b)]
    assert colour_distance(a, b) >= np.linalg.norm(means[0] - means[1]) - 1e-6
    assert colour_distance(a, b) == colour_distance(a, b)


def test_recoloured_pictures_come_nearer(photographs):
    image, content = photographs
    before = colour_distance(image, content)
    matched = colour_distance(match_colours(image, content), content)
    moved = luminance_transfer(match_colours(image, content), content)
    assert matched < before / 2 and colour_distance(moved, content) < before / 2


def test_pictures_have_so_few_bins_that_their_distance_is_quick():
    for name in ("astronaut", "gogh-auvers"):
        means, shares = _signature(resize(read_image(sample_path(name)), 192))
        assert len(means) == len(shares) < 200


# --- pictures without colours


def test_grey_is_to_a_level_of_8_bits_in_every_pixel():
    grey = seeded_picture(5, 7)[:, :1].expand(-1, 3, -1, -1).clone()
    assert is_grey(grey) and is_grey(plain(0.2, 0.2, 0.2)) and not is_grey(seeded_picture(5, 7))
    for levels, expected in ((1, True), (2, False)):
        off = grey.clone()
        off[0, 2, 3, 4] += levels / 255
        assert is_grey(off) == expected


def test_one_colour_is_to_rounding():
    assert is_single_colour(plain(0.2, 0.5, 0.9)) and not is_single_colour(seeded_picture(5, 7))
    noisy = (plain(0.2, 0.5, 0.9) * 255 + torch.rand(4, 6) - 0.5).round() / 255
    assert is_single_colour(noisy)
