"""Content responses: reductions against numpy, planted structure, edges; grids."""

import warnings

import numpy as np
import pytest
import torch

from stylespace.errors import UsageError
from stylespace.losses.covariance import covariance_distance
from stylespace.losses.covariance.responses import REDUCTIONS, on_grid, reduced
from stylespace.settings import representations

pytestmark = pytest.mark.usefixtures("one_thread")


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def responses(channels=5):
    """Of two pictures of different sizes."""
    return drawn(1, channels, 6, 4), drawn(1, channels, 3, 9, seed=1)


def regions(channels=6):
    """Three regions in both pictures, at other places; each is a channel of its own, and loud."""
    content, style = torch.zeros(1, channels, 6, 5), torch.zeros(1, channels, 4, 9)
    content[:, 0, :2], content[:, 2, 2:4], content[:, 5, 4:] = 3, 2, 4
    style[:, 5, :, :3], style[:, 0, :, 3:5], style[:, 2, :, 5:] = 4, 3, 2
    return content, style


def rows(one):
    return one[0].flatten(1).T.numpy()


# --- principal directions


@pytest.mark.parametrize("centred", [False, True])
def test_at_full_rank_the_distance_is_the_same(centred):
    R, Q = responses()
    F, P = drawn(1, 3, 6, 4, seed=2), drawn(1, 3, 3, 9, seed=3)
    full = reduced(R, Q, 5, "pca", centred=centred)
    assert full.explained == pytest.approx(1, abs=1e-12)
    for form in (False, True):
        found = covariance_distance(F, full.content, P, full.style, 1, centred=form)
        torch.testing.assert_close(found, covariance_distance(F, R, P, Q, 1, centred=form))


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_principal_maps_are_those_of_a_singular_value_decomposition(count, centred):
    R, Q = responses()
    parts = [x - x.mean(0) if centred else x for x in (rows(R), rows(Q))]
    stacked = np.concatenate([x / len(x) ** 0.5 for x in parts])
    _, values, vectors = np.linalg.svd(stacked, full_matrices=False)
    found = reduced(R, Q, count, centred=centred)
    assert found.explained == pytest.approx((values[:count] ** 2).sum() / (values**2).sum())
    for maps, original in ((found.content, R), (found.style, Q)):
        expected = np.abs(rows(original) @ vectors[:count].T)
        np.testing.assert_allclose(np.abs(rows(maps)), expected, atol=1e-12)
    assert found.content.shape == (1, count, 6, 4) and found.style.shape == (1, count, 3, 9)


def test_centred_directions_do_not_see_a_constant():
    R, Q = responses()
    level = 50 * torch.arange(5.0).double()[:, None, None]
    plain = reduced(R, Q, 2, centred=True)
    shifted = reduced(R + level, Q - 2 * level, 2, centred=True)
    assert shifted.explained == pytest.approx(plain.explained)
    for a, b in ((plain.content, shifted.content), (plain.style, shifted.style)):
        own = [x - x.mean((2, 3), keepdim=True) for x in (a, b)]
        torch.testing.assert_close(*own)
    loud = [reduced(R + level, Q, 1, centred=own).explained for own in (False, True)]
    assert loud[0] > 0.9 > loud[1]


# --- parts and clusters


def test_planted_parts_are_found():
    parts, shares = drawn(2, 7, seed=4), [drawn(n, 2, seed=n) for n in (24, 27)]
    parts[0, :3], parts[1, 4:] = 0, 0
    for one in shares:
        one[:8, 0], one[8:16, 1] = 0, 0
    R, Q = (
        (one @ parts).T.reshape(1, 7, *sides)
        for one, sides in zip(shares, ((6, 4), (3, 9)), strict=True)
    )
    found = reduced(R, Q, 2, "nmf")
    assert found.explained > 0.999
    assert min(found.content.min(), found.style.min()) >= 0
    for maps, one in ((found.content, shares[0]), (found.style, shares[1])):
        angles = np.abs(np.corrcoef(rows(maps).T, one.numpy().T)[:2, 2:])
        assert sorted(angles.max(0)) > [0.99, 0.99] and set(angles.argmax(0)) == {0, 1}
    unit = np.linalg.norm(rows(found.content), axis=1) / np.linalg.norm(rows(R), axis=1)
    assert ((unit > 0.7) & (unit < 1.5)).all()  # in units of the responses


def test_regions_become_the_same_clusters_in_both_pictures():
    content, style = regions()
    found = reduced(content, style, 3, "kmeans")
    assert found.explained == pytest.approx(1)
    for channel in (0, 2, 5):
        here, there = content[0, channel] > 0, style[0, channel] > 0
        (k,) = found.content[0, :, here].mean(1).gt(0.5).nonzero()[:, 0]
        torch.testing.assert_close(found.content[0, k], here.float())
        torch.testing.assert_close(found.style[0, k], there.float())


def test_shares_of_clusters_add_up_to_one_and_fade_with_distance():
    R, Q = responses()
    found = reduced(R, Q, 3, "kmeans")
    for maps in (found.content, found.style):
        torch.testing.assert_close(maps.sum(1), torch.ones_like(maps[:, 0]))
        assert (maps > 0).all()
    assert 0.3 < float(found.content.amax(1).mean()) < 0.999
    assert 0 < found.explained < 1


# --- all of them


def test_settings_know_the_reductions_without_torch():
    assert tuple(REDUCTIONS) == representations.REDUCTIONS


@pytest.mark.parametrize("method", REDUCTIONS)
def test_more_maps_hold_more_and_the_same_is_found_again(method):
    R, Q = responses()
    shares = [reduced(R, Q, count, method).explained for count in (1, 2, 3, 5)]
    assert shares == sorted(shares) and shares[-1] - shares[0] > 0.02
    one, two = (reduced(R, Q, 3, method) for _ in range(2))
    assert torch.equal(one.content, two.content) and torch.equal(one.style, two.style)


@pytest.mark.parametrize("method", REDUCTIONS)
def test_pictures_count_alike_whatever_their_size(method):
    R, Q = responses()
    plain, larger = (reduced(R, one, 3, method) for one in (Q, Q.repeat(1, 1, 2, 3)))
    assert larger.explained == pytest.approx(plain.explained, abs=2e-3)
    if method == "pca":
        torch.testing.assert_close(larger.content, plain.content)


@pytest.mark.parametrize("method", REDUCTIONS)
def test_nothing_constant_and_single_positions_are_no_fault(method):
    R, Q = (one.float() for one in responses())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for content, style in (
            (0 * R, 0 * Q),
            (torch.ones_like(R), torch.ones_like(Q)),
            (R[:, :, :1, :1], Q[:, :, :1, :1]),
            (R[:, :1], Q[:, :1]),
        ):
            for centred in (False, True):
                count = min(2, content.shape[1])
                found = reduced(content, style, count, method, centred=centred)
                for maps, like in ((found.content, content), (found.style, style)):
                    assert maps.shape == (1, count, *like.shape[2:]) and maps.dtype == like.dtype
                    assert torch.isfinite(maps).all()
                assert 0 <= found.explained <= 1


def test_bad_requests_are_refused():
    R, Q = responses()
    for change, words in (
        ({"method": "ica"}, "Known: pca, nmf, kmeans"),
        ({"count": 0}, "0 content maps: 1 to 5"),
        ({"count": 6}, "6 content maps: 1 to 5"),
    ):
        with pytest.raises(UsageError, match=words):
            reduced(R, Q, **{"count": 2, **change})
    with pytest.raises(UsageError, match="negative responses"):
        reduced(R - 1, Q, 2, "nmf")
    for pair in ((R, Q[:, :4]), (R[0], Q), (R.repeat(2, 1, 1, 1), Q)):
        with pytest.raises(ValueError, match="responses"):
            reduced(*pair, 2)


# --- grids


def test_a_coarser_grid_takes_means_and_a_finer_one_draws_lines():
    x = drawn(2, 3, 6, 8)
    assert on_grid(x, (6, 8)) is x
    blocks = x.unflatten(2, (3, 2)).unflatten(4, (2, 4)).mean((3, 5))
    torch.testing.assert_close(on_grid(x, (3, 2)), blocks)
    mixed = on_grid(x, (3, 16))
    rows = x.unflatten(2, (3, 2)).mean(3)
    torch.testing.assert_close(mixed[..., 1:-1:2], 0.75 * rows[..., :-1] + 0.25 * rows[..., 1:])
    torch.testing.assert_close(mixed[..., 0], rows[..., 0])


@pytest.mark.parametrize("grid", [(1, 1), (4, 13), (17, 3), (11, 19)])
def test_every_grid_keeps_constants_and_ranges(grid):
    x = drawn(1, 2, 7, 9)
    found = on_grid(x, grid)
    assert found.shape == (1, 2, *grid)
    assert x.min() <= found.min() and found.max() <= x.max()
    flat = torch.full_like(x, 0.3)
    torch.testing.assert_close(on_grid(flat, grid), flat[:, :, :1, :1].expand_as(found))
