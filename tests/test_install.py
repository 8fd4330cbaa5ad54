"""The wheel: what it holds, and that it works where there is no checkout and no network."""

import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from command_line import ONE_THREAD, strict_json

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run([*command, ROOT], check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_data_exactly_once(names):
    assert len(names) == len(set(names))
    data = [path.relative_to(ROOT) for path in (ROOT / "data").rglob("*") if path.is_file()]
    data = [path for path in data if "__pycache__" not in path.parts]
    expected = {f"stylespace/{path.as_posix()}" for path in data}
    assert {name for name in names if name.startswith("stylespace/data/")} == expected
    files = [Path(name).name for name in names]
    assert files.count("vgg16-hed.safetensors") == files.count("vgg19-norm.safetensors") == 1
    assert sum(name.endswith(".jpg") for name in names) == 12
    assert sum("stylespace/data/licences/" in name for name in names) == 4


def test_the_wheel_holds_nothing_else(names):
    known = re.compile(
        r"stylespace/(\w+/){0,2}\w+\.py|stylespace/py\.typed"
        r"|stylespace/(reports|figures/pages|commands/atlas)/\w+\.(css|js|html\.j2)"
        r"|stylespace/reports/glossary\.toml"
        r"|stylespace/data/.+|stylespace-[\d.]+\.dist-info/.+"
    )
    strays = [name for name in names if not known.fullmatch(name)]
    assert strays == []
    assert not [name for name in names if "pycache" in name or name.endswith(".pyc")]
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "stylespace").rglob("*.py")}
    assert modules <= set(names)
    package = ROOT / "stylespace"
    parts = [one for kind in ("css", "js", "j2", "toml") for one in package.rglob(f"*.{kind}")]
    assert {path.relative_to(ROOT).as_posix() for path in parts} <= set(names)
    assert "stylespace/py.typed" in names


def test_the_wheel_names_its_licences(wheel, names):
    info = next(name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(info).decode()
    assert "License-Expression: MIT AND CC-BY-4.0 AND GPL-3.0-or-later" in metadata
    assert metadata.count("License-File: ") == 5


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of a fresh environment that holds the wheel; its dependencies are borrowed."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    borrowed = sysconfig.get_path("purelib")
    (packages / "borrowed.pth").write_text(f"{borrowed}\n")  # a plain path runs no .pth inside it
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    options = ["--quiet", "--no-deps", "--no-index", "--force-reinstall", "--no-compile"]
    options += ["--ignore-installed", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, wheel], check=True, capture_output=True, timeout=120)
    return folder


def program(installed, *arguments, cwd):
    command = [installed / "bin" / "stylespace", *arguments]
    options = {"env": ONE_THREAD, "cwd": cwd, "timeout": 120}
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    code = "import stylespace; print(stylespace.__file__)"
    command = [installed / "bin" / "python", "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert Path(found.stdout.strip()).is_relative_to(installed)


def test_the_installed_program_makes_a_probe_with_the_embedded_weights(installed, tmp_path):
    options = ("--size", "64", "--iterations", "12", "--device", "cpu", "--json")
    entry = ("--layer", "conv3_1", "--entry", "12,40")
    result = program(installed, "probe", *entry, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    names = ["probe-conv3_1-12-40.png", "probe-conv3_1-12-40-figure.png"]
    assert strict_json(result.stdout)["outputs"] == names
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_the_installed_program_finds_its_samples(installed, tmp_path):
    options = ("--layers", "conv1_1", "--size", "32", "--iterations", "2", "--device", "cpu")
    pictures = ("sample:chelsea", "sample:durer-lion")
    result = program(installed, "transfer", *pictures, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert '"count": 26' in program(installed, "samples", "--json", cwd=tmp_path).stdout
    assert program(installed, "--version", cwd=tmp_path).stdout == "stylespace, version 0.2.0\n"
