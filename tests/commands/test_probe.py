"""Probes: batches whose pictures are independent, several starts, figures by numpy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import seeded_picture

from stylespace.commands.outcome import Outcome
from stylespace.commands.probe.measures import agreement, entry_figures
from stylespace.commands.probe.patches import Paintings, Patches
from stylespace.commands.probe.probes import (
    chosen_entries,
    largest_entries,
    probe,
    probe_batch,
)
from stylespace.errors import UnreachedError, UsageError
from stylespace.images import read_image, write_image
from stylespace.losses.entries import entry_term
from stylespace.losses.objective import Objective
from stylespace.losses.terms import Terms
from stylespace.networks.loading import load_network
from stylespace.settings import GOALS, ProbeSettings
from stylespace.styles.gram import gram

pytestmark = pytest.mark.usefixtures("one_thread")

LAYER = "conv1_2"
ENTRIES = [(LAYER, 4, 4), (LAYER, 0, 7), (LAYER, 12, 40), (LAYER, 6, 6)]
OTHERS = [(LAYER, 1, 1), (LAYER, 0, 7), (LAYER, 9, 30), (LAYER, 50, 2)]
"""Other neighbours of the second entry."""


@pytest.fixture(scope="module")
def net():
    return load_network(weights="random:0", device="cpu")


class Lenient(Paintings):
    """Paintings that any entry beats, but those that are named as out of reach."""

    def __init__(self, network, unreached=()):
        super().__init__(network, {"one": seeded_picture(40, 56).float()})
        self.unreached = unreached

    def values(self, layer, i, j):
        return [1e9] if (layer, i, j) in self.unreached else [0.0]


def settings_of(**changes):
    return ProbeSettings(
        **{"layer": LAYER, "entry": ("4,4",), "size": 40, "iterations": (4,)}
        | {"weights": "random:0", "device": "cpu", **changes}
    )


def batch(net, entries, settings=None, **options):
    compared = options.pop("compared", None) or Lenient(net)
    return probe_batch(settings or settings_of(), entries, net, compared=compared, **options)


# --- batches


def test_phase_only_pictures_come_with_where_their_gradient_was_strong(net):
    """Each seed and entry with its own, of the last scale, as an objective of one picture sees."""
    settings = settings_of(parameters="phases", seeds=2, iterations=(3,), sizes=(24, 48), size=48)
    made = batch(net, ENTRIES, settings)
    maps = [one.beside.importance for one in made]
    assert all(one.shape == (48, 48) and bool((one >= 0).all()) for one in maps)
    assert all(float(one.max()) > 0 for one in maps)
    assert not torch.equal(maps[0], maps[1])
    assert all(one.beside.importance is None for one in batch(net, ENTRIES[:1], settings_of()))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"parameters": "pixels", "optimizer": "lbfgs"},
        {"parameters": "phases", "goal": "mixture"},
        {"robust": True, "goal": "selectivity"},
        {"size": 48, "sizes": (24, 48)},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())) or "plain",
)
def test_a_picture_does_not_depend_on_its_neighbours(net, changes):
    settings = settings_of(**changes)
    made, other = batch(net, ENTRIES, settings), batch(net, OTHERS, settings)
    assert len(made) == len(ENTRIES)
    one, same = made[1], other[1]
    assert torch.equal(one.synthesis.image, same.synthesis.image)
    assert torch.equal(one.image, same.image)
    assert one.synthesis.losses == same.synthesis.losses
    assert [step.losses for step in one.synthesis.steps] == [
        step.losses for step in same.synthesis.steps
    ]
    assert dict(one.figures) == dict(same.figures)
    assert not torch.equal(made[0].image, other[0].image)
    assert not torch.equal(made[0].image, one.image)
    (alone,) = batch(net, ENTRIES[1:2], settings)
    torch.testing.assert_close(alone.synthesis.image, one.synthesis.image, rtol=0, atol=1e-3)
    assert alone.figures["value"] == pytest.approx(one.figures["value"], rel=1e-3)
    assert alone.settings == one.settings


def test_every_outcome_has_the_settings_of_its_entry_alone(net):
    settings = settings_of(
        layer="conv1_1,conv1_2", entries=("top:2", "diagonal"), painting="a.png", seeds=2
    )
    for entry, made in zip(ENTRIES, batch(net, ENTRIES, settings), strict=True):
        alone = made.settings
        assert alone.chosen() == (entry,) and not alone.several
        assert (alone.layer, alone.entry) == (LAYER, (f"{entry[1]},{entry[2]}",))
        assert (alone.entries, alone.painting) == ((), None)
        assert replace(alone, layer=settings.layer, entry=settings.entry,
                       entries=settings.entries, painting="a.png") == settings  # fmt: skip
        assert isinstance(made, Outcome) and isinstance(made.beside.patches, Patches)
        assert made.image.shape == (1, 3, 40, 40) and len(made.synthesis.losses) == 1
        assert (made.device, made.dtype, made.weights) == ("cpu", "float32", net.sha256)


def test_unreached_entries_of_a_batch_are_returned_as_errors(net):
    out = (ENTRIES[0], ENTRIES[2])
    made = batch(net, ENTRIES, compared=Lenient(net, out))
    assert [isinstance(one, UnreachedError) for one in made] == [True, False, True, False]
    for (layer, i, j), error in zip(out, made[::2], strict=True):
        assert f"{layer} {i},{j} was not reached" in str(error)
        assert "does not exceed 1e+09" in str(error) and "--iterations" in str(error)
        assert error.figures["painting_max"] == 1e9
        assert 0 < error.figures["value"] < 1e9
        assert not error.interrupted
    reached = batch(net, ENTRIES)
    for one, other in zip(made[1::2], reached[1::2], strict=True):
        assert torch.equal(one.image, other.image)


def test_ctrl_c_in_a_batch_is_told_by_every_entry(net):
    def watch(step):
        if step.number == 2:
            raise KeyboardInterrupt

    made = batch(net, ENTRIES, compared=Lenient(net, ENTRIES[:1]), watch=watch)
    assert made[0].interrupted and "interrupted" in str(made[0])
    assert [one.synthesis.stopped for one in made[1:]] == ["interrupted"] * 3
    assert [len(one.synthesis.steps) for one in made[1:]] == [2] * 3


def test_the_watcher_sees_one_run_of_all_pictures(net):
    seen = []
    batch(net, ENTRIES, settings_of(seeds=2, iterations=(3,)), watch=seen.append)
    assert [(step.number, step.total, len(step.losses)) for step in seen] == [
        (k, 3, 8) for k in (1, 2, 3)
    ]
    assert seen[-1].image.shape == (8, 3, 40, 40)


# --- one probe


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("parameters", ["fourier", "phases", "sigmoid", "pixels"])
def test_every_goal_improves_in_every_parametrisation(net, goal, parameters):
    settings = settings_of(goal=goal, parameters=parameters, iterations=(8,))
    made = probe(settings=settings, network=net, compared=Lenient(net))
    losses = [step.loss for step in made.synthesis.steps]
    assert len(losses) == 8 and min(losses) < losses[0]
    assert made.synthesis.losses == (min(losses),)
    term = entry_term(LAYER, torch.tensor([[4, 4]]), goal=goal)
    with torch.no_grad():
        loss = sum(Objective(net, Terms((term,)))(made.synthesis.image).values())
    assert float(loss) == pytest.approx(min(losses), rel=1e-4, abs=1e-6)


def test_of_several_entries_the_first_is_probed(net):
    options = {"size": 40, "iterations": 2, "network": net, "compared": Lenient(net)}
    made = probe(LAYER, [(0, 7), (4, 4)], **options)
    assert made.settings.chosen() == ((LAYER, 0, 7),)
    alone = probe(LAYER, (0, 7), **options)
    assert torch.equal(made.image, alone.image)
    diagonal = probe(LAYER, entries="diagonal", **options)
    assert diagonal.settings.chosen() == ((LAYER, 0, 0),)


def test_an_unreached_probe_raises(net):
    with pytest.raises(UnreachedError) as caught:
        probe(settings=settings_of(), network=net, compared=Lenient(net, [(LAYER, 4, 4)]))
    assert caught.value.figures["painting_max"] == 1e9


def test_a_picture_too_small_for_the_layer_is_refused(net):
    with pytest.raises(UsageError, match="too small"):
        probe("conv5_1", (0, 0), size=8, iterations=2, network=net, compared=Lenient(net))


# --- several starts


def test_of_several_starts_the_largest_is_kept(net):
    first = 5
    entries = ENTRIES[:2]
    made = batch(net, entries, settings_of(seeds=3, seed=first))
    for entry, one in zip(entries, made, strict=True):
        runs = [batch(net, [entry], settings_of(seed=first + k))[0] for k in range(3)]
        values = [run.figures["value"] for run in runs]
        assert len(set(values)) == 3
        best = int(np.argmax(values))
        assert one.figures["value"] == pytest.approx(max(values), rel=1e-3)
        assert one.figures["best_seed"] == first + best
        torch.testing.assert_close(
            one.synthesis.image, runs[best].synthesis.image, rtol=0, atol=1e-3
        )
        grams = [gram(net(run.image, [LAYER])[LAYER])[0].double().numpy() for run in runs]
        cosines = [
            (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())
            for a, b in [(grams[0], grams[1]), (grams[0], grams[2]), (grams[1], grams[2])]
        ]
        assert one.figures["agreement"] == pytest.approx(np.mean(cosines), rel=1e-3)
        assert 0 <= one.figures["agreement"] <= 1
        assert math.isnan(one.figures["agreement_null"])  # of one painting


def test_one_start_has_no_agreement(net):
    (made,) = batch(net, ENTRIES[:1])
    assert not {"agreement", "best_seed"} & set(made.figures)


def test_the_agreement_is_numpys_and_one_where_all_are_alike():
    generator = np.random.default_rng(0)
    grams = [x @ x.T for x in generator.random((4, 5, 8))]
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    expected = np.mean(
        [
            np.trace(grams[a] @ grams[b]) / np.linalg.norm(grams[a]) / np.linalg.norm(grams[b])
            for a, b in pairs
        ]
    )
    assert agreement([torch.tensor(one) for one in grams]) == pytest.approx(expected)
    assert agreement([torch.tensor(grams[0] * k) for k in (1, 2, 5)]) == pytest.approx(1)
    other = torch.zeros(2, 2, dtype=torch.float64)
    assert agreement([other, other.clone().fill_diagonal_(1)]) == 0


# --- which entries


@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize("count", [1, 4, 7])
def test_the_largest_entries_are_numpys(diagonal, count):
    x = np.random.default_rng(1).random((7, 20))
    g = x @ x.T / 20
    found = largest_entries(torch.tensor(g), count, diagonal=diagonal)
    places = [(i, j) for i in range(7) for j in range(7) if (i == j if diagonal else i < j)]
    assert found == sorted(places, key=lambda place: -g[place])[:count]


def test_of_equal_entries_the_first_are_taken():
    ones = torch.ones(4, 4)
    assert largest_entries(ones, 3, diagonal=False) == [(0, 1), (0, 2), (0, 3)]
    assert largest_entries(ones, 2, diagonal=True) == [(0, 0), (1, 1)]


def test_the_entries_of_a_painting_are_its_largest(net, tmp_path):
    path = tmp_path / "painting.png"
    write_image(path, seeded_picture(180, 256, seed=2).float())
    settings = settings_of(
        layer="conv1_1,conv2_1", entry=(), entries=("top:3", "top-diagonal:2", "0-0,0-0"),
        painting=str(path),
    )  # fmt: skip
    expected = []
    with torch.no_grad():
        seen = net(read_image(path), ["conv1_1", "conv2_1"])
    for layer in ("conv1_1", "conv2_1"):
        x = seen[layer][0].flatten(1).double().numpy()
        g = x @ x.T
        upper = np.where(np.triu(np.ones_like(g), 1), g, -1)
        places = [np.unravel_index(k, g.shape) for k in np.argsort(-upper, axis=None)[:3]]
        expected += [(layer, int(i), int(j)) for i, j in places]
        expected += [(layer, int(k), int(k)) for k in np.argsort(-np.diag(g))[:2]]
        expected += [(layer, 0, 0)] if (layer, 0, 0) not in expected else []
    assert list(chosen_entries(settings, net)) == expected


# --- figures


@pytest.mark.parametrize("pair", [(1, 1), (1, 3), (4, 0)])
def test_the_figures_of_an_entry_are_numpys(tiny, pair):
    i, j = pair
    pictures = {f"p{k}": seeded_picture(20 + k, 31, seed=k) for k in range(3)}
    image = (1.6 * seeded_picture(19, 26, seed=9) - 0.3).clamp(0, 1)
    image[..., :2] = 0

    def features(picture):
        return tiny(picture, ["conv2_1"])["conv2_1"][0].flatten(1).numpy()

    x = features(image)
    g = x @ x.T / x.shape[1]
    products = [f[i] * f[j] for f in map(features, pictures.values())]
    maps = [one.reshape(10 + k // 2, 15) for k, one in enumerate(products)]
    windows = [one[y : y + 9, x : x + 13].mean() for one in maps
               for y in range(len(one) - 8) for x in range(3)]  # fmt: skip
    inside = [float(one.mean()) for one in products]
    found = entry_figures(torch.tensor(g), image, ("conv2_1", i, j), Paintings(tiny, pictures))
    assert found == pytest.approx(
        {
            "value": g[i, j],
            "painting_max": max(inside),
            "painting_mean": np.mean(inside),
            "enhancement": g[i, j] / max(inside),
            "enhancement_mean": g[i, j] / np.mean(inside),
            "percentile": 100 * np.mean(windows < g[i, j]),
            "selectivity": (1 if i == j else 2) * g[i, j] / np.linalg.norm(g),
            "cosine": g[i, j] / np.sqrt(g[i, i] * g[j, j]),
            "saturated": np.mean((image.numpy() == 0) | (image.numpy() == 1)),
        }
    )
    assert 0.1 < found["saturated"] < 0.9


def test_the_figures_of_silent_channels_are_zero_or_infinite(tiny):
    with torch.no_grad():
        tiny.filters["first"][1][0] = -1e3
    compared = Paintings(tiny, {"one": seeded_picture(20, 31)})
    image = seeded_picture(19, 26)
    g = torch.eye(4, dtype=torch.float64)
    alive = entry_figures(g, image, ("conv1_1", 0, 0), compared)
    assert (alive["enhancement"], alive["enhancement_mean"]) == (np.inf, np.inf)
    assert (alive["percentile"], alive["cosine"], alive["selectivity"]) == (100, 1, 0.5)
    dead = entry_figures(torch.zeros_like(g), image, ("conv1_1", 0, 1), compared)
    names = ("value", "enhancement", "enhancement_mean", "cosine", "selectivity", "percentile")
    assert [dead[name] for name in names] == [0] * 6


NATURAL = {"layer": "conv2_1", "size": 48, "iterations": (20,), "goal": "natural"}
SEEN = {f"p{k}": seeded_picture(60 + k, 91, seed=k) for k in range(3)}


def test_a_natural_probe_comes_nearer_to_patches_than_the_maximiser(tiny):
    compared = Paintings(tiny, SEEN)
    made = probe(entry=(1, 3), network=tiny, compared=compared, **NATURAL)
    largest = made.beside.maximiser
    assert largest.shape == made.image.shape and not torch.equal(largest, made.image)
    goal = compared.activations("conv2_1", 1, 3, ["conv2_1"])["conv2_1"][1]
    levels = np.linspace(0.05, 0.95, 19)
    apart = [
        np.abs(np.quantile(tiny(image, ["conv2_1"])["conv2_1"][0, 1], levels) - want).mean()
        for want in [np.quantile(goal, levels)]
        for image in (made.image, largest)
    ]
    assert apart[0] < apart[1] / 2
    assert made.figures["natural_distance"] == pytest.approx(made.synthesis.losses[0])
    plain = {**NATURAL, "goal": "log"}
    alone = probe(entry=(1, 3), network=tiny, compared=compared, **plain)
    torch.testing.assert_close(largest, alone.image, rtol=0, atol=1.5 / 255)


def test_natural_probes_of_a_batch_are_those_made_alone(tiny):
    compared, entries = Paintings(tiny, SEEN), [("conv2_1", 1, 3), ("conv2_1", 0, 0)]
    settings = ProbeSettings(**NATURAL, seeds=2, entry=("1,3", "0,0"))
    both = probe_batch(settings, entries, tiny, compared=compared)
    for (_, i, j), outcome in zip(entries, both, strict=True):
        assert outcome.beside.maximiser is None
        alone = probe(entry=(i, j), network=tiny, compared=compared, seeds=2, **NATURAL)
        assert outcome.figures["best_seed"] == alone.figures["best_seed"]
        torch.testing.assert_close(outcome.image, alone.image, rtol=0, atol=1.5 / 255)


def test_channels_that_fire_together_nowhere_have_no_natural_picture(tiny):
    black = Paintings(tiny, {"black": torch.zeros(1, 3, 40, 56)})
    products = [tiny(torch.zeros(1, 3, 40, 56), ["conv2_1"])["conv2_1"][0]]
    silent = [k for k, channel in enumerate(products[0]) if channel.max() == 0]
    with pytest.raises(UnreachedError, match="no natural picture: .* try goal='log'"):
        probe(entry=(silent[0], 0), network=tiny, compared=black, **NATURAL)


def test_selectivity_says_nothing_to_a_natural_probe():
    with pytest.raises(UsageError, match="says nothing to --goal natural"):
        ProbeSettings(**NATURAL, entry=("1,3",), selectivity=0.5)
