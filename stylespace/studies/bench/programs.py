"""Programs, each in a process of its own: how long one takes, and how much memory it holds."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from stylespace.commands.sight import SIGHT
from stylespace.settings import BenchSettings
from stylespace.studies.bench.rows import UnmeasuredError, seconds

OURS = "stylespace.__main__"
MEASURE = """
import sys
from importlib import import_module
import torch

def peak():
    try:
        with open("/proc/self/status") as status:
            return int(status.read().split("VmHWM:")[1].split()[0])
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

base, module = peak(), sys.argv.pop(1)
code = import_module(module).main()
if not code:
    print(base, peak(), file=sys.stderr)
sys.exit(code)
"""
"""A program in Python that tells its memory in KiB: once torch was imported, and the most of it.

Linux lets ru_maxrss of a process begin where that of its parent was, which may be larger.
"""


@dataclass(frozen=True)
class Run:
    """What a program took.

    seconds: of its whole process. peak, above: MiB that it held at most, and those beyond what it
    held once torch was imported. text: what it wrote on stdout.
    """

    seconds: float
    peak: float
    above: float
    text: str

    @property
    def figures(self) -> dict[str, float]:
        """Its memory as columns of a table."""
        return {"peak MiB": self.peak, "above torch MiB": self.above}


def measured_run(module: str, arguments: Sequence[str], folder: Path | str) -> Run:
    """Run the `main` of a module in a process of its own, in a folder, and measure it.

    Raises:
        UnmeasuredError: it failed, with its last line.
    """
    command, done = [sys.executable, "-c", MEASURE, module, *arguments], []

    def run() -> None:
        done.append(subprocess.run(command, capture_output=True, text=True, cwd=folder))

    took = seconds(run)
    *_, last = ["it said nothing", *done[0].stderr.strip().splitlines()]
    if done[0].returncode:
        raise UnmeasuredError(f"{module} failed: {last}")
    base, peak = (int(number) / 1024 for number in last.split())
    return Run(took, peak, peak - base, done[0].stdout)


def at_once(count: int, *arguments: str) -> None:
    """Run the program with the same arguments several times at once, in a folder that goes again.

    Raises:
        UnmeasuredError: one failed.
    """
    command = [sys.executable, "-m", "stylespace", *arguments, "--quiet"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        programs = []
        for number in range(count):
            own = Path(folder, str(number))
            own.mkdir()
            program = subprocess.Popen(
                command, cwd=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            programs.append(running.enter_context(program))
        if any([program.wait() for program in programs]):
            raise UnmeasuredError(f"stylespace {arguments[0]} failed")


def python(*arguments: str) -> None:
    """Run Python."""
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)


def sight_options(settings: BenchSettings) -> list[str]:
    """Return the options that give a command the network of the benchmark."""
    given = {name: getattr(settings, name) for name in SIGHT}
    return [part for name, value in given.items() if value for part in (f"--{name}", value)]
