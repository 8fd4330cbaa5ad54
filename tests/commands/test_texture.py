"""Textures by every match, from samples of Gram matrices, seamless, regular; what is refused."""

import io
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import RANDOM, SMALL, assert_refused, picture_file
from PIL import Image
from slowly import first_of
from tiny import TINY_LAYERS, tiny_network

from stylespace.commands.scales import noise_picture
from stylespace.commands.texture.figure import texture_figure
from stylespace.commands.texture.samplers import sampled_gram
from stylespace.commands.texture.starts import random_phases
from stylespace.commands.texture.textures import TextureProblem, texture
from stylespace.errors import StyleError, UsageError
from stylespace.images import read_image, resize, write_image
from stylespace.losses.matching import MATCHES, match_figures
from stylespace.losses.objective import total_variation, wrapped_total_variation
from stylespace.losses.patterns import SHARE
from stylespace.networks.loading import load_network
from stylespace.settings import TextureSettings
from stylespace.settings import texture as texture_settings
from stylespace.settings.recipe import settings_from
from stylespace.settings.texture import STARTS
from stylespace.styles.distances import geometric_mean, relative_distance
from stylespace.styles.style import Style

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = 32
STEPS = 12
STRIDE = 4
"""Of the deepest layer of the tiny network."""
every_match = pytest.mark.parametrize("match", MATCHES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("paintings")


@pytest.fixture(scope="module")
def painting(folder):
    """48 x 36 pixels of coloured stripes with grain."""
    return painted(folder / "painting.png", (0.9, 0.4), (0.8, 0.2, 0.5))


@pytest.fixture(scope="module")
def other(folder):
    """The same size, other stripes and colours."""
    return painted(folder / "other.png", (-0.2, 1.7), (0.1, 0.7, 0.9), seed=1)


def painted(path, waves, colour, *, seed=0, height=36, width=48):
    y, x = np.indices((height, width))
    light = 0.5 + 0.5 * np.sin(waves[0] * x + waves[1] * y)
    grain = np.random.default_rng(seed).normal(scale=0.1, size=(3, height, width))
    pixels = light * np.array(colour)[:, None, None] + grain
    write_image(path, torch.from_numpy(pixels.clip(0, 1)).float()[None])
    return str(path)


def flat_picture(folder, level, *, height=20, width=30):
    """A picture of one colour."""
    path = folder / f"flat-{level}-{height}x{width}.png"
    if not path.exists():
        write_image(path, torch.full((1, 3, height, width), level))
    return str(path)


def make(sources, network=None, **changes):
    """A cheap texture on the tiny network, with the borders and the start that tests know."""
    options = {"size": SIZE, "iterations": STEPS, "layers": TINY_LAYERS, "parameters": "pixels"}
    options |= {"padding": "zeros", "init": "grey" if "match" in changes else "colour"} | changes
    return texture(sources, network=network or tiny_network(dtype=torch.float32), **options)


def style_at(path, side, network=None):
    network = network or tiny_network(dtype=torch.float32)
    return Style.capture(network, resize(read_image(path), side), TINY_LAYERS)


def style_of(image, network=None):
    return Style.capture(network or tiny_network(dtype=torch.float32), image, TINY_LAYERS)


def assert_finite(figures):
    assert figures and all(math.isfinite(value) for value in figures.values()), figures


# --- matches


@every_match
def test_each_match_lowers_its_own_loss(painting, match):
    outcome = make(painting, match=match)
    first, last = outcome.synthesis.steps[0].loss, outcome.synthesis.loss
    assert last < 0.4 * first
    assert outcome.figures["loss"] == pytest.approx(last, rel=0.05)
    names = [f"{match}.{name}" for name in TINY_LAYERS]
    assert list(outcome.synthesis.steps[0].terms) == [*names, "total_variation"]
    assert outcome.image.shape == (1, 3, 24, 32)
    assert_finite(outcome.figures)


@every_match
def test_the_figures_of_a_match_fall_from_those_of_its_start(painting, match):
    outcome, target = make(painting, match=match), style_at(painting, SIZE)
    colour = read_image(painting).mean((0, 2, 3))
    colour = colour if match == "gram" else colour.mean().expand(3)
    noise = noise_picture(24, 32, colour=colour, seed=0)
    before, after = (match_figures(style_of(one), target) for one in (noise, outcome.image))
    assert {name: outcome.figures[name] for name in after} == pytest.approx(after, rel=1e-5)
    kinds = {"gram": "gram", "distribution": "w1", "intensity": "w1"}

    def distance(figures):
        if match == "sparsity":
            names = [f"{kind}{{}}.{name}" for name in TINY_LAYERS for kind in ("hoyer", "gini")]
            pairs = [(figures[one.format("")], figures[one.format("_target")]) for one in names]
            return sum(abs(own - goal) for own, goal in pairs)
        return geometric_mean({name: figures[f"{kinds[match]}.{name}"] for name in TINY_LAYERS})

    assert distance(after) < 0.7 * distance(before)


@every_match
def test_from_the_first_layer_alone(painting, match):
    outcome = make(painting, match=match, layers=("conv1_1",))
    assert outcome.synthesis.loss < 0.5 * outcome.synthesis.steps[0].loss
    names = {name.partition(".")[2] for name in outcome.figures}
    assert names == {"conv1_1", ""}
    assert list(outcome.beside.grams) == ["conv1_1"]


def test_the_loss_is_made_of_the_figures(painting):
    figures = make(painting, layers=("conv1_1=3", "conv2_1")).figures
    outcome = make(painting, layers=("conv1_1=3", "conv2_1"), tv_weight=0.0)
    shares = {"conv1_1": 3 / 4, "conv2_1": 1 / 4}
    expected = sum(share * outcome.figures[f"gram.{name}"] for name, share in shares.items())
    assert outcome.figures["loss"] == pytest.approx(expected, rel=1e-4)
    assert figures["loss"] > expected


@pytest.mark.parametrize("match", [match for match in MATCHES if match != "gram"])
def test_the_default_leaves_the_deepest_layer_out_of_a_distribution(match):
    blocks = [f"conv{k}_1" for k in range(1, 6)]

    def layers(**changes):
        return list(TextureSettings(sources=("a.png",), **changes).style_layers())

    assert layers() == layers(match="gram") == blocks
    assert layers(match=match) == blocks[:-1]
    assert layers(match=match, layers=("conv1_1", "conv5_1")) == ["conv1_1", "conv5_1"]
    assert layers(match=match, layers=("conv5_1",)) == ["conv5_1"]
    assert layers(network="googlenet") == [*layers(network="googlenet", match=match), "inception5a"]


def test_a_texture_by_distribution_never_sees_the_deepest_layer(painting):
    network = load_network(weights="random:0")
    outcome = texture(painting, match="distribution", size=SIZE, iterations=1, network=network)
    measured = {name.partition(".")[2] for name in outcome.figures}
    assert measured - {""} == {f"conv{k}_1" for k in range(1, 5)}


def test_a_start_shares_with_the_painting_what_it_says(painting):
    made = {init: make(painting, match="distribution", init=init, iterations=1) for init in STARTS}
    grey, coloured, spectrum = (one.image.mean((0, 2, 3)) for one in made.values())
    colour = read_image(painting).mean((0, 2, 3))
    assert (coloured - colour).abs().max() < 0.03 < float(colour.std())
    assert (grey - colour.mean()).abs().max() < 0.03
    assert (spectrum - colour).abs().max() < 0.06
    remarks = [one.remarks[-1] for one in made.values()]
    shared = ("how light it is", "its mean colour", "its mean colour and power spectrum")
    assert remarks == [f"what the start shares with the source: {words}." for words in shared]
    assert (
        make(painting, iterations=1).remarks == ()
    )  # every entry is matched, whatever it starts from


def test_what_is_the_start_where_none_is_named():
    def start(**changes):
        return TextureSettings(sources=("a.png",), **changes).start

    assert start() == start(match="distribution") == "spectrum"
    assert start(sampler="permutation") == "colour" and start(init="grey") == "grey"


@pytest.mark.parametrize("shape", [(24, 32), (31, 40), (64, 48)])
def test_random_phases_have_the_spectrum_of_their_picture(shape):
    """By hand: as light, as strong at every scale, other phases, the same in all colours."""
    y, x = np.indices((48, 64))
    stripes = np.sin(0.5 * x + 0.2 * y) * np.array([0.2, -0.1, 0.05])[:, None, None] + 0.5
    picture = torch.from_numpy(stripes).float()[None]
    noise = random_phases(picture, *shape, seed=1)
    assert noise.shape == (1, 3, *shape)
    planes = noise[0].double().numpy()
    np.testing.assert_allclose(planes.mean((1, 2)), 0.5, atol=0.02)
    np.testing.assert_allclose(planes.std((1, 2)), stripes.std((1, 2)), rtol=0.35)
    assert np.corrcoef(planes[0].ravel(), planes[1].ravel())[0, 1] < -0.99
    power = np.abs(np.fft.rfft2(planes[0] - planes[0].mean())) ** 2
    row, column = np.unravel_index(power.argmax(), power.shape)
    found = np.hypot(np.fft.fftfreq(shape[0])[row], column / shape[1])
    assert found == pytest.approx(np.hypot(0.5, 0.2) / (2 * np.pi), abs=1.5 / min(shape))
    assert not torch.equal(noise, random_phases(picture, *shape, seed=2))


# --- no borders


@every_match
def test_by_default_no_place_of_a_texture_is_special(painting, match):
    options = {"sources": (painting,), "size": SIZE, "layers": TINY_LAYERS, "match": match}
    network = tiny_network()
    objective = TextureProblem(TextureSettings(**options), network).objective(network, 24, 32)
    picture = make(painting, iterations=1).image.double()
    rolled = torch.cat([picture.roll(shift, (2, 3)) for shift in ((0, 0), (4, 0), (-8, 12))])
    values = sum(objective(rolled).values()).tolist()
    assert values == pytest.approx([values[0]] * 3, rel=1e-9)
    named = TextureProblem(TextureSettings(**options, padding="zeros"), network)
    values = sum(named.objective(network, 24, 32)(rolled).values()).tolist()
    assert values != pytest.approx([values[0]] * 3, rel=1e-3)


def test_a_style_file_brings_its_own_borders(painting, folder):
    network = tiny_network()
    file = folder / "borders.style.safetensors"
    Style.capture(network, resize(read_image(painting), SIZE), TINY_LAYERS).save(file, force=True)
    for sources in ([str(file)], [painting, str(file)]):
        problem = TextureProblem(
            TextureSettings(sources=tuple(sources), size=SIZE, layers=TINY_LAYERS), network
        )
        assert problem.seeing_sources(network).padding == "zeros"
    outcome = make([str(file)], padding="auto")
    assert outcome.synthesis.loss < 0.8 * outcome.synthesis.steps[0].loss


# --- seeds


@pytest.mark.parametrize("match", ["gram", "distribution"])
def test_the_first_of_several_seeds_is_the_one_alone(painting, match):
    several = make(painting, match=match, seeds=3, seed=4)
    alone = make(painting, match=match, seed=4)
    assert several.image.shape == alone.image.shape == (1, 3, 24, 32)
    assert (several.image - alone.image).abs().max() <= 2 / 255
    assert several.synthesis.loss == pytest.approx(alone.synthesis.loss, rel=1e-2)
    assert "seed_distance" not in alone.figures
    assert set(several.figures) == {*alone.figures, "seed_distance"}


def test_seeds_give_different_pictures_whose_distance_is_told(painting):
    together = make(painting, match="distribution", seeds=3)
    images = [make(painting, match="distribution", seed=seed).image for seed in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert min((images[a] - images[b]).abs().mean() for a, b in pairs) > 0.02
    styles, target = [style_of(image) for image in images], style_at(painting, SIZE)
    distances = [
        float((styles[a].grams[name] - styles[b].grams[name]).square().sum() / norm)
        for name in TINY_LAYERS
        for norm in [target.grams[name].square().sum()]
        for a, b in pairs
    ]
    assert together.figures["seed_distance"] == pytest.approx(np.mean(distances), rel=0.1)
    assert together.figures["seed_distance"] > 0


# --- samplers


@pytest.mark.parametrize("sampler", texture_settings.SAMPLERS)
def test_every_sampler_tells_both_residuals(tiny32, painting, sampler):
    outcome = make(painting, sampler=sampler, seed=2, iterations=6)
    assert_finite(outcome.figures)
    source = resize(read_image(painting), SIZE)
    features = tiny32(source, TINY_LAYERS)
    found = style_of(outcome.image).grams
    true = make(painting, seed=2, iterations=6).figures
    for name in TINY_LAYERS:
        drawn = sampled_gram(sampler, features[name], seed=2).gram
        expected = relative_distance(found[name], drawn)
        assert outcome.figures[f"residual.{name}"] == pytest.approx(expected, rel=1e-4)
        assert outcome.figures[f"residual_true.{name}"] == pytest.approx(true[f"gram.{name}"])
        distance = relative_distance(found[name], style_of(source).grams[name])
        assert outcome.figures[f"gram.{name}"] == pytest.approx(distance, rel=1e-4)
    assert not any(name.startswith("residual") for name in true)


def test_a_sampled_matrix_is_what_is_matched(painting):
    outcome = make(painting, sampler="permutation", tv_weight=0.0)
    mean = np.mean([outcome.figures[f"residual.{name}"] for name in TINY_LAYERS])
    assert outcome.figures["loss"] == pytest.approx(mean, rel=1e-4)
    assert outcome.synthesis.loss < 0.9 * outcome.synthesis.steps[0].loss


def test_the_sample_is_the_same_at_every_scale_and_for_every_seed(painting):
    outcome = make(
        painting, sampler="shuffle", seeds=2, sizes=(16, SIZE), iterations=(2, 3), tv_weight=0.0
    )
    assert [step.size for step in outcome.synthesis.steps] == [(12, 16)] * 2 + [(24, 32)] * 3
    mean = np.mean([outcome.figures[f"residual.{name}"] for name in TINY_LAYERS])
    assert outcome.figures["loss"] == pytest.approx(mean, rel=1e-4)
    assert outcome.figures["seed_distance"] > 0


@pytest.mark.parametrize("match", [match for match in MATCHES if match != "gram"])
def test_a_sampler_gives_gram_matrices_alone(painting, match):
    with pytest.raises(UsageError, match=f"^sampler .*{match}") as error:
        make(painting, sampler="permutation", match=match)
    assert "\n" not in str(error.value)


NEEDS_PICTURE = (
    {"sampler": "permutation"},
    {"histogram_weight": 1.0},
    {"spectrum_weight": 1.0},
    {"autocorrelation_weight": 1.0},
)


@pytest.mark.parametrize("changes", NEEDS_PICTURE)
def test_what_needs_one_picture_refuses_a_style_file_and_several_pictures(
    folder, painting, other, changes
):
    file = folder / "needs.style.safetensors"
    style_at(painting, SIZE).save(file, force=True)
    for sources in ([str(file)], [painting, other], [painting, str(file)]):
        with pytest.raises(UsageError, match="single picture, no style file") as error:
            make(sources, **changes)
        assert "\n" not in str(error.value)


def test_the_command_line_refuses_in_one_line(call):
    names = [picture_file(f"{name}.png", seed=seed) for seed, name in enumerate("ab")]
    small = (*RANDOM, "--size", "32", "--iterations", "2", "--layers", "conv1_1")
    sampler = ("--sampler", "permutation")
    assert_refused(call("texture", *names, *small, *sampler), 2, "single picture")
    clash = ("--match", "distribution")
    assert_refused(call("texture", names[0], *small, *sampler, *clash), 2, "distribution")
    assert_refused(call("texture", names[0], *small, "--sampler", "permutations"), 2, "permutation")
    assert_refused(call("texture", names[0], *small, "--match", "grams"), 2, "'gram'")
    assert sorted(path.name for path in Path().iterdir()) == ["a.png", "b.png"]


def test_a_preview_shows_the_texture_of_the_sampler(call):
    """Not the one of the painting's own matrices, which it is compared with."""
    name = picture_file("a.png")
    small = (*RANDOM, "--size", "32", "--iterations", "25", "--layers", "conv1_1")
    result = call("texture", name, *small, "--sampler", "permutation", "--preview", "p.png")
    assert result.code == 0, result.err
    shown, made = read_image("p.png"), read_image("texture-a.png")
    assert (shown - made).abs().max() <= 2 / 255


def test_a_figure_stands_beside_the_picture(call):
    small = (*RANDOM, "--size", "32", "--iterations", "2", "--layers", "conv1_1")
    name = picture_file("a.png")
    result = call("texture", name, *small, "--match", "intensity", "--seeds", "2")
    assert result.code == 0, result.err
    assert result.paths == ["texture-a.png", "texture-a-figure.png"]
    figure = read_image("texture-a-figure.png")
    assert min(figure.shape[2:]) > 500 and figure.std() > 0.1


# --- seamless


@pytest.mark.parametrize(
    ("size", "sides"), [(32, (24, 32)), (35, (24, 36)), (41, (32, 40)), (8, (8, 8)), (17, (12, 16))]
)
def test_the_sides_of_a_seamless_texture_are_multiples_of_the_deepest_stride(
    tiny32, painting, size, sides
):
    assert tiny32.reach("conv3_1").stride == STRIDE
    outcome = make(painting, size=size, seamless=True, iterations=1)
    assert tuple(outcome.image.shape[2:]) == sides


def test_a_layer_without_stride_takes_any_size(painting):
    outcome = make(painting, size=41, seamless=True, iterations=1, layers=("conv1_1",))
    assert tuple(outcome.image.shape[2:]) == (31, 41)


@every_match
def test_a_seamless_picture_has_no_place_where_it_begins(painting, match):
    settings = TextureSettings(
        sources=(painting,),
        size=SIZE,
        layers=TINY_LAYERS,
        match=match,
        seamless=True,
        padding="zeros",
        **dict.fromkeys(("histogram_weight", "spectrum_weight", "autocorrelation_weight"), 1.0),
    )
    picture = make(painting, iterations=1).image.double()
    rolled = torch.cat([picture.roll(shift, (2, 3)) for shift in ((0, 0), (4, 0), (-8, 12))])
    for seamless in (True, False):
        changed = settings if seamless else TextureSettings(**{**vars(settings), "seamless": False})
        objective = TextureProblem(changed, tiny_network()).objective(tiny_network(), 24, 32)
        values = sum(objective(rolled).values()).tolist()
        same = values == pytest.approx([values[0]] * 3, rel=1e-9)
        assert same == seamless, values


def test_a_seamless_texture_is_smooth_across_its_borders(painting):
    outcome = make(painting, seamless=True, tv_weight=1e6, iterations=1)
    measured = outcome.synthesis.steps[0].terms["total_variation"]
    start = noise_picture(24, 32, colour=read_image(painting).mean((0, 2, 3)), seed=0)
    wrapped, open_ended = (
        1e6 * float(one(start)) for one in (wrapped_total_variation, total_variation)
    )
    assert measured == pytest.approx(wrapped, rel=1e-4)
    assert measured != pytest.approx(open_ended, rel=1e-2)


@pytest.mark.parametrize(("seamless", "size"), [(False, 34), (True, 32), (True, 34)])
def test_the_figures_are_of_what_was_matched(painting, seamless, size):
    outcome = make(painting, seamless=seamless, size=size, iterations=4, tv_weight=0.0)
    side = max(outcome.image.shape[2:])
    drawing = tiny_network(dtype=torch.float32).with_padding("circular" if seamless else "zeros")
    seeing = tiny_network(dtype=torch.float32).with_padding("reflect" if seamless else "zeros")
    source = resize(read_image(painting), side)  # of a seamless texture without a border
    found, target = style_of(outcome.image, drawing), style_of(source, seeing)
    distances = {
        name: relative_distance(found.grams[name], target.grams[name]) for name in TINY_LAYERS
    }
    assert outcome.figures["loss"] == pytest.approx(np.mean(list(distances.values())), rel=1e-4)
    for name, distance in distances.items():
        assert outcome.figures[f"gram.{name}"] == pytest.approx(distance, rel=1e-4)


# --- sources


@every_match
@pytest.mark.parametrize(("size", "source_size"), [(48, 24), (24, 48)])
def test_a_texture_of_another_size_than_its_source(painting, match, size, source_size):
    outcome = make(painting, match=match, size=size, source_size=source_size, iterations=4)
    assert max(outcome.image.shape[2:]) == size
    expected = match_figures(style_of(outcome.image), style_at(painting, source_size))
    found = {name: outcome.figures[name] for name in expected}
    assert found == pytest.approx(expected, rel=1e-4)
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss


@every_match
@pytest.mark.parametrize("file", [False, True])
def test_a_blend_of_paintings_by_weight(folder, painting, other, match, file):
    name = other
    if file:
        name = str(folder / f"{match}.style.safetensors")
        style_at(other, SIZE).save(name, force=True)
    outcome = make([f"{painting}=3", f"{name}=1"], match=match, iterations=4)
    first, second = (style_at(path, SIZE).grams for path in (painting, other))
    found = style_of(outcome.image).grams
    for layer in TINY_LAYERS:
        blend = 0.75 * first[layer] + 0.25 * second[layer]
        distance = relative_distance(found[layer], blend)
        assert outcome.figures[f"gram.{layer}"] == pytest.approx(distance, rel=1e-4)
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss


@every_match
@pytest.mark.parametrize("seamless", [False, True])
def test_a_style_file_alone(folder, painting, match, seamless):
    """It has its picture's shape, not its colours: the start is grey."""
    file = folder / f"{match}-{seamless}.style.safetensors"
    style_at(painting, SIZE).save(file, force=True)
    outcome = make(file, match=match, seamless=seamless, iterations=4)
    assert outcome.image.shape == (1, 3, 24, 32) and outcome.beside.sources == ()
    drawing = tiny_network(dtype=torch.float32).with_padding("circular" if seamless else "zeros")
    expected = match_figures(style_of(outcome.image, drawing), style_at(painting, SIZE))
    assert outcome.figures["style_distance"] == pytest.approx(expected["style_distance"], rel=1e-4)
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss
    with Image.open(io.BytesIO(texture_figure(outcome))) as figure:
        assert figure.format == "PNG" and min(figure.size) > 500


def test_a_style_file_of_another_space_is_refused(folder, painting):
    file = folder / "elsewhere.style.safetensors"
    style_at(painting, SIZE, tiny_network(dtype=torch.float32, seed=1)).save(file, force=True)
    with pytest.raises(StyleError, match="another style space") as error:
        make([painting, str(file)])
    assert "\n" not in str(error.value)


# --- regular structure


def test_pattern_weights_add_their_terms(painting):
    changes = {"histogram_weight": 1.5, "spectrum_weight": 2.0, "autocorrelation_weight": 0.5}
    expected = {
        "histogram_weight": [f"histogram.{name}" for name in TINY_LAYERS],
        "spectrum_weight": ["spectrum"],
        "autocorrelation_weight": ["autocorrelation.picture"],
    }
    plain = make(painting, iterations=1).synthesis.steps[0].terms
    for chosen in ([one] for one in changes):
        some = {name: changes[name] for name in chosen}
        terms = make(painting, iterations=1, **some).synthesis.steps[0].terms
        added = [name for key in chosen for name in expected[key]]
        assert Counter(list(terms)) == Counter([*plain, *added])
        assert all(terms[name] > 0 for name in added)
    settings = TextureSettings(sources=(painting,), size=SIZE, layers=TINY_LAYERS, **changes)
    objective = TextureProblem(settings, tiny_network()).objective(tiny_network(), 24, 32)
    weights = {term.name: term.weight for term in objective.terms.parts}
    for key, names in expected.items():
        total = sum(weights[name] for name in names)
        assert total == pytest.approx(SHARE * changes[key])
    assert sum(weights[f"gram.{name}"] for name in TINY_LAYERS) == pytest.approx(1)


@pytest.mark.parametrize(
    "weight", ["histogram_weight", "spectrum_weight", "autocorrelation_weight"]
)
def test_a_pattern_weight_lowers_its_term(painting, weight):
    name = weight.removesuffix("_weight")

    def left(value):
        steps = make(painting, **{weight: value}).synthesis.steps
        return sum(v for term, v in steps[-1].terms.items() if term.startswith(name)) / value

    assert left(3.0) < 0.8 * left(1e-6)


# --- degenerate sources


@every_match
@pytest.mark.parametrize("level", first_of([0.0, 0.5, 1.0]))
def test_a_picture_of_one_colour(folder, match, level):
    outcome = make(flat_picture(folder, level), match=match, iterations=4, seeds=2)
    assert_finite(outcome.figures)
    assert torch.isfinite(outcome.image).all()
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss
    with Image.open(io.BytesIO(texture_figure(outcome))) as figure:
        assert figure.format == "PNG"


@pytest.mark.parametrize("sampler", texture_settings.SAMPLERS)
def test_a_sample_from_a_picture_of_one_colour(folder, sampler):
    outcome = make(flat_picture(folder, 0.5), sampler=sampler, iterations=3)
    assert_finite(outcome.figures)
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss


@pytest.mark.parametrize(
    "weight", ["histogram_weight", "spectrum_weight", "autocorrelation_weight"]
)
@pytest.mark.parametrize("seamless", [False, True])
def test_the_patterns_of_a_picture_of_one_colour(folder, weight, seamless):
    """It has none: the rounding of its mean is no pattern to be relative to."""
    changes = {weight: 1.0, "seamless": seamless, "iterations": 4}
    outcome = make(flat_picture(folder, 0.3, height=24, width=32), **changes)
    assert_finite(outcome.figures)
    assert outcome.synthesis.loss < outcome.synthesis.steps[0].loss
    name = weight.removesuffix("_weight")
    terms = outcome.synthesis.steps[0].terms
    if name != "histogram":  # of channels that hold one value: far from them in their own units
        assert sum(value for term, value in terms.items() if term.startswith(name)) < 1000


@pytest.mark.parametrize("source_size", [4, 8])
def test_a_painting_smaller_than_the_receptive_field(tiny32, painting, source_size):
    assert tiny32.reach("conv3_1").field > source_size
    outcome = make(painting, size=16, source_size=source_size + 2, iterations=3)
    assert_finite(outcome.figures)
    assert max(outcome.image.shape[2:]) == 16


@every_match
def test_a_painting_too_small_for_a_layer_is_refused_in_one_line(painting, match):
    with pytest.raises(UsageError, match="3x2 pixels is too small for conv3_1") as error:
        make(painting, match=match, source_size=3)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("seamless", [False, True])
def test_a_painting_too_thin_for_a_layer_is_refused_in_one_line(folder, seamless):
    path = flat_picture(folder, 0.5, height=3, width=200)
    with pytest.raises(UsageError, match="32x1 pixels is too small for conv3_1") as error:
        make(path, seamless=seamless)
    assert "\n" not in str(error.value)
    assert make(path, seamless=seamless, layers=("conv1_1",), iterations=1).image.shape[3] == 32


def test_a_painting_of_one_pixel(folder):
    path = flat_picture(folder, 0.25, height=1, width=1)
    outcome = make(path, match="distribution", layers=("conv1_1",), source_size=1, iterations=3)
    assert_finite(outcome.figures)
    assert outcome.image.shape == (1, 3, 32, 32)


# --- grey sources


def colours_in(image):
    """How far the channels of a picture are apart on average."""
    return float((image.amax(1) - image.amin(1)).mean())


@pytest.fixture(scope="module")
def drawing(folder, painting):
    """The painting without its colours, in a file of three channels, a level of 8 bits off."""
    image = read_image(painting).mean(1, keepdim=True).repeat(1, 3, 1, 1).clamp(max=0.99)
    image[0, 1, ::2] += 1 / 255
    write_image(folder / "drawing.png", image)
    return str(folder / "drawing.png")


@every_match
def test_the_texture_of_a_grey_source_is_grey(drawing, match):
    outcome = make(drawing, match=match, seeds=2)
    assert colours_in(outcome.image) == 0 < float(outcome.image.std())
    assert outcome.synthesis.loss < 0.5 * outcome.synthesis.steps[0].loss
    remark = outcome.remarks[-1]
    assert len(outcome.remarks) == 1 + (match != "gram")
    assert "'" + drawing + "' is grey, and so is the result; with --grey never" in remark


@pytest.mark.parametrize("parameters", ["fourier", "fourier-pixels", "sigmoid"])
def test_whatever_is_optimised_is_grey(drawing, parameters):
    outcome = make(drawing, parameters=parameters, sizes=(16, 32), iterations=(3, 3))
    assert colours_in(outcome.image) == 0


def test_grey_can_be_left_and_one_coloured_source_is_enough(drawing, painting):
    for sources, given in (([drawing], {"grey": "never"}), ([drawing, painting], {})):
        outcome = make(sources, **given)
        assert colours_in(outcome.image) > 0.02 and not outcome.remarks


def test_a_style_file_tells_that_its_pictures_are_grey(folder, drawing, painting):
    network, files = tiny_network(dtype=torch.float32), []
    for source in (drawing, painting):
        files.append(str(folder / f"{Path(source).stem}.style.safetensors"))
        style_at(source, SIZE, network).save(files[-1])
    assert colours_in(make(files[:1], network).image) == 0
    assert colours_in(make(files, network).image) > 0.02


def test_a_grey_texture_is_made_again_from_its_picture(call):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)).save("grey.png")
    for words in (("texture", "grey.png", "--layers", "conv1_1", *SMALL), ("run", "a.png")):
        out = "b.png" if words[0] == "run" else "a.png"
        assert call(*words, "--out", out, "--no-figure").code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert colours_in(read_image("a.png")) == 0


def test_recipes_of_before_kept_their_colours():
    recipe = {"command": "texture", "sources": ["a.png"]}
    assert settings_from(recipe, "0.1.0").grey == "never"
    assert settings_from(recipe).grey == "auto"


def test_a_source_that_tells_little_is_said_to(call):
    Image.new("RGB", (40, 30), (200, 40, 40)).save("flat.png")
    made = call("texture", "flat.png", "--layers", "conv3_1", *SMALL)
    assert made.code == 0
    assert "'flat.png' is of one colour" in made.err
    made = call("texture", "flat.png", "--layers", "conv4_1", *SMALL)
    assert made.code == 0
    assert "has 32x24 pixels as a source, less than the 68 that conv4_1 sees" in made.err
