"""Recipes with several values: which lists are choices, in what order, and what is refused."""

import itertools

import pytest

from stylespace.errors import UsageError
from stylespace.files import parsed_toml
from stylespace.settings import ProbeSettings, TextureSettings, settings_from
from stylespace.settings.grid import grid_of

TEXTURE = {"command": "texture", "sources": ["a.png", "b.png=0.5"], "layers": ["conv1_1"]}


def settings(recipe):
    grid = grid_of(recipe)
    return [grid.settings(one) for one in grid.combinations()]


def test_a_recipe_of_single_values_is_no_grid():
    assert grid_of(TEXTURE) is None
    assert grid_of({**TEXTURE, "iterations": [3, 4], "sizes": [128, 256]}) is None
    assert grid_of({"command": "probe", "entry": ["4,4", "4,5"]}) is None


def test_a_list_of_single_values_is_their_product_with_the_others():
    made = settings({**TEXTURE, "size": [64, 128], "iterations": [3], "tv_weight": [0, 0.5, 1]})
    expected = itertools.product((64, 128), (0.0, 0.5, 1.0))
    assert [(one.size, one.tv_weight) for one in made] == list(expected)
    assert {(one.sources, one.layers, one.iterations) for one in made} == {
        (("a.png", "b.png=0.5"), ("conv1_1",), (3,))
    }
    assert all(type(one.tv_weight) is float for one in made)


def test_a_list_of_lists_is_a_choice_of_lists():
    recipe = {"command": "texture", "sources": [["a.png"], ["a.png", "b.png"]]}
    assert [one.sources for one in settings(recipe)] == [("a.png",), ("a.png", "b.png")]
    recipe = {"command": "probe", "entry": [["4,4"], "4,5"], "iterations": [[2], [3, 4]]}
    made = settings({**recipe, "size": 256, "sizes": [128, 256]})
    assert [(one.entry, one.iterations) for one in made] == [
        (("4,4",), (2,)), (("4,4",), (3, 4)), (("4,5",), (2,)), (("4,5",), (3, 4))
    ]  # fmt: skip


def test_each_setting_may_be_a_choice():
    recipe = {"command": "probe", "entry": ["4,4"], "robust": [False, True], "goal": ["log"]}
    grid = grid_of(recipe)
    assert grid.count == 2 and grid.varying == ("robust",)
    assert settings(recipe) == [
        ProbeSettings(entry=("4,4",), robust=robust) for robust in (False, True)
    ]


def test_a_value_that_is_named_twice_counts_once():
    grid = grid_of({**TEXTURE, "seed": [0, 1, 0], "tv_weight": [1, 1.0]})
    assert grid.choices == {"seed": (0, 1), "tv_weight": (1.0,)}
    assert grid.count == 2 and grid.varying == ("seed",)


def test_the_count_needs_no_combinations():
    grid = grid_of({**TEXTURE, "seed": list(range(3000)), "size": list(range(32, 3032))})
    assert grid.count == 9_000_000


def test_the_recipe_of_a_grid_is_the_same_grid_with_every_setting():
    recipe = {**TEXTURE, "seed": [2, 1], "size": [64, 128], "layers": [["conv1_1"], ["conv2_1"]]}
    grid = grid_of(recipe)
    again = grid_of(parsed_toml(grid.text()))
    assert again.text() == grid.text()
    assert list(again.combinations()) == list(grid.combinations())
    assert [again.settings(one) for one in again.combinations()] == settings(recipe)
    assert parsed_toml(grid.text())["pooling"] == "average"
    reordered = dict(reversed(recipe.items()))
    assert grid_of(reordered).text() != grid.text()  # other neighbours, other names


def test_defaults_of_an_earlier_version_hold_for_all_combinations():
    recipe = {"version": "0.1.0", "command": "transfer", "content": "a.png", "styles": ["b.png"]}
    made = settings({**recipe, "seed": [0, 1]})
    assert [one.seed for one in made] == [0, 1]
    single = settings_from(recipe)
    assert {(one.network, one.content_weight, one.iterations) for one in made} == {
        ("vgg16-hed", 0.3, (250,))
    }
    assert made[0] == single


def test_combinations_that_cannot_be_are_refused_one_by_one():
    grid = grid_of({**TEXTURE, "match": ["gram", "sparsity"], "sampler": ["sorted"],
                    "sources": ["a.png"]})  # fmt: skip
    first, second = grid.combinations()
    assert isinstance(grid.settings(first), TextureSettings)
    with pytest.raises(UsageError, match="does not go with sparsity"):
        grid.settings(second)
    assert "permutation" not in grid.text() and 'sampler = [\n    "sorted",\n]' in grid.text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": []}, r"size = \[\] in the recipe"),
        ({"size": [64, "big"]}, "a whole number is needed"),
        ({"size": [64, 0]}, "--size 0 must be at least 1"),
        ({"pooling": ["average", "averge"]}, "Did you mean 'average'"),
        ({"sizs": [64, 128]}, "Did you mean 'sizes'"),
        ({"sources": [["a.png"], [1]]}, "a list of texts is needed"),
        ({"size": [[64], [128]]}, "a whole number is needed"),
        ({"command": "textur", "size": [1, 2]}, "Did you mean 'texture'"),
    ],
)
def test_values_that_will_not_do_are_refused_at_once(changes, words):
    with pytest.raises(UsageError, match=words):
        grid_of({**TEXTURE, **changes})


def test_a_grid_in_which_nothing_goes_together_says_why():
    grid = grid_of({**TEXTURE, "match": ["sparsity"], "sampler": ["sorted", "shuffle"]})
    with pytest.raises(UsageError, match="does not go with sparsity"):
        grid.text()
