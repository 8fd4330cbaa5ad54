"""The command `bench`: page and JSON from given rows, what is kept, goes on and is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import assert_refused

from stylespace.settings import BenchSettings
from stylespace.studies.bench import commands, machine, making, programs
from stylespace.studies.bench.page import page
from stylespace.studies.bench.rows import Measured, Piece, UnmeasuredError

HERE = {
    "processor": "Some | processor",
    "cores": 2,
    "threads": 2,
    "memory_gib": 23.5,
    "versions": {"stylespace": "0.2.0", "python": "3.11"},
}


class Rows:
    """Pieces that count how often they are measured."""

    def __init__(self):
        self.measured = []
        self.missing = set()
        self.pressed = ""

    def __call__(self, settings, folder, rows):
        names = ("steps a", "memory b", *(("commands c",) if settings.all else ()))
        for name in names:
            yield Piece(name.split()[0], name, lambda name=name: self.measure(name), "1.15")

    def measure(self, name):
        self.measured.append(name)
        if name == self.pressed:
            raise KeyboardInterrupt
        if name in self.missing:
            raise UnmeasuredError("not here")
        return Measured(3.0, "floor", 2.0, figures={"evaluations": 12})


@pytest.fixture
def rows(monkeypatch):
    given = Rows()
    monkeypatch.setattr(making, "pieces_of", given)
    return given


def test_the_command_fills_a_folder(call, rows):
    done = call("bench", "--quiet", "--json")
    assert done.code == 0, done.err
    assert done.json["outputs"] == ["benchmark", "benchmark/README.md", "benchmark/results.json"]
    assert done.json["figures"] == {"rows": 2, "measured": 2, "steps a": 1.5, "memory b": 1.5}
    record = json.loads(Path("benchmark/results.json").read_text())
    assert record["command_lines"] == ["stylespace bench"]
    assert set(record["machine"]["versions"]) == {"stylespace", "torch", "numpy", "python"}
    (first, _) = record["rows"]
    assert first == {
        "section": "steps", "name": "steps a", "bound": "1.15", "value": 3.0, "unit": "s",
        "against": "floor", "other": 2.0, "ratio": 1.5, "figures": {"evaluations": 12},
    }  # fmt: skip


def test_pictures_of_peers_are_shown_also_by_a_later_call(monkeypatch, tmp_path):
    pieces = iter([Piece("peers", "a", lambda: Measured(3.0))])
    monkeypatch.setattr(making, "pieces_of", lambda settings, folder, rows: pieces)
    monkeypatch.setattr(making, "strips", lambda settings, folder: {"a-strip.jpg": b"\xff\xd8"})
    folder = tmp_path / "speed"
    for settings in (BenchSettings(peers=True), BenchSettings()):
        making.bench(settings, folder)
        assert "![a-strip.jpg](a-strip.jpg)" in (folder / "README.md").read_text()
    assert (folder / "a-strip.jpg").read_bytes() == b"\xff\xd8"


def test_rows_that_are_there_are_kept_also_those_of_another_form(call, rows):
    call("bench", "--quiet")
    done = call("bench", "--all", "--quiet")
    assert done.paths[0] == "benchmark"
    assert rows.measured == ["steps a", "memory b", "commands c"]
    call("bench", "--quiet")
    record = json.loads(Path("benchmark/results.json").read_text())
    assert [row["name"] for row in record["rows"]] == ["steps a", "memory b", "commands c"]
    assert record["command_lines"] == ["stylespace bench", "stylespace bench --all"]
    call("bench", "--quiet", "--force", "--out", "benchmark")
    assert rows.measured[3:] == ["steps a", "memory b"]


def test_what_was_not_measured_is_tried_again(call, rows):
    rows.missing.add("memory b")
    call("bench", "--quiet")
    assert "Not measured (not here): memory b." in Path("benchmark/README.md").read_text()
    rows.missing.clear()
    done = call("bench", "--quiet", "--json")
    assert rows.measured == ["steps a", "memory b", "memory b"]
    assert done.json["figures"]["measured"] == 2


def test_a_run_that_is_stopped_goes_on(call, rows):
    rows.pressed = "memory b"
    stopped = call("bench", "--out", "b", "--quiet")
    assert (stopped.code, stopped.err) == (
        130,
        "stylespace: interrupted; b holds what was done so far.\n",
    )
    assert "steps a" in Path("b/README.md").read_text()
    rows.pressed = ""
    assert call("bench", "--out", "b", "--quiet").code == 0
    assert rows.measured == ["steps a", "memory b", "memory b"]


def test_rows_of_another_machine_are_measured_again(call, rows, monkeypatch):
    call("bench", "--quiet")
    monkeypatch.setattr(making, "machine", lambda: HERE)
    call("bench", "--quiet")
    assert len(rows.measured) == 4
    assert json.loads(Path("benchmark/results.json").read_text())["machine"] == HERE


@pytest.mark.parametrize("text", ["{", "[]", '{"machine": 1}', '{"rows": [1]}'])
def test_results_that_are_damaged_are_measured_again(call, rows, text):
    call("bench", "--quiet")
    Path("benchmark/results.json").write_text(text)
    assert call("bench", "--quiet").code == 0
    assert len(rows.measured) == 4


def test_another_network_has_another_folder(call, rows):
    call("bench", "--quiet")
    assert call("bench", "--quiet", "--network", "vgg16-hed").paths[0] == "benchmark-2"


def test_a_folder_of_something_else_is_not_touched(call, rows):
    Path("b").mkdir()
    Path("b/mine.txt").write_text("mine")
    assert_refused(call("bench", "--out", "b"), 1, "--force")
    assert_refused(call("bench", "--out", "b.json"), 2, "goes into a folder: use 'b'")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--network", "alexnet-st"), ("VGGs only",)),
        (("--peers", "--pooling", "max"), ("--peers", "averages")),
        (("--size", "64,64"), ("each once",)),
        (("--size", "8"), ("at least 32",)),
        (("--pairs", "astronaut"), ("--pairs", "astronaut=gogh-auvers")),
        (("--pairs", "astronaut=gogh-auver"), ("Did you mean 'gogh-auvers'",)),
    ],
)
def test_what_cannot_be_is_said_in_one_line(call, options, words):
    assert_refused(call("bench", *options), 2, *words)


def test_the_command_line_is_the_options_that_differ():
    assert making.command_line(BenchSettings()) == "stylespace bench"
    settings = BenchSettings(all=True, sides=(64, 96), weights="/home/me/vgg19.pth", peers=True)
    line = "stylespace bench --all --peers --size 64,96 --weights vgg19.pth"
    assert sorted(making.command_line(settings).split(" --")) == sorted(line.split(" --"))


def test_a_whole_benchmark_has_every_section_and_every_name_once(tmp_path):
    settings = BenchSettings(all=True, peers=True)
    pieces = list(making.pieces_of(settings, tmp_path, {}))
    names = [piece.name for piece in pieces]
    assert len(set(names)) == len(names)
    assert {piece.section for piece in pieces} == set(
        ("steps", "parts", "memory", "start", "commands", "together", "peers")
    )


# --- the page


def row(name, section="peers", **values):
    plain = {"value": 2.0, "unit": "s", "against": "x", "other": 4.0, "ratio": 0.5, "bound": ""}
    return {"section": section, "name": name, **plain, "figures": {}, **values}


def test_the_page_holds_machine_call_tables_and_medians():
    sooner = [
        row(f"to its loss, {side} px, {k}", figures={"times sooner": times, "loss": 1234.5})
        for side, k, times in ((256, 1, 2.0), (256, 2, 8.0), (256, 3, 5.0), (512, 1, 30.0))
    ]
    rows = [
        *sooner,
        row("a step", "steps", value=0.25),
        {"section": "steps", "name": "b", "note": "no | card"},
    ]
    text = page({"machine": HERE, "command_lines": ["stylespace bench --peers"], "rows": rows})
    assert text.startswith(
        "# Speed and memory\n\nSome \\| processor, 2 cores, 2 threads, 23.5 GiB;"
    )
    assert "stylespace 0.2.0, python 3.11" in text and "- `stylespace bench --peers`" in text
    assert text.index("## Steps") < text.index("## Peers")
    cells = [re.split(r" *\| *", line)[1:-1] for line in text.splitlines() if line.startswith("| ")]
    assert ["a step", "0.25 s", "x 4 s", "0.5", "-"] in cells
    assert ["to its loss, 256 px, 2", "2 s", "x 4 s", "0.5", "-", "8", "1,234"] in cells
    assert "- Not measured (no \\| card): b." in text
    assert "to its loss, 256 px: 5 times sooner than the peer, the median over 3" in text
    assert "to its loss, 512 px: 30 times sooner than the peer, the median over 1" in text


def test_the_machine_is_told_without_its_name(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("flags: x\nmodel name\t: Some CPU 7\nmodel name: y\n")
    monkeypatch.setattr(machine, "PROCESSORS", tmp_path / "cpuinfo")
    assert machine.processor().startswith("Some CPU 7 (")
    monkeypatch.setattr(machine, "PROCESSORS", tmp_path / "none")
    assert machine.processor() != ""
    import platform

    assert platform.node() not in json.dumps(machine.machine())


# --- programs


@pytest.mark.slow
def test_memory_of_a_program_does_not_begin_at_that_of_the_program_that_started_it(tmp_path):
    """ru_maxrss does, on Linux: here at 2 GiB, where listing samples holds some hundred MiB."""
    script = (
        "from stylespace.studies.bench.programs import measured_run\n"
        "held = b'1' * 2**31\n"
        "run = measured_run('stylespace.__main__', ['samples', '--quiet'], '.')\n"
        "print(run.peak, run.above, run.seconds, len(run.text))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    peak, above, seconds, length = map(float, done.stdout.split())
    assert 2000 > peak > above >= 0
    assert seconds > 0 and length > 100


def test_a_program_that_fails_is_told_by_its_last_line(tmp_path):
    with pytest.raises(UnmeasuredError, match="failed: See 'stylespace texture --help'"):
        programs.measured_run("stylespace.__main__", ["texture"], tmp_path)
    with pytest.raises(UnmeasuredError, match="stylespace texture failed"):
        programs.at_once(2, "texture")


def test_the_time_to_a_loss_counts_what_lies_before_and_not_what_comes_after():
    """The last scale's lowest loss is 10: 11 is reached 2 s before its end, of 20 s in all."""
    losses = [(16, 1.0, 1.0), (32, 30.0, 5.0), (32, 11.0, 6.0), (32, 12.0, 7.0), (32, 10.0, 8.0)]
    trace = [{"size": [side, side], "loss": loss, "seconds": s} for side, loss, s in losses]
    found = commands.time_to_loss(trace, 20.0)
    assert found == {"loss": pytest.approx(11.0), "s to it": pytest.approx(18.0)}
    assert commands.time_to_loss([{"size": [8, 8], "loss": -1.0, "seconds": 1.0}], 2.0) == {}


@pytest.mark.usefixtures("one_thread")
@pytest.mark.slow
def test_a_whole_command_is_measured(monkeypatch):
    settings = BenchSettings(weights="random:0", device="cpu", precision="float32")
    line = ("texture", "sample:durer-lion", "--iterations", "3", "--layers", "conv1_1")
    done = commands.command_row(settings, line, 32)
    assert done.value > 0 and done.other > 0 and done.against == "one bare call"
    assert done.figures["evaluations"] == 3
    assert done.figures["s a step"] == pytest.approx(done.value / 3)
    assert done.figures["peak MiB"] > done.figures["above torch MiB"] > 0
    assert 0 < done.figures["s to it"] <= done.value
