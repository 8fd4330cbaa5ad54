"""Checkpoints: a run that was killed goes on where it was, and ends with the same bytes."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from stylespace.errors import OutputError
from stylespace.files import hold, sweep, write_whole

EVERY = 10.0
"""Seconds after which the state is on the disk again, one evaluation more or less."""
KIND = "stylespace-checkpoint-1"


@dataclass(frozen=True)
class State:
    """What a loop needs to go on.

    tensors: by name, of any shape. record: what JSON holds, numbers exactly.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


def named(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors with `name` and a dot before their names; `part` takes them out again."""
    return {f"{name}.{key}": tensor for key, tensor in tensors.items()}


def part(name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `name` and a dot, without that."""
    start = f"{name}."
    return {k.removeprefix(start): tensor for k, tensor in tensors.items() if k.startswith(start)}


class Checkpoint:
    """The state of a run, kept in a file: of one call of `synthesize`, or of several in turn.

    The program around the calls is run again after a kill and must be deterministic: the first
    calls, those that were finished, are answered from the file; the next goes on where it was.
    A context manager: left without an error it removes the file, left by an error it keeps it if
    there is something to go on from. While it is open no other program can open it.

    Args:
        path: of the file; NAME.checkpoint beside an output NAME.
        identity: texts that must be the same for a state to be gone on with, by name.
        notes: further texts for whoever reads the file, by name.
        say: told in a line what comes of a file that is there, or cannot be written.

    Raises:
        OutputError: another program has it open, or the first write fails.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, str],
        *,
        notes: Mapping[str, str] | None = None,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.path, self._identity, self._notes = path, dict(identity), dict(notes or {})
        self._say = say
        self._saved: list[State] = []  # of the calls that the file knows; the last may be under way
        self._calls: list[State] = []  # of this program, those that are finished
        self._lock: BinaryIO | None = None
        self._due, self._last, self._broken = 0.0, 0.0, False
        self._worth = False  # whether the file holds a state

    def __enter__(self) -> Self:
        sweep(self.path.parent)
        if self.path.exists():
            self._lock = hold(self.path)
            if self._lock is None:
                raise OutputError(f"{str(self.path)!r}: another run is at work on this output.")
            self._saved = self._read()
        if self._saved:
            self._worth = True
            self._say(f"going on from {str(self.path)!r}; delete it to begin anew.")
        else:
            self._write([])
        self._due = time.monotonic() + EVERY
        self._last = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._worth:
            self._say(f"{str(self.path)!r} is kept: the same command goes on from there.")
        else:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()

    def known(self) -> State | None:
        """Return what the file knows of the next call of `synthesize`, or None."""
        number = len(self._calls)
        return self._saved[number] if number < len(self._saved) else None

    def drop(self) -> None:
        """Keep nothing to go on from: the run has failed, and would again."""
        self._worth = False

    def finished(self, state: State) -> None:
        """Take the state of a call that has ended; the next one begins."""
        self._calls.append(state)

    def keep(self, state: Callable[[], State]) -> None:
        """Write the state of the call under way, if it would be too late after one more step."""
        now = time.monotonic()
        step, self._last = now - self._last, now
        if now + step < self._due or self._broken:
            return
        try:
            self._write([*self._calls, state()])
            self._worth = True
        except OutputError as error:
            self._say(f"{error} No more checkpoints: the run goes on, and cannot be resumed.")
            self._broken = True
        self._last = time.monotonic()
        self._due = self._last + EVERY

    def _write(self, states: list[State]) -> None:
        tensors: dict[str, Tensor] = {}
        for number, state in enumerate(states):
            tensors |= named(str(number), state.tensors)
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        metadata = {
            "kind": KIND,
            "identity": json.dumps(self._identity),
            "calls": json.dumps([state.record for state in states]),
            **self._notes,
        }
        fresh: BinaryIO | None = None

        def write(file: BinaryIO) -> None:
            """Fill the new file and hold it before it takes the old one's name."""
            nonlocal fresh
            try:
                safetensors.torch.save_file(whole, file.name, metadata)  # no copy in memory
            except SafetensorError as error:
                raise OSError(str(error)) from error
            fresh = hold(Path(file.name))

        try:
            write_whole(self.path, write, force=True)
        except BaseException:
            if fresh is not None:
                fresh.close()
            raise
        if self._lock is not None:
            self._lock.close()
        self._lock = fresh

    def _read(self) -> list[State]:
        """Return the states of a file, none if it is damaged or another run's; say which."""
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if metadata.get("kind") != KIND:
                raise ValueError
            identity, records = json.loads(metadata["identity"]), json.loads(metadata["calls"])
        except (OSError, ValueError, KeyError, SafetensorError):
            self._say(f"{str(self.path)!r} is no checkpoint that can be read: beginning anew.")
            return []
        differing = [name for name, text in self._identity.items() if identity.get(name) != text]
        if differing:
            self._say(f"the unfinished run had other {', '.join(differing)}: beginning anew.")
            return []
        return [State(part(str(number), tensors), record) for number, record in enumerate(records)]
