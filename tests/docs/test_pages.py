"""What README.md and the pages of docs/ show is accepted as it stands; links lead to files."""

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import tomli_w
import yaml
from command_line import picture_file

import stylespace
from stylespace.cli.main import commands
from stylespace.commands.command import Command, Result
from stylespace.settings import COMMANDS, Making, recipe_of, settings_from, toml_of

ROOT = Path(__file__).parents[2]
BUILT = {ROOT / "docs" / "_build", ROOT / "docs" / "repository"}
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
    if not BUILT & {*path.parents}
}
SMALLER = ("--size", "64", "--weights", "random:0", "--device", "cpu", "--quiet")
TARGETS = sorted(
    {
        target
        for text in PAGES.values()
        for target in re.findall(r"(?:^|`)make ([a-z-]+)(?=`|\s*$|\s+#)", text, re.MULTILINE)
    }
)


def blocks(page, language):
    """The fenced blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def shell(page):
    """Every stylespace command of a page's shell blocks, split into words, by block."""
    found = blocks(page, "(?:sh|shell|bash)")
    lines = [block.replace("\\\n", " ").splitlines() for block in found]
    split = [[shlex.split(line, comments=True) for line in block] for block in lines]
    return [[words[1:] for words in block if words[:1] == ["stylespace"]] for block in split]


def smaller(words):
    """The same command, at a size that takes no time."""
    kind = COMMANDS[words[0]]
    return [*words, *SMALLER, *(("--iterations", "12") if issubclass(kind, Making) else ())]


def test_the_pages_are_found():
    assert {"README.md", "docs/start.md", "docs/guides/many.md", "docs/faq.md"} <= set(PAGES)


def test_the_lines_of_the_start_run_in_their_order(call):
    five = next(block for block in shell("docs/start.md") if len(block) == 5)
    assert {words[0] for words in five} == {"probe", "texture", "transfer", "capture"}
    for words in five:
        result = call(*smaller(words))
        assert result.code == 0, (words, result.err)
        assert Path(result.paths[0]).is_file()


def test_readme_has_five_lines_of_each():
    found = shell("README.md")
    assert sum(map(len, found)) == 30 and {len(block) for block in found} <= {0, 5}
    first = {block[0][0] for block in found if block}
    assert first == {"probe", "texture", "report", "transfer", "study", "features"}


(GRID,) = blocks("docs/guides/many.md", "toml")
RECIPE = {"command": "probe", "layer": "conv3_1", "entry": "12,40"}
COMMAND_LINES = sorted(
    {shlex.join(words): page for page in PAGES for block in shell(page) for words in block}.items()
)


def put(name):
    """Put the file there that a reader would have."""
    if name.startswith("probes/"):
        shutil.copytree(ROOT / "probes", "probes", dirs_exist_ok=True)
    elif name.endswith((".jpg", ".png", ".webp", ".tif")):
        picture_file(name)
    elif name.endswith(".toml"):
        Path(name).write_text(GRID if name == "grid.toml" else tomli_w.dumps(RECIPE))
    elif name.endswith((".pth", ".safetensors", ".csv")):
        Path(name).touch()
    elif name.endswith("/"):
        Path(name).mkdir(exist_ok=True)


@pytest.fixture
def accepted(call, monkeypatch):
    """Run a command up to where it would begin its work."""

    def run(command, settings, output):
        return Result((output.path,), {}, recipe_of(settings))

    def make_grid(grid, maker, combinations, output):
        assert len(combinations) == 24 and all(one.settings for one in combinations)
        return Result((output.path,), {}, grid.recipe())

    def estimate(settings, make):
        return Result((), {}, recipe_of(settings))

    def study(recipe, output, **options):
        assert toml_of(recipe)
        return Result((output.path,), {}, {})

    def read_origin(path):
        return settings_from(RECIPE), None

    monkeypatch.setattr(Command, "run", run)
    monkeypatch.setattr("stylespace.commands.grid.command._made", make_grid)
    monkeypatch.setattr("stylespace.commands.estimate.estimate", estimate)
    monkeypatch.setattr("stylespace.studies.study.run_study", study)
    monkeypatch.setattr("stylespace.commands.recipes.read_origin", read_origin)
    return call


@pytest.mark.parametrize("line", [line for line, _ in COMMAND_LINES])
def test_every_command_is_accepted(accepted, line):
    """Options, layers and names; the files that a reader has are put there."""
    words = shlex.split(line)
    outputs = {value for flag, value in zip(words, words[1:], strict=False) if flag == "--out"}
    texts = [*words, *re.findall('"(.+?)"', GRID)] if "grid.toml" in words else words
    for name in sorted({part for text in texts for part in text.split("=")} - outputs):
        put(name.removeprefix("caffe:"))
    result = accepted(*words)
    assert result.code == 0, result.err


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_names_what_is_public(page):
    for code in blocks(page, "python"):
        ast.parse(code)
        assert set(re.findall(r"\bss\.(\w+)", code)) <= set(stylespace.__all__)


def test_the_five_lines_of_python_run(cheap):
    (code,) = blocks("README.md", "python")
    assert len(code.splitlines()) == 5 and code in blocks("docs/guides/python.md", "python")
    picture_file("painting.jpg")
    made = code.replace("size=128", "size=64, iterations=12, device='cpu'")
    assert made != code
    scope = {}
    exec(compile(made, "README.md", "exec"), scope)
    assert Path("probe.png").is_file()
    assert set(scope["style"].layers) == {"conv1_1", "conv3_1"}


@pytest.mark.parametrize("user", ["researchers", "vision-scientists"])
def test_python_of_the_guides_runs(cheap, user):
    (code,) = blocks(f"docs/users/{user}.md", "python")
    scope = {}
    exec(compile(code, user, "exec"), scope)
    if user == "researchers":
        assert scope["gram"].shape == (256, 256) and 0 < scope["numbers"].off_diagonal.hoyer < 1
    else:
        assert Path("stimulus.png").is_file()
        assert scope["made"].image.mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_its_targets(target):
    command = ["make", "-n", "PYTHON=python3", target]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_the_two_commands_of_the_start_are_there():
    assert {"demo", "test"} <= set(re.findall(r"^make (\w+)", PAGES["README.md"], re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_of_the_repository(page):
    text = re.sub(r"^(`{3,}).*?^\1", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)", re.sub(r"`[^`\n]*`", "", text))
    local = [link for link in links if not re.match(r"\w+:", link)]
    assert [link for link in local if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_every_option_that_is_named_exists():
    named = {
        (option, page)
        for page, text in PAGES.items()
        for option in re.findall(r"`(--[a-z][a-z-]*)", text)
    }
    known = {
        flag
        for command in commands.commands.values()
        for one in command.params
        for flag in (*one.opts, *one.secondary_opts)
    }
    assert len(named) > 50
    assert {one for one in named if one[0] not in known | {"--help", "--version"}} == set()


def test_every_public_name_and_every_command_has_its_place():
    documented = set(re.findall(r"auto\w+:: (\w+)", PAGES["docs/python.md"]))
    assert documented == set(stylespace.__all__)
    for name in commands.commands:
        assert f"click:: programs:{name}\n" in PAGES[f"docs/commands/{name}.md"]
        assert f"| [{name}]({name}.md) |" in PAGES["docs/commands/index.md"]


def test_questions_are_answered():
    questions = re.split(r"^### ", PAGES["docs/faq.md"], flags=re.MULTILINE)[1:]
    asked = [question.partition("\n")[0] for question in questions]
    assert len({*asked}) == len(asked) >= 15
    assert all(len(question.partition("\n")[2].split()) >= 10 for question in questions)


def test_the_citation_names_this_version_and_the_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = toml_of(ROOT / "pyproject.toml")["project"]
    assert cited["cff-version"] == "1.2.0" and cited["message"] and cited["title"]
    assert str(cited["version"]) == project["version"]
    assert [one["name"] for one in cited["authors"]] == [one["name"] for one in project["authors"]]
    (paper,) = cited["references"]
    assert paper["url"].endswith("1602.07188") and len(paper["authors"]) == 2
    assert f"version = {{{project['version']}}}" in PAGES["docs/citing.md"]
