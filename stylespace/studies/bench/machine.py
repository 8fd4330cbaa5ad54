"""What a benchmark was measured on and with; nothing that names the machine or its folders."""

import platform
import re
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from stylespace.executors.threads import cores
from stylespace.settings import PACKAGES

PROCESSORS = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Return processor, cores, threads, memory, GPU where there is one, and versions."""
    found = {
        "processor": processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    versions = {name: version(name) for name in PACKAGES}
    return found | {"versions": {**versions, "python": platform.python_version()}}


def processor() -> str:
    """Return the model of the processor, and the best instructions that torch uses on it."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):  # Linux alone has the file
        if named := re.search(r"^model name\s*:\s*(.+)$", PROCESSORS.read_text(), re.MULTILINE):
            model = named[1]
    return f"{model} ({torch.backends.cpu.get_cpu_capability()})"
