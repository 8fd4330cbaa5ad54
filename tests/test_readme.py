"""What README.md shows is run as it stands, only smaller."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from command_line import picture_file

from stylespace.commands.command import Command, Result
from stylespace.settings import COMMANDS, Making, recipe_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SMALLER = ("--size", "64", "--weights", "random:0", "--device", "cpu", "--quiet")
TARGETS = sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)(?=`|\s*$|\s+#)", README, re.MULTILINE)))


def blocks(language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shell():
    """Every stylespace command of the README's shell blocks, split into words, by block."""
    lines = [block.replace("\\\n", " ").splitlines() for block in blocks("(?:sh|shell|bash)")]
    split = [[shlex.split(line, comments=True) for line in block] for block in lines]
    return [[words[1:] for words in block if words[:1] == ["stylespace"]] for block in split]


def smaller(words):
    """The same command, at a size that takes no time."""
    kind = COMMANDS.get(words[0])
    if kind is None:
        return words
    return [*words, *SMALLER, *(("--iterations", "12") if issubclass(kind, Making) else ())]


def test_the_five_lines_of_shell_run_in_their_order(call):
    five = next(block for block in shell() if len(block) == 5)
    assert {words[0] for words in five} == {"probe", "texture", "transfer", "capture"}
    for words in five:
        result = call(*smaller(words))
        assert result.code == 0, (words, result.err)
        assert Path(result.paths[0]).is_file()


@pytest.mark.parametrize("words", [words for block in shell() for words in block], ids=" ".join)
def test_every_command_is_accepted(call, monkeypatch, words):
    """Options, layers and names; the files that a reader has are put there."""
    outputs = [value for flag, value in zip(words, words[1:], strict=False) if flag == "--out"]
    (grid,) = blocks("toml")
    texts = [*words, *re.findall('"(.+?)"', grid)] if "grid.toml" in words else words
    for name in {part for text in texts for part in text.split("=")} - set(outputs):
        if name.endswith((".jpg", ".png")):
            picture_file(name)
        elif name.endswith(".toml"):
            Path(name).write_text(grid)
        elif name.endswith((".pth", ".safetensors")):
            Path(name).touch()
        elif name.endswith("/"):
            Path(name).mkdir()

    def run(command, settings, output):
        return Result((output.path,), {}, recipe_of(settings))

    def make_grid(grid, maker, combinations, output):
        assert len(combinations) == 24 and all(one.settings for one in combinations)
        return Result((output.path,), {}, grid.recipe())

    monkeypatch.setattr(Command, "run", run)
    monkeypatch.setattr("stylespace.commands.grid.command._made", make_grid)
    result = call(*words)
    assert result.code == 0, result.err


def test_the_five_lines_of_python_run(cheap):
    (code,) = blocks("python")
    assert len(code.splitlines()) == 5
    picture_file("painting.jpg")
    made = code.replace("size=128", "size=64, iterations=12, device='cpu'")
    assert made != code
    scope = {}
    exec(compile(made, "README.md", "exec"), scope)
    assert Path("probe.png").is_file()
    assert set(scope["style"].layers) == {"conv1_1", "conv3_1"}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_its_targets(target):
    command = ["make", "-n", "PYTHON=python3", target]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_the_two_commands_of_the_start_are_there():
    assert {"demo", "test"} <= set(TARGETS)


def test_links_lead_to_files_of_the_repository():
    links = re.findall(r"\]\(([^)#\s]+)", README)
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z-]+)", README))))
def test_every_option_that_is_named_exists(call, option):
    names = (*COMMANDS, "run", "study", "networks", "samples")
    assert any(f"{option} " in call(name, "--help").out.replace(",", " ") for name in names)
