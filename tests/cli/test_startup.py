"""Asking for help costs no torch: what answers at once imports nothing slow."""

import subprocess
import sys
import time

import pytest
from command_line import picture_file

QUICK = (
    ("--help",),
    ("--version",),
    ("probe", "--help"),
    ("transfer", "--help"),
    ("bench", "--help"),
    ("features", "--help"),
    ("networks",),
    ("networks", "--json"),
    ("samples",),
    ("score", "--list"),
    ("score", "--list", "--json"),
    ("score", "there.png", "--protocol", "gatys"),
    ("probe", "--entry", "12"),
    ("probe", "--layer", "conv9", "--entry", "1,2"),
    ("nonsense",),
    ("texture", "gone.png"),
    ("texture", "sample:gone"),
    ("probe", "--entry", "1,2", "--out", "there.png"),
    ("run", "gone.toml"),
    ("run", "gone.png"),
)
HEAVY = ("torch", "numpy", "PIL", "matplotlib", "scipy", "skimage", "tqdm")
SPY = (
    "import sys\n"
    "from stylespace.__main__ import main\n"
    "code = main()\n"
    f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
)


@pytest.fixture
def there(tmp_path):
    picture_file(tmp_path / "there.png")
    return tmp_path


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_quick_answers_import_nothing_slow(there, arguments):
    command = [sys.executable, "-c", SPY, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, cwd=there, timeout=60)
    assert result.stderr.splitlines()[-1].endswith(" []"), result.stderr


@pytest.mark.parametrize("arguments", QUICK[:1] + QUICK[2:3] + QUICK[4:9], ids=" ".join)
def test_quick_answers_take_as_long_as_importing_click_five_times(there, arguments):
    commands = ["-m", "stylespace", *arguments], ["-c", "import click"]
    turns = [[seconds([sys.executable, *one], there) for one in commands] for _ in range(4)]
    answer, click = map(min, zip(*turns, strict=True))
    assert answer < 10 * click


def seconds(command, folder):
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, cwd=folder, timeout=60)
    return time.perf_counter() - began


def test_importing_the_package_imports_nothing_slow():
    code = f"import sys, stylespace; assert not [n for n in {HEAVY!r} if n in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_settings_import_nothing_slow():
    code = f"import sys, stylespace.settings; assert not [n for n in {HEAVY!r} if n in sys.modules]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_table_that_workers_fill_costs_no_torch():
    code = "import sys, stylespace.commands.features.making; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_network_of_the_catalogue_costs_no_torchvision():
    code = (
        "import sys, stylespace as ss\n"
        "import stylespace.commands.features.measurer, stylespace.commands.transfer.transfer\n"
        "from stylespace.networks.memory import kept_bytes\n"
        "kept_bytes(ss.load_network(weights='random:0'), ['conv1_1'], 32, 48)\n"
        "assert 'torchvision' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
