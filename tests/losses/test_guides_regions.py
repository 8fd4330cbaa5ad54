"""Regions found through deep features, and their figure."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import hsv2rgb, rgb2hsv
from tiny import seeded_picture

from stylespace.commands.transfer.figure import COLOURS, regions_figure
from stylespace.errors import UsageError
from stylespace.images import resize
from stylespace.losses.guides import Regions, guided_terms, matched_regions
from stylespace.losses.guides.automatic import LEAST_SHARE, SIMILAR, _centres, matched_features
from stylespace.losses.guides.regions import place_in_words
from stylespace.losses.objective import Objective
from stylespace.networks.loading import load_network
from stylespace.styles.sources import open_picture

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network():
    return load_network()


def hue_turned(picture):
    """Every hue by a sixth of the circle: red becomes yellow, blue magenta."""
    hsv = rgb2hsv(picture[0].permute(1, 2, 0).numpy())
    hsv[..., 0] = (hsv[..., 0] + 1 / 6) % 1
    return torch.from_numpy(hsv2rgb(hsv)).permute(2, 0, 1)[None].float()


def channels_swapped(picture):
    return picture[:, [2, 0, 1]]


def sepia(picture):
    luminance = (picture * torch.tensor([0.3, 0.59, 0.11])[:, None, None]).sum(1, keepdim=True)
    return luminance * torch.tensor([1.0, 0.8, 0.6])[:, None, None]


def warm_and_dark(picture):
    powers = torch.tensor([0.8, 1.1, 1.5])[:, None, None]
    return 0.6 * picture**powers


RECOLOURED = {
    "astronaut": hue_turned,
    "chelsea": channels_swapped,
    "coffee": sepia,
    "rocket": warm_and_dark,
}


SIZES = {"astronaut": 128, "chelsea": 120, "coffee": 112, "rocket": 100}


@pytest.mark.parametrize("name, size", SIZES.items())
def test_a_mirrored_and_recoloured_copy_is_matched_to_itself(network, name, size):
    content = resize(open_picture(f"sample:{name}"), size)
    style = RECOLOURED[name](content.flip(3))
    assert float((style.flip(3) - content).abs().mean()) > 0.05
    found = matched_regions(network, content, style)
    own = found.content_masks * found.style_masks.flip(3)
    assert float(own.sum(1).mean()) >= 0.8
    areas = found.content_masks.mean((0, 2, 3))
    assert len(areas) >= 4 and float(areas.max()) < 0.5  # no one region that holds everything
    assert min(found.similarity) > 0.9 and found.unmatched == () and found.remarks == ()


def test_masks_share_the_content_out_and_repeat_with_the_seed(network):
    content, style = (resize(open_picture(f"sample:{name}"), 64) for name in ("coffee", "chelsea"))
    found, again = (matched_regions(network, content, style, count=4, seed=3) for _ in range(2))
    assert found.content_masks.shape[2:] == content.shape[2:]
    assert found.style_masks.shape[2:] == style.shape[2:]
    assert set(found.content_masks.unique().tolist()) == {0, 1}
    assert bool((found.content_masks.sum(1) == 1).all())
    assert float(found.style_masks.sum(1).max()) <= 1
    areas = found.content_masks.mean((0, 2, 3))
    assert bool((areas.diff() <= 0).all()) and float(areas[-1]) > 0
    assert torch.equal(found.content_masks, again.content_masks)
    assert torch.equal(found.style_masks, again.style_masks)


def test_features_mirror_exactly_and_know_no_colours(network):
    """Also where the stride does not divide the width."""
    content = resize(open_picture("sample:coffee"), 92)
    assert content.shape[3] % network.reach("conv4_1").stride
    plain = matched_features(network, content, "conv4_1")
    changed = matched_features(network, 0.7 * channels_swapped(content).flip(3) + 0.2, "conv4_1")
    scale = float(plain.abs().max())
    torch.testing.assert_close(changed.flip(3), plain, atol=0.01 * scale, rtol=0)
    (first,) = network(content, ["conv4_1"]).values()
    (second,) = network(content.flip(3), ["conv4_1"]).values()
    assert float((second.flip(3) - first).abs().max()) > 0.1 * scale  # the network's own do not


def textures(height=64, width=96):
    """Fine stripes, and a board of squares, (1, 3, height, width) each."""
    rows, columns = torch.meshgrid(
        torch.arange(float(height)), torch.arange(float(width)), indexing="ij"
    )
    stripes = 0.5 + 0.4 * torch.sin(0.8 * columns)
    board = 0.1 + 0.8 * ((rows // 12 + columns // 12) % 2)
    return [one.expand(1, 3, -1, -1) for one in (stripes, board)]


def test_a_kind_without_partner_falls_back_to_the_whole_style_and_is_named(network):
    stripes, board = textures()
    content = torch.cat([stripes[..., :48], board[..., 48:]], 3)
    found = matched_regions(network, content, stripes, count=4)
    alone = found.content_masks[0, list(found.unmatched)].sum(0)
    assert float(alone[:, 60:].mean()) > 0.95  # the board
    assert float(alone[8:-8, 8:28].mean()) < 0.05  # the stripes, as far as they see no squares
    assert bool((found.style_masks[0, list(found.unmatched)] == 0).all())
    assert len(found.remarks) == len(found.unmatched)
    for k, remark in zip(found.unmatched, found.remarks, strict=True):
        assert remark.startswith(found.names[k]) and "the whole style" in remark
        assert "\n" not in remark
    terms = guided_terms(network, stripes, found, (64, 96), {"conv2_1": 1.0})
    assert float(Objective(network, terms)(content)["guided.conv2_1"]) > 0


def test_a_partner_is_large_enough_and_alike(network):
    content, style = (
        resize(open_picture(f"sample:{name}"), 96) for name in ("rocket", "gogh-auvers")
    )
    found = matched_regions(network, content, style)
    share = found.style_masks.mean((0, 2, 3)).tolist()
    for k, similarity in enumerate(found.similarity):
        partner = k not in found.unmatched
        assert partner == (share[k] > 0)
        assert not partner or (share[k] >= LEAST_SHARE and similarity >= SIMILAR)


def test_even_pictures_are_one_region(network):
    found = matched_regions(
        network, torch.full((1, 3, 40, 24), 0.3), torch.full((1, 3, 24, 32), 0.7)
    )
    assert found.content_masks.shape == (1, 1, 40, 24)
    assert bool((found.content_masks == 1).all())


def test_masks_of_a_huge_picture_are_bounded(tiny32):
    content = seeded_picture(30, 1500, dtype=torch.float32)
    found = matched_regions(tiny32, content, content[..., :40], count=2, layer="conv3_1")
    assert found.content_masks.shape[2:] == (20, 1024)
    width, height = Image.open(io.BytesIO(regions_figure(content, content, found))).size
    assert height < width < 1300


def test_clusters_are_those_of_unit_vectors_in_plain_sight():
    """Three bundles of directions: every centre is the mean direction of one of them."""
    generator = torch.Generator().manual_seed(1)
    axes = torch.eye(5, dtype=torch.float64)[:3]
    bundles = axes.repeat_interleave(20, 0) + 0.05 * torch.randn(
        60, 5, generator=generator, dtype=torch.float64
    )
    points = torch.nn.functional.normalize(bundles, dim=1)
    picture = points.T.reshape(1, 5, 6, 10)
    centres = _centres([picture, picture], 3, 0)
    means = torch.nn.functional.normalize(points.view(3, 20, 5).mean(1), dim=1)
    order = (means @ centres.T).argmax(1)
    assert sorted(order.tolist()) == [0, 1, 2]
    torch.testing.assert_close(centres[order], means)


def test_bad_requests_are_refused_in_one_line(network):
    picture = seeded_picture(32, 40, dtype=torch.float32)
    for count in (0, 13):
        with pytest.raises(UsageError, match=f"{count} regions: 1 to 12"):
            matched_regions(network, picture, picture, count=count)
    with pytest.raises(UsageError, match="conv9_1"):
        matched_regions(network, picture, picture, layer="conv9_1")


def test_other_networks_are_asked_by_layer(tiny32):
    picture = seeded_picture(30, 44, dtype=torch.float32)
    found = matched_regions(tiny32, picture, picture.flip(3), count=3, layer="conv3_1")
    assert torch.equal(found.content_masks, found.style_masks.flip(3))


@pytest.mark.parametrize(
    "rows, columns, told",
    [
        ((0, 10), (0, 10), "upper left"),
        ((25, 40), (45, 60), "lower right"),
        ((13, 27), (20, 40), "centre"),
        ((13, 27), (0, 12), "middle left"),
    ],
)
def test_places_are_told_in_words(rows, columns, told):
    mask = torch.zeros(40, 60)
    mask[slice(*rows), slice(*columns)] = 1
    mask[-1, ::9] = 1  # specks elsewhere do not count
    assert place_in_words(mask) == told


def hex_rgb(colour):
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])


def test_the_figure_shows_partners_in_one_colour_and_the_rest_without():
    content, style = torch.full((1, 3, 60, 90), 0.5), torch.full((1, 3, 50, 40), 0.5)
    masks = [torch.zeros(1, 2, *one.shape[2:]) for one in (content, style)]
    masks[0][:, 0, :, :45], masks[0][:, 1, :, 45:] = 1, 1
    masks[1][:, 0, :25] = 1
    regions = Regions(*masks, ("region 1 (a)", "region 2 (b)"), (0.9, 0.1), (1,))
    png = regions_figure(content, style, regions)
    assert png == regions_figure(content, style, regions)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    assert pixels.shape[1] >= 900
    painted = 0.62 * hex_rgb(COLOURS[0]) + 0.38 * 0.6 * 255
    blue = (np.abs(pixels - painted).max(2) <= 2).nonzero()
    left = blue[1] < pixels.shape[1] // 2
    assert 0.15 < left.mean() < 0.85  # on both pictures
    assert blue[0].min() > 0.4 * pixels.shape[0]  # in the lower row


def test_the_figure_holds_regions_drawn_by_hand_with_long_names():
    content = seeded_picture(20, 90, dtype=torch.float32)
    masks = torch.rand(1, 14, 20, 90, generator=torch.Generator().manual_seed(0)) / 14
    regions = Regions(masks, masks, ("x" * 300,) * 14, (None,) * 14, unmatched=(2,))
    width, height = Image.open(io.BytesIO(regions_figure(content, content, regions))).size
    assert width < 1300 and height < 1500
