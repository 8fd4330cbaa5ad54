"""Grids: a picture a combination, named after what varies, resumable, wherever they are made."""

import csv
import io
import json
import os
import signal
import tomllib
from itertools import product
from pathlib import Path

import pytest
from command_line import assert_refused, listing, picture_file, strict_json
from PIL import Image
from worker_calls import workers

from stylespace.cli.table import COMMANDS
from stylespace.commands.grid.combinations import combinations_of
from stylespace.commands.grid.making import make_grid
from stylespace.commands.spreading import Spread
from stylespace.errors import StylespaceError
from stylespace.images import read_image, read_recipe
from stylespace.settings import settings_from
from stylespace.settings.grid import grid_of

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = """
weights = "random:0"
device = "cpu"
layers = ["conv1_1"]
size = 16
iterations = 2
"""
GRID = f"""
command = "texture"
sources = ["sample:durer-lion"]
{BASE}
seed = [0, 1]
tv_weight = [0.1, 0.5]
"""
NAMES = [f"seed-{seed}_tv-weight-{weight}" for seed, weight in product((0, 1), (0.1, 0.5))]
BESIDE = {"README.md", "contact-sheet.jpg", "recipe.toml", "results.json", "table.csv"}


def write(text, name="grid.toml"):
    Path(name).write_text(text)
    return name


def pictures(folder="grid-grid"):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.png"))}


def results(folder="grid-grid"):
    return {row["name"]: row for row in json.loads(Path(folder, "results.json").read_text())}


def table(folder="grid-grid"):
    return list(csv.DictReader(io.StringIO(Path(folder, "table.csv").read_text())))


def watch_textures(monkeypatch, before):
    """Call before(settings) ahead of every texture, which may raise; return all settings."""
    from stylespace.commands.texture import textures

    true, seen = textures.texture, []

    def texture(*arguments, settings, **options):
        seen.append(settings)
        before(settings)
        return true(*arguments, settings=settings, **options)

    monkeypatch.setattr(textures, "texture", texture)
    return seen


# --- what is made


def test_a_grid_has_a_picture_a_combination_and_what_tells_of_them(call):
    result = call("run", write(GRID), "--quiet", "--json")
    assert result.code == 0, result.err
    assert {path.name for path in Path("grid-grid").iterdir()} == BESIDE | {
        f"{name}.png" for name in NAMES
    }
    said = result.json
    assert said["command"] == "texture"
    assert said["figures"] == {"combinations": 4, "done": 4, "failed": 0}
    assert said["outputs"] == [
        "grid-grid", "grid-grid/contact-sheet.jpg", *(f"grid-grid/{name}.png" for name in NAMES)
    ]  # fmt: skip
    assert said["recipe"]["seed"] == [0, 1] and said["recipe"]["tv_weight"] == [0.1, 0.5]
    assert [row["name"] for row in said["entries"]] == NAMES
    rows = table()
    for name, row, (seed, weight) in zip(NAMES, rows, product((0, 1), (0.1, 0.5)), strict=True):
        record, full = read_recipe(f"grid-grid/{name}.png"), results()[name]
        own = settings_from(record["recipe"])
        assert (own.seed, own.tv_weight, own.size) == (seed, weight, 16)
        assert full["values"] == {"seed": seed, "tv_weight": weight}
        assert full["figures"] == record["figures"] and full["picture"] == f"{name}.png"
        assert (int(row["seed"]), float(row["tv_weight"])) == (seed, weight)
        assert float(row["loss"]) == record["figures"]["loss"]
        assert float(row["seconds"]) == full["seconds"] > 0
    page = Path("grid-grid/README.md").read_text()
    assert page.startswith("# Grid of textures: 4 of 4 combinations made\n")
    assert all(f"| {name} " in page for name in NAMES) and "vgg19-norm" in page
    with Image.open("grid-grid/contact-sheet.jpg") as sheet:
        assert 4 * 160 < sheet.width < 5 * 170 and sheet.height < 200  # in a row


def test_a_picture_of_a_grid_is_that_of_its_own_command(call):
    assert call("run", write(GRID), "--quiet").code == 0
    options = ("--weights", "random:0", "--device", "cpu", "--layers", "conv1_1", "--size", "16")
    single = call("texture", "sample:durer-lion", *options, "--iterations", "2", "--seed", "1",
                  "--tv-weight", "0.5", "--out", "single.png", "--quiet")  # fmt: skip
    assert single.code == 0, single.err
    made = Path(f"grid-grid/{NAMES[3]}.png").read_bytes()
    assert Path("single.png").read_bytes() == made
    assert call("run", f"grid-grid/{NAMES[3]}.png", "--out", "again.png", "--quiet").code == 0
    assert Path("again.png").read_bytes() == made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            'command = "probe"\nlayer = "conv1_1"\nentry = [["4,4"], ["4,6"]]\n'
            'robust = [false, true]\nsize = 32\niterations = 2\nweights = "random:0"\n',
            ["entry-4-4_robust-false", "entry-4-4_robust-true", "entry-4-6_robust-false"],
        ),
        (
            f'command = "transfer"\ncontent = ["a.png", "sample:coffee"]\n{BASE}'
            'styles = [["b.png=0.5", "sample:durer-lion"], ["b.png"]]\n',
            ["content-a_styles-b-0.5+durer-lion", "content-a_styles-b",
             "content-coffee_styles-b-0.5+durer-lion", "content-coffee_styles-b"],
        ),
        (
            f'command = "edit"\nlayer = "conv1_1"\nentry = ["4,4", "4,6"]\nsource = "a.png"\n'
            f"{BASE}",
            ["entry-4-4", "entry-4-6"],
        ),
        (
            f'command = "texture"\nsources = [["a.png"]]\n{BASE}\n', ["texture"],
        ),
    ],
    ids=["probe", "transfer", "edit", "a single one"],
)  # fmt: skip
def test_every_maker_of_a_picture_can_be_in_a_grid(call, monkeypatch, text, names):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values", lambda *_: [0.0])
    picture_file("a.png"), picture_file("b.png", seed=1)
    result = call("run", write(text), "--quiet")
    assert result.code == 0, result.err
    assert {f"{name}.png" for name in names} <= set(pictures())
    for row in results().values():
        assert read_recipe(f"grid-grid/{row['picture']}")["figures"] == row["figures"]


def test_the_paintings_are_measured_once_for_all_probes_of_a_network(call, monkeypatch):
    from stylespace.commands.probe import many

    true, begun = many.Paintings, []
    monkeypatch.setattr(many, "Paintings", lambda network: begun.append(1) or true(network))
    text = 'command = "probe"\nlayer = "conv1_1"\nsize = 32\niterations = 2\nweights = "random:0"\n'
    result = call("run", write(text + 'entry = [["4,4"], ["4,4"], ["4,6"], ["6,6"]]\n'), "--quiet")
    assert result.code == 0, result.err
    assert len(results()) == 3 and len(begun) == 1


def test_a_network_is_loaded_once_though_it_varies_slowest(call, monkeypatch):
    from stylespace.commands import sight

    loaded, true = [], sight.load_network

    def load(name, **options):
        loaded.append(options["weights"])
        return true(name, **options)

    monkeypatch.setattr(sight, "load_network", load)
    text = GRID.replace('weights = "random:0"', "") + 'weights = ["random:0", "random:1"]\n'
    assert call("run", write(text), "--quiet").code == 0
    assert len(pictures()) == 8
    assert loaded in (["random:0", "random:1"] * 2, ["random:0", "random:1", "random:0"] * 1)


def test_names_are_safe_short_and_of_one_picture_each(call):
    Path("a b").mkdir()
    names = ["a b/x.png", "x.png", "X.jpg", "é:?.png", "n" * 90 + ".png"]
    for number, name in enumerate(names):
        picture_file(name, seed=number)
    sources = ", ".join(f'["{name}"]' for name in names)
    text = GRID.replace('sources = ["sample:durer-lion"]', f"sources = [{sources}]")
    grid = grid_of(tomllib.loads(text))
    found = [one.name for one in combinations_of(grid, COMMANDS["texture"])]
    assert len({name.lower() for name in found}) == 20
    assert all(len(name) < 130 and name.isascii() for name in found)
    assert not [name for name in found if set(name) & set('/\\:*?"<>|= ,')]
    assert found[0] == "sources-x_seed-0_tv-weight-0.1"
    assert found[4] == "sources-x_seed-0_tv-weight-0.1_2"
    assert call("run", write(text), "--quiet").code == 0
    assert len(pictures()) == 20


def test_the_sheet_shows_only_so_many(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.grid.pages.SHOWN", 2)
    assert call("run", write(GRID), "--quiet").code == 0
    with Image.open("grid-grid/contact-sheet.jpg") as sheet:
        assert sheet.width < 3 * 160
    assert "The sheet shows the first 2." in Path("grid-grid/README.md").read_text()


# --- gone on with


def test_an_interrupted_grid_goes_on_and_makes_nothing_twice(call, monkeypatch):
    def third(settings):
        if len(seen) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        seen = watch_textures(patch, third)
        first = call("run", write(GRID), "--quiet", "--json")
    assert first.code == 130
    assert first.json["figures"] == {"combinations": 4, "done": 2, "failed": 0}
    assert "grid-grid holds what was done so far" in first.err
    assert set(pictures()) == {f"{name}.png" for name in NAMES[:2]}
    times = {name: Path("grid-grid", name).stat().st_mtime_ns for name in pictures()}
    seconds = {name: results()[name]["seconds"] for name in NAMES[:2]}
    seen = watch_textures(monkeypatch, lambda settings: None)
    again = call("run", write(GRID), "--quiet", "--json")
    assert again.code == 0 and again.json["outputs"][0] == "grid-grid"
    assert [(one.seed, one.tv_weight) for one in seen] == [(1, 0.1), (1, 0.5)]
    assert set(pictures()) == {f"{name}.png" for name in NAMES}
    for name, time in times.items():
        assert Path("grid-grid", name).stat().st_mtime_ns == time
    assert {name: results()[name]["seconds"] for name in seconds} == seconds
    assert all(row["seconds"] for row in table())


def test_a_finished_grid_is_made_again_to_the_same_bytes_by_the_recipe_in_it(call, monkeypatch):
    assert call("run", write(GRID), "--quiet").code == 0
    before = listing("grid-grid")
    seen = watch_textures(monkeypatch, lambda settings: None)
    again = call("run", "grid-grid/recipe.toml", "--quiet", "--json")
    assert again.code == 0 and again.json["outputs"][0] == "grid-grid"
    assert seen == [] and listing("grid-grid") == before
    assert call("run", "grid-grid/recipe.toml", "--quiet", "--out", "other").code == 0
    assert pictures("other") == pictures() and len(seen) == 4


def test_ctrl_c_before_the_first_picture_leaves_nothing(call, monkeypatch):
    def pressed(settings):
        raise KeyboardInterrupt

    watch_textures(monkeypatch, pressed)
    result = call("run", write(GRID), "--quiet")
    assert (result.code, result.err) == (130, "stylespace: interrupted; nothing was written.\n")
    assert not Path("grid-grid").exists()


def test_pictures_made_otherwise_are_not_overwritten_without_force(call):
    assert call("run", write(GRID), "--quiet").code == 0
    before = listing("grid-grid")
    other = GRID.replace("iterations = 2", "iterations = 3")
    refused = call("run", write(other), "--quiet", "--out", "grid-grid")
    assert_refused(refused, 1, "another call", "--force")
    assert listing("grid-grid") == before
    assert call("run", write(other), "--quiet").paths[0] == "grid-grid-2"
    name = f"{NAMES[0]}.png"
    Path("grid-grid", name).write_bytes(Path("grid-grid-2", name).read_bytes())
    refused = call("run", write(GRID), "--quiet")
    assert_refused(refused, 1, name, "--force")
    forced = call("run", write(GRID), "--quiet", "--force")
    assert forced.code == 0, forced.err
    assert listing("grid-grid").keys() == before.keys()
    assert pictures() == {Path(n).name: data for n, data in before.items() if n.endswith(".png")}


def test_seconds_are_kept_though_the_program_is_killed(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.grid.making.EVERY", 0)

    class Killed(BaseException):
        pass

    def third(settings):
        if len(seen) == 3:
            raise Killed

    with monkeypatch.context() as patch:
        seen = watch_textures(patch, third)
        with pytest.raises(Killed):
            call("run", write(GRID), "--quiet")
    known = {name: row["seconds"] for name, row in results().items()}
    assert all(known[name] > 0 for name in NAMES[:2])
    assert [known[name] for name in NAMES[2:]] == [None, None]
    assert call("run", write(GRID), "--quiet").code == 0
    assert {name: results()[name]["seconds"] for name in NAMES[:2]} == {
        name: known[name] for name in NAMES[:2]
    }


# --- failures


def test_a_failed_combination_is_tried_once_more_then_named_and_the_others_are_made(
    call, monkeypatch
):
    def fails(settings):
        if (settings.seed, settings.tv_weight) == (0, 0.5):
            raise StylespaceError("no luck: try again.")

    seen = watch_textures(monkeypatch, fails)
    result = call("run", write(GRID), "--quiet")
    assert result.code == 0
    assert result.err == f"stylespace: {NAMES[1]}: no luck: try again.\n"
    assert len(seen) == 5 and set(pictures()) == {f"{n}.png" for n in NAMES if n != NAMES[1]}
    assert results()[NAMES[1]]["failed"] == "no luck: try again."
    assert results()[NAMES[1]]["picture"] is None
    assert [row["failed"] for row in table()] == ["", "no luck: try again.", "", ""]
    page = Path("grid-grid/README.md").read_text()
    assert f"- {NAMES[1]}: no luck" in page and "3 of 4" in page
    monkeypatch.undo()


def test_a_combination_that_fails_once_is_made(call, monkeypatch):
    def fails(settings):
        if len(seen) == 2:
            raise StylespaceError("no luck: try again.")

    seen = watch_textures(monkeypatch, fails)
    result = call("run", write(GRID), "--quiet")
    assert (result.code, result.err, len(seen)) == (0, "", 5)
    assert len(pictures()) == 4 and not any(row["failed"] for row in table())


def test_a_grid_of_which_nothing_could_be_made_ends_with_1(call, monkeypatch):
    def fails(settings):
        raise StylespaceError("no luck: try again.")

    watch_textures(monkeypatch, fails)
    result = call("run", write(GRID), "--quiet", "--json")
    assert result.code == 1
    assert result.json["figures"] == {"combinations": 4, "done": 0, "failed": 4}
    assert [row["reached"] for row in result.json["entries"]] == [False] * 4
    assert len(table()) == 4 and not pictures()
    assert result.err.count("no luck") == 4


def test_values_that_do_not_go_together_are_named_and_the_others_made(call):
    text = GRID.replace("seed = [0, 1]", 'match = ["gram", "sparsity"]\nsampler = ["sorted"]')
    result = call("run", write(text), "--quiet", "--json")
    assert result.code == 0, result.err
    assert result.json["figures"] == {"combinations": 4, "done": 2, "failed": 2}
    assert "match-sparsity_tv-weight-0.1: --sampler gives Gram matrices" in result.err
    assert set(pictures()) == {"match-gram_tv-weight-0.1.png", "match-gram_tv-weight-0.5.png"}


def test_an_entry_that_is_not_reached_is_named_and_tried_once(call, monkeypatch):
    monkeypatch.setattr("stylespace.commands.probe.patches.Paintings.values",
                        lambda self, layer, i, j: [1e9 if j == 6 else 0.0])  # fmt: skip
    text = 'command = "probe"\nlayer = "conv1_1"\nsize = 32\niterations = 2\nweights = "random:0"\n'
    result = call("run", write(text + 'entry = [["4,4"], ["4,6"]]\n'), "--quiet", "--json")
    assert result.code == 0, result.err
    assert list(pictures()) == ["entry-4-4.png"]
    assert "conv1_1 4,6 was not reached" in results()["entry-4-6"]["failed"]
    assert not list(Path("grid-grid").glob("*.checkpoint"))


# --- refusals


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        (GRID, ("--out", "o.png"), 2, ("goes into a folder", "use 'o'")),
        (GRID, ("--out", "gone/o"), 1, ("there is no folder 'gone'",)),
        (GRID, ("--trace", "t.jsonl"), 2, ("--trace follows one picture",)),
        (GRID, ("--executor", "procesess"), 2, ("Did you mean 'processes'",)),
        (GRID, ("--workers", "2"), 2, ("belongs to --executor",)),
        (GRID.replace("sample:durer-lion", "gone.png"), (), 1, ("'gone.png': no such file",)),
        (GRID.replace("tv_weight", "tv_wait"), (), 2, ("Did you mean 'tv_weight'",)),
        (GRID.replace("[0.1, 0.5]", "[0.1, -1]"), (), 2, ("--tv-weight -1.0",)),
        ('command = "atlas"\nsize = [16, 24]\n', (), 2, ("atlas takes one value for size",)),
        ('command = "report"\npictures = [["a.png"], ["b.png"]]\n', (), 2, ("report takes one",)),
        (
            'command = "probe"\nentry = ["4,4", "4,5"]\nseed = [0, 1]\n',
            (),
            2,
            ("make several pictures", 'entry = [["4,4"], ["4,5"]]'),
        ),
        (
            'command = "transfer"\ncontent = "."\nstyles = ["sample:durer-lion"]\nseed = [0, 1]\n',
            (),
            2,
            ("make several pictures",),
        ),
    ],
)
def test_what_will_not_do_is_said_before_anything_is_made(call, text, options, code, words):
    write(text)
    assert_refused(call("run", "grid.toml", "--quiet", *options), code, *words)
    assert [path.name for path in Path().iterdir()] == ["grid.toml"]


def test_a_large_grid_asks_first(call, monkeypatch):
    seeds = "seed = [" + ", ".join(map(str, range(5001))) + "]"
    large = write(GRID.replace("seed = [0, 1]", seeds))
    assert_refused(call("run", large, "--quiet"), 2, "10,002 pictures", "--yes")
    assert not Path("grid-grid").exists()
    made = []
    monkeypatch.setattr("stylespace.cli.main.run_grid",
                        lambda *arguments, **options: made.append(options["yes"]))  # fmt: skip
    monkeypatch.setattr("stylespace.cli.main._shown", lambda *_: 0)
    assert call("run", large, "--yes").code == 0 and made == [True]


def test_a_single_picture_is_not_spread(call):
    single = write(GRID.replace("[0, 1]", "0").replace("[0.1, 0.5]", "0.1"))
    assert_refused(call("run", single, "--executor", "processes"), 2, "one result")
    assert_refused(call("texture", "sample:durer-lion", "--executor", "dask"), 2, "--executor")


# --- wherever they are made


SMALL = GRID.replace('"conv1_1"', '"conv1"').replace("size = 16", 'size = 24\nnetwork = "alexnet"')
"""Of a network that a worker draws the filters of in a moment."""


def settings_grid(text):
    grid = grid_of(tomllib.loads(text))
    return grid, COMMANDS["texture"].maker, combinations_of(grid, COMMANDS["texture"])


def test_what_workers_are_given_and_give_back_makes_the_same_grid(call, pickled):
    assert call("run", write(GRID), "--quiet", "--out", "here").code == 0
    pickled.clear()
    result = call("run", "grid.toml", "--out", "there", "--executor", "processes", "--workers", "3")
    assert result.code == 0, result.err
    assert pickled == [("processes", 3)]
    assert pictures("there") == pictures("here")
    for name in ("README.md", "recipe.toml", "contact-sheet.jpg"):
        assert Path("there", name).read_bytes() == Path("here", name).read_bytes()
    for one, other in zip(results("here").values(), results("there").values(), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert "grid of textures" in result.err and "4/4" in result.err


def test_a_worker_with_other_weights_makes_nothing(call, pickled, monkeypatch):
    monkeypatch.setattr("stylespace.commands.many.Maker.weights", lambda *_: "0" * 64)
    result = call("run", write(GRID), "--quiet", "--executor", "dask")
    assert result.code == 1 and "a worker has other weights of vgg19-norm" in result.err


def test_a_picture_whose_worker_was_lost_on_the_way_back_is_not_made_again(
    call, pickled, monkeypatch
):
    """It is written, the answer is not: the call is run again, and finds the picture."""
    from stylespace.commands import many

    true, lost = many.write_outcome, []

    def write_outcome(path, *arguments, **options):
        record = true(path, *arguments, **options)
        if not lost:
            lost.append(path)
            raise StylespaceError("lost on the way back.")
        return record

    monkeypatch.setattr(many, "write_outcome", write_outcome)
    seen = watch_textures(monkeypatch, lambda settings: None)
    result = call("run", write(GRID), "--quiet", "--executor", "processes")
    assert (result.code, len(seen), len(pictures())) == (0, 4, 4), result.err


@pytest.mark.slow
def test_twelve_pictures_by_two_processes_one_of_them_killed_are_those_of_one(cheap):
    text = SMALL.replace("[0, 1]", "[0, 1, 2]").replace("[0.1, 0.5]", "[0.1, 0.2, 0.5, 1]")
    grid, maker, combinations = settings_grid(text)
    counted, killed = [], []

    def count(done, total):
        counted.append((done, total))
        if done and not killed:
            killed.append(workers()[-1].pid)
            os.kill(killed[0], signal.SIGKILL)

    spread = Spread("processes", 2, count)
    made = make_grid(grid, maker, combinations, Path("there"), spread=spread)
    alone = make_grid(grid, maker, combinations, Path("here"))
    assert killed and not made.interrupted
    assert made.figures == alone.figures == {"combinations": 12, "done": 12, "failed": 0}
    assert pictures("there") == pictures("here") and len(pictures("here")) == 12
    assert {path.name for path in Path("there").iterdir()} == {
        path.name for path in Path("here").iterdir()
    }
    assert counted[0] == (0, 12) and counted[-1] == (12, 12)


@pytest.mark.slow
def test_ctrl_c_ends_the_workers_and_leaves_what_is_whole(cheap):
    grid, maker, combinations = settings_grid(SMALL.replace("[0, 1]", "[0, 1, 2, 3, 4, 5]"))

    def count(done, total):
        if done == 3:
            raise KeyboardInterrupt

    made = make_grid(grid, maker, combinations, Path("g"), spread=Spread("processes", 2, count))
    assert made.interrupted and 3 <= len(pictures("g")) < 12
    assert sum(row.picture is not None for row in made.rows) >= 3
    assert {path.suffix for path in Path("g").iterdir()} == {".png", ".md", ".jpg", ".toml",
                                                              ".json", ".csv"}  # fmt: skip
    again = make_grid(grid, maker, combinations, Path("g"))
    assert again.figures["done"] == 12 and not again.interrupted
    assert all(read_image(f"g/{name}").shape[3] == 24 for name in pictures("g"))


@pytest.mark.slow
def test_a_thousand_pictures_on_a_cluster_of_which_a_worker_is_killed(cheap):
    """Nothing lost, nothing twice, every row there."""
    pytest.importorskip("distributed")
    from stylespace.executors import executor_for

    seeds = f"seed = [{', '.join(map(str, range(500)))}]"
    grid, maker, combinations = settings_grid(SMALL.replace("seed = [0, 1]", seeds))
    killed, folder = [], Path("thousand")
    with executor_for("dask", 2) as cluster:

        def count(done, total):
            if done >= 300 and not killed:
                killed.append(next(iter(cluster._client.run(os.getpid).values())))
                os.kill(killed[0], signal.SIGKILL)

        spread = Spread(f"dask:{cluster._client.scheduler.address}", None, count)
        made = make_grid(grid, maker, combinations, folder, spread=spread)
    assert killed and made.figures == {"combinations": 1000, "done": 1000, "failed": 0}
    wanted = {f"{one.name}.png": one.settings for one in combinations}
    assert {path.name for path in folder.iterdir()} == BESIDE | wanted.keys() and len(
        wanted
    ) == 1000
    for name, settings in wanted.items():
        assert settings_from(read_recipe(folder / name)["recipe"]) == settings
    assert [row["picture"] for row in table(folder)] == list(wanted)
    rows = strict_json(f'{{"rows": {(folder / "results.json").read_text()}}}')["rows"]
    assert [row["picture"] for row in rows] == list(wanted)
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    again = make_grid(grid, maker, combinations, folder)
    assert again.figures == made.figures
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.png")} == times
    some = settings_grid(SMALL.replace("seed = [0, 1]", "seed = [17, 401]"))
    make_grid(*some, Path("some"))
    assert all((folder / name).read_bytes() == data for name, data in pictures("some").items())
