"""What the defaults promise, measured on written pictures; slow."""

import math
from pathlib import Path
from statistics import median

import pytest
from torch.nn.functional import adaptive_avg_pool2d, cosine_similarity

from stylespace.assets import SAMPLE, paintings
from stylespace.commands.command import Output
from stylespace.commands.probe.measures import entry_figures
from stylespace.commands.probe.patches import PAINTING_SIDE, Paintings
from stylespace.commands.probe.probes import (
    chosen_entries,
    probe,
    probe_batch,
)
from stylespace.commands.recipes import write_outcome
from stylespace.commands.texture.textures import texture
from stylespace.commands.transfer.metrics import grey_similarity
from stylespace.commands.transfer.transfer import transfer
from stylespace.images import read_image, resize
from stylespace.images.grain import grain
from stylespace.networks.loading import load_network
from stylespace.settings import ProbeSettings
from stylespace.studies.plans import plan_of
from stylespace.studies.rows import read_rows
from stylespace.studies.study import run_study
from stylespace.styles.distances import geometric_mean, gram_distances
from stylespace.styles.gram import gram
from stylespace.styles.sources import open_picture
from stylespace.styles.style import Style

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
JUDGED = REPOSITORY / "probes" / "trials" / "defaults-judged.toml"
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
PAIRS = (
    ("astronaut", "hokusai-great-wave", 55, 0.33),
    ("chelsea", "gogh-auvers", 31, 0.33),
    pytest.param(
        *("rocket", "kandinsky-composition-viii", 13, 0.33),
        marks=pytest.mark.xfail(
            reason="likeness .29: less content weight than in 0.1.0", strict=True
        ),
    ),
    ("coffee", "renoir-moulin", 144, 0.33),
    ("astronaut", "durer-lion", 8, 0.15),
    ("coffee", "cassatt-summertime", 8, 0.15),
)
"""Content, style, how many times nearer to the style the result is at least, and how like the
content. Of the first four: what the defaults of 0.1.0 give on this network, with faces destroyed.
"""


@pytest.fixture(scope="module")
def network():
    return load_network()


@pytest.mark.parametrize(("content", "style", "nearer", "like"), PAIRS)
def test_a_transfer_moves_to_the_style_and_keeps_the_content(
    network, content, style, nearer, like, tmp_path
):
    outcome = transfer(
        content=f"sample:{content}", styles=f"sample:{style}", size=256, network=network
    )
    path = tmp_path / "out.png"
    write_outcome(path, outcome, inputs={})
    written = read_image(path)
    original, painting = (resize(open_picture(f"sample:{one}"), 256) for one in (content, style))
    target = Style.capture(network, painting, LAYERS)
    before, after = (
        geometric_mean(gram_distances(Style.capture(network, one, LAYERS), target))
        for one in (original, written)
    )
    assert before / after >= nearer
    assert grey_similarity(written, original) > like
    assert outcome.figures["loss"] <= 1.1 * outcome.synthesis.loss


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The eight pairs that judge the defaults, run as their study runs them: {pair: figures}."""
    folder = tmp_path_factory.mktemp("judged") / "out"
    run_study(JUDGED, Output(folder, quiet=True))
    return {row["pair"]: row for row in read_rows(folder)}


def test_the_pairs_that_judge_come_near_the_style_and_keep_the_content(judged):
    judge, falls = load_network("vgg16-hed"), {}
    (part,) = plan_of(JUDGED).parts
    for name, row in judged.items():
        pair = part.pairs[name]
        content, painting = (resize(open_picture(one), 256) for one in (pair.content, pair.style))
        target = Style.capture(judge, painting, LAYERS)
        before = geometric_mean(gram_distances(Style.capture(judge, content, LAYERS), target))
        falls[name] = before / row["style.vgg16-hed"]
        assert row["similarity"] > 0.3, name
        assert row["grain"] <= 1.3 * grain(painting), name
    # Measured: 28.4 in the median, 5.8 at least; 30 and 10 were hoped for (reports/defaults).
    assert len(falls) == 8 and min(falls.values()) >= 5 and median(falls.values()) >= 27, falls


TEXTURE = {"conv1_1": 0.003, "conv2_1": 0.005, "conv3_1": 0.008, "conv4_1": 0.012, "conv5_1": 0.08}


def test_a_texture_has_the_paintings_grams_and_not_its_layout(network):
    outcome = texture(sources="sample:gogh-auvers", size=256, network=network)
    found = {layer: outcome.figures[f"gram.{layer}"] for layer in LAYERS}
    assert all(found[layer] <= bound for layer, bound in TEXTURE.items()), found
    assert outcome.figures["loss"] <= 1.1 * outcome.synthesis.loss
    painting = resize(open_picture("sample:gogh-auvers"), 256)
    assert grain(outcome.image) <= 1.3 * grain(painting)
    means = [adaptive_avg_pool2d(one, 4)[0].flatten(1) for one in (outcome.image, painting)]
    one, other = ((grid - grid.mean(1, keepdim=True)).flatten() for grid in means)
    assert abs(float(cosine_similarity(one, other, dim=0))) < 0.6


def test_probes_show_form_and_no_grain(network):
    """Two entries a layer at 128 px: little is clipped, grain is that of paintings."""
    options = {"size": 128, "iterations": (128,), "entries": ("random:2",), "seed": 7}
    compared, made = Paintings(network), {"natural": [], "fourier": []}
    for parameters, found in made.items():
        for layer in LAYERS:
            settings = ProbeSettings(layer=layer, parameters=parameters, **options)
            entries = chosen_entries(settings, network)
            found += probe_batch(settings, entries, network, compared=compared)
    natural, fourier = made["natural"], made["fourier"]
    assert median(one.figures["saturated"] for one in natural) <= 0.03
    pictures = [resize(open_picture(SAMPLE + name), PAINTING_SIDE) for name in paintings()]
    assert median(grain(one.image) for one in natural) <= 2 * median(map(grain, pictures))
    values = [
        one.figures["value"] / other.figures["value"]
        for one, other in zip(natural, fourier, strict=True)
    ]
    assert median(values) >= 0.5


@pytest.mark.parametrize("entry", ["conv2_1:12,40", "conv2_1:0,114", "conv5_1:7,7"])
def test_a_dead_start_is_left(network, entry):
    outcome = probe(entry=entry, size=128, network=network)
    layer, i, j = outcome.settings.first
    compared = Paintings(network)
    g = gram(network(outcome.image, [layer])[layer])[0].double()
    figures = entry_figures(g, outcome.image, (layer, i, j), compared)
    assert math.isclose(figures["value"], outcome.figures["value"])
    assert figures["value"] > max(compared.values(layer, i, j))
    assert PAINTING_SIDE == 256
