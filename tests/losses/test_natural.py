"""Natural probes: sorted activations of two channels, and of layers, against those of patches."""

import numpy as np
import torch

from stylespace.losses.natural import beside, natural_term, quantiles
from stylespace.losses.terms import Term

ENTRIES = torch.tensor([[0, 2], [3, 1]])


def features(seed, *, batch=2, height=5, width=7):
    """Activations of two layers, (B, C, h, w), about half of them zero."""
    generator = torch.Generator().manual_seed(seed)
    shapes = {"low": (batch, 3, 2 * height, 2 * width), "high": (batch, 4, height, width)}
    return {
        name: torch.randn(*shape, generator=generator, dtype=torch.float64).relu()
        for name, shape in shapes.items()
    }


def targets(patches, *, entries=ENTRIES):
    """The arguments of the term whose natural patches have these activations, none lost."""
    own = patches["high"].flatten(2)
    both = [
        torch.stack([rows[i], rows[j], rows[i] * rows[j]])
        for rows, (i, j) in zip(own, entries.tolist(), strict=True)
    ]
    pair = torch.stack(both)
    layers = {name: quantiles(x.flatten(2), x[0, 0].numel()) for name, x in patches.items()}
    return quantiles(pair, pair.shape[2]), layers


def distance(patches):
    """The term that matches these patches."""
    return natural_term("high", ENTRIES, *targets(patches))


def by_numpy(seen, patches):
    """The loss of every picture, position by position."""
    losses = []
    for b, (i, j) in enumerate(ENTRIES.tolist()):
        own, goal = (x["high"][b].flatten(1).numpy() for x in (seen, patches))
        pairs = [(own[i], goal[i]), (own[j], goal[j]), (own[i] * own[j], goal[i] * goal[j])]
        near = [((np.sort(a) - np.sort(t)) ** 2).sum() / (t**2).sum() for a, t in pairs]
        layers = []
        for name in seen:
            a, t = (np.sort(x[name][b].flatten(1).numpy(), 1) for x in (seen, patches))
            layers.append(((a - t) ** 2).sum() / (t**2).sum())
        losses.append(np.mean(near) + np.mean(layers))
    return losses


def test_the_distance_is_that_of_sorted_values():
    seen, patches = features(1), features(2)
    found = distance(patches).measure(torch.zeros(2, 3, 1, 1), seen)
    np.testing.assert_allclose(found.numpy(), by_numpy(seen, patches), rtol=1e-9)


def test_places_do_not_matter_unless_the_channels_part():
    patches = features(3)
    moved = {name: x.flatten(2) for name, x in patches.items()}
    order = torch.randperm(35, generator=torch.Generator().manual_seed(0))
    together = {**moved, "high": moved["high"][:, :, order]}
    apart = {
        **moved,
        "high": torch.stack([moved["high"][:, 0], *together["high"].unbind(1)[1:]], 1),
    }
    term, image = distance(patches), torch.zeros(2, 3, 1, 1)
    seen = [
        {name: x.view_as(patches[name]) for name, x in one.items()} for one in (together, apart)
    ]
    assert term.measure(image, seen[0]).abs().max() < 1e-20
    first, second = term.measure(image, seen[1]).tolist()
    assert first > 1e-3 and second < 1e-20  # channel 0 is of the first picture's entry alone


def test_patches_of_other_sizes_are_read_at_their_quantiles():
    values = torch.arange(12.0, dtype=torch.float64).flip(0)[None, None]
    found = quantiles(values, 5)[0, 0].numpy()
    at = (np.arange(5) + 0.5) / 5 * 12 - 0.5
    np.testing.assert_allclose(found, np.interp(at, np.arange(12), np.arange(12)), rtol=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    patches, generator = features(4, height=2, width=3), torch.Generator().manual_seed(5)
    shapes = [x.shape for x in patches.values()]
    drawn = [torch.rand(*shape, generator=generator, dtype=torch.float64) for shape in shapes]

    def loss(low, high):
        seen = {"low": low, "high": high}
        return distance(patches).measure(torch.zeros(2, 3, 1, 1), seen)

    assert torch.autograd.gradcheck(loss, [x.requires_grad_() for x in drawn])


def test_each_part_of_a_batch_has_its_own_term():
    one = Term("one", lambda image, features: features["low"].sum((1, 2, 3)), ("low",))
    two = Term("two", lambda image, features: image.mean((1, 2, 3)), ())
    image, seen = torch.rand(5, 3, 2, 4), {"low": torch.rand(5, 2, 3, 4)}
    both = beside(one, two, 2)
    expected = [*seen["low"].numpy().sum((1, 2, 3))[:2], *image.numpy().mean((1, 2, 3))[2:]]
    np.testing.assert_allclose(both.measure(image, seen).numpy(), expected, rtol=1e-5)
    assert (both.name, both.layers) == ("one", ("low",))
