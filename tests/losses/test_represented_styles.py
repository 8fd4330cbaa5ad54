"""The style of a transfer: its terms against direct computations, their weights, their memory."""

import math
import re

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import seeded_picture

import stylespace as ss
from stylespace.commands.transfer.transfer import transfer
from stylespace.errors import MemoryLimitError, UsageError
from stylespace.images.colour import luminance
from stylespace.losses.covariance.responses import on_grid
from stylespace.losses.guides import guides_memory
from stylespace.losses.local import local_memory
from stylespace.losses.objective import Objective
from stylespace.losses.representations import represented_style
from stylespace.losses.representations.sliced import unit_vectors
from stylespace.networks.loading import load_network
from stylespace.networks.memory import estimate, measured_bytes
from stylespace.settings import TransferSettings
from stylespace.styles.sources import StyleSource

pytestmark = pytest.mark.usefixtures("one_thread")

LAYERS = ("conv1_1=3", "conv2_1", "conv3_1=2")
NAMES = ("conv1_1", "conv2_1", "conv3_1")
SHARES = {"conv1_1": 3 / 6, "conv2_1": 1 / 6, "conv3_1": 2 / 6}
ONE_EACH = {
    "gram": "gram",
    "local": "local",
    "covariance": "content_covariance",
    "centred": "covariance",
    "mean": "mean",
    "shifted": "shifted",
    "sliced": "sliced",
    "softened": "softened",
}
"""Representations with a term for each layer, and what those terms are called."""
KINDS = (*ONE_EACH, "chained")


@pytest.fixture(scope="module")
def network():
    """Random filters in float64."""
    return load_network("vgg16-hed", weights="random:0", device="cpu", precision="float64")


def styled(network, content, style, **options):
    """The style of a transfer of one picture (1, 3, H, W) into the style of another."""
    given = {"size": max(content.shape[2:]), "layers": LAYERS, "weights": "random:0", **options}
    settings = TransferSettings(content="c.png", styles=("s.png",), **given)
    source = StyleSource("s.png", 1.0, style, None)
    return represented_style(settings, network, content, (source,))


def measured(style, image):
    """{term: its value with its weight} of a picture (1, 3, H, W), and {term: weight}."""
    terms = style.terms(*image.shape[2:])
    with torch.no_grad():
        values = Objective(style.pictures.network, terms)(image)
    return {name: float(value) for name, value in values.items()}, {
        term.name: term.weight for term in terms.parts
    }


def blocky(height, width, seed=0):
    """(1, 3, height, width) with structure of every scale, in float64."""
    parts = [
        torch.nn.functional.interpolate(
            seeded_picture(-(-height // n), -(-width // n), seed=seed + n), (height, width)
        )
        for n in (1, 4, 13)
    ]
    return sum(parts) / 3


def features(network, picture, layers=NAMES):
    with torch.no_grad():
        return network(picture, layers)


def matrices(network, picture):
    """{layer: features as (C, N) in numpy}."""
    return {name: one[0].flatten(1).numpy() for name, one in features(network, picture).items()}


def relative(value, target):
    return np.square(value - target).sum() / np.square(target).sum()


# ------------------------------------------------------------------------- what all have in common


@pytest.mark.parametrize("kind", KINDS)
def test_the_style_picture_itself_is_at_no_distance_and_others_are(network, kind):
    style = blocky(28, 40)
    represented = styled(network, style, style, representation=kind)
    there, _ = measured(represented, style)
    away, _ = measured(represented, blocky(28, 40, seed=5))
    assert all(abs(value) < 1e-20 for value in there.values()), there
    assert all(value > 1e-5 for value in away.values()), away


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_judged_by_the_same_terms_in_float32(kind):
    """Those that a float32 network builds from scratch; covariances reduce alike in both."""
    single, half = (
        load_network("vgg16-hed", weights="random:0", precision=name)
        for name in ("float32", "bfloat16")
    )
    pictures = blocky(28, 40).float(), blocky(36, 30, seed=3).float()
    image = blocky(28, 40, seed=5).float()
    expected, _ = measured(styled(single, *pictures, representation=kind), image)
    represented = styled(half, *pictures, representation=kind)
    rough, _ = measured(represented, image)
    judged, _ = measured(represented.seen_by(half.precise), image)
    assert judged == expected and rough != expected
    assert represented.pictures.network is half


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_those_of_the_layers_and_add_up_to_1(network, kind):
    represented = styled(network, blocky(28, 40), blocky(36, 30, seed=3), representation=kind)
    _, weights = measured(represented, blocky(28, 40))
    assert sum(weights.values()) == pytest.approx(1)
    if kind == "chained":  # a pair weighs what its deeper layer does
        expected = {"chained.conv2_1.conv1_1": 1 / 3, "chained.conv3_1.conv2_1": 2 / 3}
    else:
        expected = {f"{ONE_EACH[kind]}.{name}": share for name, share in SHARES.items()}
    assert weights == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_geometric_weights_halve_from_layer_to_layer_whatever_their_order(network, kind):
    options = {"layers": ("conv3_1", "conv1_1", "conv2_1"), "weighting": "geometric"}
    represented = styled(network, blocky(24, 24), blocky(24, 24, 3), representation=kind, **options)
    _, weights = measured(represented, blocky(24, 24))
    ordered = [weights[name] for name in sorted(weights)]
    assert len(ordered) == (2 if kind == "chained" else 3)
    for shallow, deep in zip(ordered, ordered[1:], strict=False):
        assert shallow == pytest.approx(2 * deep)


def test_guided_terms_have_the_layers_weights_too(network, tmp_path):
    pair = masks(tmp_path)
    represented = styled(network, blocky(28, 40), blocky(36, 30, seed=3), guide=pair)
    _, weights = measured(represented, blocky(28, 40))
    assert weights == pytest.approx({f"guided.{name}": share for name, share in SHARES.items()})


def test_a_region_takes_after_its_own_partner(network, tmp_path):
    """Two halves of one picture: at no distance from themselves, far from each other."""
    picture = torch.cat([0.3 * blocky(32, 24), 0.5 + 0.5 * blocky(32, 24, seed=3)], 3)
    for number, columns in enumerate((slice(0, 24), slice(24, 48))):
        values = np.zeros((32, 48), np.uint8)
        values[:, columns] = 255
        Image.fromarray(values).save(tmp_path / f"{number}.png")
    distances = []
    for partners in ((0, 1), (1, 0)):
        pairs = tuple(
            f"{tmp_path / f'{k}.png'}={tmp_path / f'{p}.png'}" for k, p in enumerate(partners)
        )
        values, _ = measured(styled(network, picture, picture, guide=pairs), picture)
        distances.append(sum(values.values()))
    assert distances[0] < 1e-20 and distances[1] > 0.1


# --------------------------------------------------------------------------- against direct numbers


def moments(kind, x, level):
    """The statistic of features (C, N); level: the mean activation of the style's."""
    if kind == "mean":
        return x.mean(1)
    if kind == "centred":
        return np.cov(x, bias=True)
    y = x - level if kind == "shifted" else x
    return y @ y.T / x.shape[1]


@pytest.mark.parametrize("kind", ["gram", "centred", "mean", "shifted"])
def test_moments_of_two_pictures_of_different_sizes(network, kind):
    image, style = blocky(28, 40), blocky(60, 36, seed=3)
    represented = styled(network, image, style, representation=kind, source_size=(60,))
    values, _ = measured(represented, image)
    own, target = (matrices(network, one) for one in (image, style))
    for name, share in SHARES.items():
        ours, goal = (moments(kind, one[name], target[name].mean()) for one in (own, target))
        expected = share * relative(ours, goal)
        assert values[f"{ONE_EACH[kind]}.{name}"] == pytest.approx(expected, rel=1e-9)


def spread(fine, coarse):
    """Bilinear interpolation along one axis between pixel centres, (fine, coarse)."""
    at = np.clip((np.arange(fine) + 0.5) * coarse / fine - 0.5, 0, None)
    low = np.minimum(np.floor(at).astype(int), coarse - 1)
    high, result = np.minimum(low + 1, coarse - 1), np.zeros((fine, coarse))
    np.add.at(result, (range(fine), low), 1 - (at - low))
    np.add.at(result, (range(fine), high), at - low)
    return result


def test_chained_layers_against_numpy(network):
    image, style = blocky(28, 40), blocky(60, 36, seed=3)
    represented = styled(network, image, style, representation="chained", source_size=(60,))
    values, weights = measured(represented, image)
    own, target = (features(network, one) for one in (image, style))
    for deep, shallow in (("conv2_1", "conv1_1"), ("conv3_1", "conv2_1")):
        both = []
        for one in (own, target):
            small, large = one[deep][0].numpy(), one[shallow][0].numpy()
            rows, columns = (
                spread(n, m) for n, m in zip(large.shape[1:], small.shape[1:], strict=True)
            )
            up = np.einsum("Hh,Ww,chw->cHW", rows, columns, small)
            both.append(np.einsum("chw,dhw->cd", up, large) / large[0].size)
        name = f"chained.{deep}.{shallow}"
        assert values[name] == pytest.approx(weights[name] * relative(*both), rel=1e-9)


def test_sliced_against_sorted_projections(network):
    image, style = blocky(28, 40), blocky(28, 40, seed=3)
    values, _ = measured(styled(network, image, style, representation="sliced"), image)
    own, target = (matrices(network, one) for one in (image, style))
    for name, share in SHARES.items():
        axes = unit_vectors(len(own[name])).numpy()
        assert np.linalg.norm(axes, axis=1) == pytest.approx(1)
        expected = relative(np.sort(axes @ own[name], 1), np.sort(axes @ target[name], 1))
        assert values[f"sliced.{name}"] == pytest.approx(share * expected, rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window": ("0",)},
        {"window": ("1",), "kernel": "gaussian"},
        {"window": ("2", "conv3_1=1", "relu1_1=4"), "stride": 3},
    ],
)
def test_local_terms_are_local_gram_distances(network, options):
    image, style = blocky(28, 40), blocky(56, 80, seed=3)
    represented = styled(network, image, style, representation="local", **options)
    values, _ = measured(represented, image)
    half_widths = dict.fromkeys(NAMES, int(options.get("window", ("3",))[0]))
    if len(options.get("window", ())) > 1:
        half_widths |= {"conv3_1": 1, "conv1_1": 4}
    how = {key: options[key] for key in ("kernel", "stride") if key in options}
    own, target = features(network, image), features(network, ss_resized(style, 28, 40))
    for name, share in SHARES.items():
        f, p = own[name], target[name]
        far = ss.local_gram_distance(torch.zeros_like(p), p, half_widths[name], **how)
        expected = share * ss.local_gram_distance(f, p, half_widths[name], **how) / far
        assert values[f"local.{name}"] == pytest.approx(float(expected), rel=1e-9)


def ss_resized(picture, height, width):
    resized = torch.nn.functional.interpolate(
        picture, (height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return resized.clamp(0, 1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"moment": True},
        {"window": ("1",), "kernel": "gaussian"},
        {"window": ("2", "conv3_1=0"), "moment": True},
    ],
)
def test_covariance_terms_at_full_rank_are_those_of_the_responses_themselves(network, options):
    image, content, style = blocky(28, 40, 9), blocky(28, 40), blocky(40, 24, seed=3)
    represented = styled(network, content, style, representation="covariance", responses="pca:512",
                     **options)  # fmt: skip
    values, _ = measured(represented, image)
    assert represented.explained == pytest.approx(1, abs=1e-9)
    own, target = (features(network, one) for one in (image, style))
    r, q = (features(network, one, ["conv4_2"])["conv4_2"] for one in (content, style))
    how = {"kernel": options.get("kernel", "uniform"), "centred": not options.get("moment")}
    for name, share in SHARES.items():
        s = int(options.get("window", ("0",))[0])
        s = 0 if name == "conv3_1" and len(options.get("window", ())) > 1 else s
        f, p = own[name], target[name]
        four = f, on_grid(r, f.shape[2:]), p, on_grid(q, p.shape[2:])
        far = ss.covariance_distance(torch.zeros_like(f), *four[1:], half_width=s, **how)
        expected = share * ss.covariance_distance(*four, half_width=s, **how) / far
        found = values[f"content_covariance.{name}"]
        assert found == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("method", ["pca", "nmf", "kmeans"])
def test_fewer_maps_explain_less_and_say_how_much(network, method):
    shares = []
    for count in (1, 3, 6):
        options = {"responses": f"{method}:{count}", "moment": True}
        represented = styled(
            network, blocky(40, 48), blocky(48, 32, 3), representation="covariance", **options
        )
        assert represented.explained is None
        represented.terms(40, 48)
        shares.append(represented.explained)
    assert 0 < shares[0] < shares[1] < shares[2] <= 1


# --------------------------------------------------------------------------------------- pictures


def ramp(height, width):
    """(1, 3, height, width): red climbs along rows, green down columns, both pixel by pixel."""
    x, y = torch.arange(width).double(), torch.arange(height).double()
    picture = torch.zeros(1, 3, height, width, dtype=torch.float64)
    picture[0, 0], picture[0, 1] = x / 200, (y / 200)[:, None]
    return picture


@pytest.mark.parametrize(("height", "width"), [(24, 60), (60, 24), (40, 40)])
def test_a_covering_style_keeps_its_proportions_and_its_middle(network, height, width):
    style = ramp(80, 100)
    covered = styled(network, blocky(40, 40), style).pictures.covering(height, width)
    assert covered.shape == (1, 3, height, width)
    inner = covered[..., 4:-4, 4:-4]  # resizing bends a slope at borders
    across, down = inner[0, 0].diff(dim=1), inner[0, 1].diff(dim=0)
    scale = max(height / 80, width / 100)
    assert float(across.mean()) == pytest.approx(1 / 200 / scale, rel=0.02)
    assert float(down.mean()) == pytest.approx(1 / 200 / scale, rel=0.02)
    centre = covered[0, :2].mean((1, 2))
    assert centre.tolist() == pytest.approx([99 / 400, 79 / 400], abs=0.5 / 200 / scale)


def test_match_before_gives_the_style_the_contents_palette(network):
    content, style = 0.3 + 0.2 * blocky(28, 40), blocky(36, 30, seed=3)
    plain, recoloured = (
        styled(network, content, style, colour=colour) for colour in ("style", "match-before")
    )
    assert torch.equal(plain.pictures.sources[0].image, style)
    image = recoloured.pictures.sources[0].image
    wanted, found = (one[0].flatten(1) for one in (content, image))
    assert torch.allclose(found.mean(1), wanted.mean(1), atol=1e-4)
    assert torch.allclose(torch.cov(found), torch.cov(wanted), atol=1e-4)
    assert float((luminance(image) - luminance(style)).abs().max()) > 0.05
    assert measured(plain, content)[0] != measured(recoloured, content)[0]


def test_windows_larger_than_a_layer_are_said(network):
    content = blocky(20, 28)
    for kind in ("local", "covariance"):
        options = {"representation": kind, "window": ("6", "conv1_1=9")}
        remarks = styled(network, content, blocky(80, 80), **options).remarks(20, 28)
        assert len(remarks) == 2  # 19 positions of conv1_1 fit into 28x20
        assert "conv2_1, 13 positions wide" in remarks[0] and "14x10" in remarks[0]
        assert "conv3_1, 13 positions wide" in remarks[1] and "7x5" in remarks[1]
        small = {**options, "window": ("2",)}
        assert styled(network, content, blocky(80, 80), **small).remarks(20, 28) == []


def test_a_style_picture_smaller_than_a_window_is_refused(network):
    content, style = blocky(64, 64), blocky(20, 27)
    with pytest.raises(UsageError, match=r"27x20 pixels.*window of conv3_1, 28 pixels") as caught:
        styled(network, content, style, representation="local", window=("3",))  # 7 of stride 4
    assert "--window" in str(caught.value)
    # Small enough, or so wide that they are larger than the result itself, which is only said.
    windows = ("2",), ("3", "conv3_1=2"), ("0",), ("2", "conv3_1=8")
    for options in ({"window": window} for window in windows):
        styled(network, content, style, representation="local", **options)
    styled(network, content, style)
    styled(network, content, blocky(12, 32), representation="local")


# ------------------------------------------------------------------------------------------ memory


def masks(folder):
    """A pair of masks on disk, left and upper half; as --guide takes them."""
    left, upper = np.zeros((28, 40), np.uint8), np.zeros((36, 30), np.uint8)
    left[:, :20], upper[:18] = 255, 255
    for name, values in (("left.png", left), ("upper.png", upper)):
        Image.fromarray(values).save(folder / name)
    return (f"{folder / 'left.png'}={folder / 'upper.png'}",)


def test_the_memory_is_that_of_the_representation(network, tmp_path):
    content, style = blocky(28, 40), blocky(36, 30, seed=3)

    def extra(**options):
        return styled(network, content, style, **options).memory(28, 40)

    assert extra() == extra(representation="mean") == 0
    measured = measured_bytes(network, NAMES, 40, 33)  # the style picture, 40 on its longer side
    guided = extra(guide=masks(tmp_path))
    assert guided == guides_memory(network, NAMES, 1, 28, 40) + measured
    shapes = {"conv1_1": (1, 64, 28, 40), "conv2_1": (1, 128, 14, 20), "conv3_1": (1, 256, 7, 10)}
    features = 8 * sum(math.prod(shape) for shape in shapes.values())
    found = extra(representation="local", window=("2", "conv3_1=1"))
    widths = {"conv1_1": 2, "conv2_1": 2, "conv3_1": 1}
    most = max(local_memory(shapes[name], widths[name], itemsize=8) for name in NAMES)
    assert found == features + most
    strided = extra(representation="local", window=("2",), stride=8)
    assert 0 < strided <= extra(representation="local", window=("2",))
    few, many = (extra(representation="covariance", responses=f"pca:{n}") for n in (4, 64))
    kept = 8 * sum(network.channels(name) ** 2 for name in NAMES)  # moments of a response
    assert measured + 4 * kept < few < many - 60 * kept
    for kind, least in (("centred", 0.8), ("shifted", 0.8)):
        assert least * features <= extra(representation=kind) <= 5 * features
    for kind, least in (("chained", 2.4), ("sliced", 3.6)):
        own = extra(representation=kind) - measured
        assert least * features <= own <= 9 * features


@pytest.mark.parametrize("kind", ["sliced", "chained", "covariance"])
def test_a_large_style_picture_counts(network, kind):
    """Of a small result: its features, which are measured in one piece, are most of it."""
    content, style = blocky(28, 40), blocky(72, 60, seed=3)
    small, large = (
        styled(network, content, style, representation=kind, source_size=(size,)).memory(28, 40)
        for size in (40, 400)
    )
    positions = {"conv1_1": 400 * 333, "conv2_1": 200 * 166, "conv3_1": 100 * 83}
    features = 8 * sum(network.channels(name) * count for name, count in positions.items())
    assert large - small > 0.95 * features


def kept_bytes(objective, image):
    """Bytes of the different storages that an evaluation keeps for its backward pass."""
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        sum(objective(image).values())
    return sum(size for size, _ in storages.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "gram"])
def test_the_memory_covers_what_autograd_keeps(network, kind):
    content, style = blocky(64, 64), blocky(64, 64, seed=3)
    image, kept, held = content.clone().requires_grad_(), {}, None
    for name in ("gram", kind):
        held = styled(network, content, style, representation=name)
        kept[name] = kept_bytes(Objective(network, held.terms(64, 64)), image)
    small = 8 * 4 * sum(network.channels(name) ** 2 for name in NAMES)
    assert kept[kind] - kept["gram"] <= held.memory(64, 64) + small


@pytest.mark.parametrize("kind", ["local", "covariance", "sliced"])
def test_a_transfer_that_fits_globally_is_refused_where_its_representation_does_not(
    monkeypatch, network, kind, tmp_path
):
    for name in ("c.png", "s.png"):
        Image.fromarray((255 * blocky(32, 32)[0]).byte().permute(1, 2, 0).numpy()).save(
            tmp_path / name
        )
    run = {"size": 32, "layers": NAMES, "iterations": 1, "network": network}
    run |= {"content_layers": "conv4_2"}
    paths = str(tmp_path / "c.png"), str(tmp_path / "s.png")
    free = estimate(network, (*NAMES, "conv4_2"), 32, 32)
    free += 4 * network.channels("conv4_2") * math.prod(network.grid("conv4_2", 32, 32))
    monkeypatch.setattr("stylespace.networks.memory.available", lambda device: free)
    assert transfer(*paths, **run).image.shape == (1, 3, 32, 32)
    with pytest.raises(MemoryLimitError, match=r"32x32 pixels need about .* GiB"):
        transfer(*paths, representation=kind, **run)


@pytest.mark.parametrize("automatic", [False, True])
def test_more_guides_than_memory_allows_are_refused_before_anything_is_read(
    monkeypatch, network, tmp_path, automatic
):
    def nothing(*_, **__):
        raise AssertionError("opened")

    monkeypatch.setattr("stylespace.losses.guides.open_guides", nothing)
    monkeypatch.setattr("stylespace.losses.guides.matched_regions", nothing)
    monkeypatch.setattr("stylespace.losses.guides.terms.available", lambda device: 2**20)
    options = {"auto_guides": 7} if automatic else {"guide": 7 * masks(tmp_path)}
    with pytest.raises(MemoryLimitError) as caught:
        styled(network, blocky(28, 40), blocky(36, 30, seed=3), **options)
    text = str(caught.value)
    assert "7 guides at 40x28 pixels" in text and "fewer guides" in text
    assert re.search(r"about \d+\.\d GiB", text)
