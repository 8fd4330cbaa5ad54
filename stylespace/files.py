"""Files: outputs written whole or not at all, never over another; documents read within bounds."""

import errno
import itertools
import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from stylespace.errors import OutputError, nearest

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STYLE_SUFFIX = ".style.safetensors"
"""How a style file's name ends."""

LONGEST, LONGEST_OWN = 1 << 20, 1 << 24
"""Bytes of the longest document that is read: a recipe, and what grows with the pictures."""
DEEPEST, LARGEST = 8, 2**63 - 1
"""Levels of tables and lists in a document, and its largest whole number: TOML's, and a seed's."""

_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|"(?:\\.|[^"\\\n])*"'  # basic texts of TOML, then literal ones
    r"|'''.*?'{3,5}|'[^'\n]*'|#[^\n]*",
    re.DOTALL,
)
_DEEP_KEY = re.compile(rf"(?:\.[^.,=\[\]{{}}\n]*+){{{DEEPEST}}}")
_TOO_DEEP = f"nested more than {DEEPEST} levels deep"
NEAR = 0.7
"""Share of its letters that another file's name has, where that may be the one that was meant."""

_FORCE = "add --force to replace it, or choose another --out"
_ELSEWHERE = "choose another --out"
_REMEDIES = {
    errno.EEXIST: _FORCE,
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), f"create the folder first, or {_ELSEWHERE}"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), f"free some space, or {_ELSEWHERE}"),
    errno.EFBIG: f"make the result smaller, or {_ELSEWHERE}",
    errno.ENAMETOOLONG: "choose a shorter --out",
    **dict.fromkeys((errno.EACCES, errno.EPERM), f"allow writing to the folder, or {_ELSEWHERE}"),
}


def check_output(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Refuse an output that could not be written, before hours are spent on it.

    Args:
        path: the file to be written; its folder must exist and take new files.
        force: accept a file that exists already, to be replaced.

    Returns:
        `path` as a `Path`.

    Raises:
        OutputError: the folder is missing, is not a folder or cannot be written to; the file
            exists and `force` is not given; or `path` is a folder, a device or a pipe.
    """
    path = Path(path)
    _refuse_taken(path, force)
    trial = _temporary(path.parent)
    try:
        trial.touch(exist_ok=False)  # permission bits do not say it: root and read-only mounts
    except OSError as error:
        raise _failure(path, error) from error
    finally:
        _remove(trial)
    return path


def numbered(folder: str | os.PathLike[str], stem: str, suffix: str) -> Iterator[Path]:
    """Yield `stem.suffix`, `stem-2.suffix`, `stem-3.suffix`..., without end.

    `suffix` may carry its dot or not; empty, it gives names for folders.
    """
    ending = f".{suffix.removeprefix('.')}" if suffix else ""
    yield Path(folder, f"{stem}{ending}")
    yield from (Path(folder, f"{stem}-{number}{ending}") for number in itertools.count(2))


def check_folder(folder: Path, mark: str, text: str | None, *, force: bool = False) -> None:
    """Refuse a folder for many files unless it is free, empty, or one that `mark` tells is ours.

    Args:
        folder: need not exist; its own folder must.
        mark: name of the file in it that says what made the folder.
        text: what that file must hold for the folder to be gone on with; None for anything.
        force: accept a folder that holds anything else.

    Raises:
        OutputError: see above, or it cannot be written to.
    """
    if not os.path.lexists(folder):
        check_output(folder)
        return
    if not folder.is_dir():
        raise OutputError(f"{_shown(folder)}: a file, where a folder is needed; {_ELSEWHERE}.")
    check_output(folder / ".trial", force=True)
    known = (folder / mark).is_file() if text is None else holds(folder / mark, text)
    if not force and any(folder.iterdir()) and not known:
        raise OutputError(
            f"{_shown(folder)}: this folder holds the results of another call, or other files; "
            f"{_ELSEWHERE}, or add --force."
        )


def holds(path: Path, text: str) -> bool:
    """Say whether a file is there and holds exactly this text."""
    try:
        return read_data(path, len(text.encode())) == text.encode()
    except OSError:
        return False


def read_data(path: str | os.PathLike[str], longest: int = LONGEST) -> bytes:
    """Return what an ordinary file holds; a pipe or a device is not waited for.

    Raises:
        OSError: it cannot be read, is no ordinary file, or has more than `longest` bytes.
    """
    with _opened(path) as file:
        data = file.read(longest + 1)
    if len(data) > longest:
        raise OSError(f"more than {longest:,} bytes")
    return data


def check_header(path: str | os.PathLike[str]) -> None:
    """Refuse a safetensors file whose header is not worth reading, before any of it is held.

    Raises:
        OSError: it cannot be read, is no ordinary file, or its header is too long.
    """
    with _opened(path) as file:
        if int.from_bytes(file.read(8), "little") > LONGEST_OWN:
            raise OSError(f"a header of more than {LONGEST_OWN:,} bytes")


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says what it is
        raise OSError("not an ordinary file")
    return open(path, "rb")


def parsed_json(text: str | bytes) -> Any:
    """Return what a document in JSON holds; ValueError if none, too deep, or a number too large."""
    return _bounded(json.loads, text)


def parsed_toml(text: str) -> dict[str, Any]:
    """Return what a document in TOML holds; ValueError if none, too deep, a number too large."""
    if _DEEP_KEY.search(_QUOTED.sub("", text)):  # here: a long key costs the parser its square
        raise ValueError(_TOO_DEEP)
    return _bounded(tomllib.loads, text)


def _bounded(parse: Callable[[Any], Any], text: str | bytes) -> Any:
    """Parse a document; refuse one that is nested too deep, or a whole number that is too long."""
    try:
        document = parse(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [document]
    for _ in range(DEEPEST + 1):
        if any(isinstance(item, int) and abs(item) > LARGEST for item in level):
            raise ValueError(f"a whole number beyond {LARGEST}")
        tables = [item for item in level if isinstance(item, dict | list)]
        level = [v for t in tables for v in (t.values() if isinstance(t, dict) else t)]
    if level:
        raise ValueError(_TOO_DEEP)
    return document


def hint_beside(path: Path, words: Iterable[str] = ()) -> str:
    """Return `` Did you mean 'x'?`` for a name near that of a missing file, or an empty string.

    Suffixes are not compared: they make all pictures alike. words: that may be meant as well.
    """
    names = sorted(_names_beside(path), reverse=True)  # of equal stems the last is taken
    names.sort(key=lambda name: Path(name).suffix == path.suffix)
    return nearest(path.name, (*names, *words), least=NEAR, part=lambda name: Path(name).stem)


def _names_beside(path: Path) -> list[str]:
    """Return the names in the folder of `path`; none if unreadable."""
    try:
        return os.listdir(path.parent)
    except (OSError, ValueError):  # no folder, or a zero byte in its name
        return []


def write_whole(
    path: str | os.PathLike[str],
    write: bytes | Callable[[BinaryIO], object],
    *,
    force: bool = False,
) -> None:
    """Write a file whole or not at all.

    The bytes go to a hidden file in the same folder, reach the disk, and then take the name in
    one step. Whatever interrupts this, Ctrl-C included, leaves neither a part nor a hidden file.

    Args:
        path: the file to write.
        write: its bytes, or a callable that writes them into the binary file that it receives.
        force: replace a file that exists. Without it no file is ever replaced, not even one
            that another program creates meanwhile.

    Raises:
        OutputError: the file exists and `force` is not given, or it cannot be written.
    """
    path = Path(path)
    _refuse_taken(path, force)
    temporary = _temporary(path.parent)
    try:
        _fill(temporary, write)
        os.replace(temporary, path) if force else _claim(temporary, path)
    except OSError as error:
        raise _failure(path, error) from error
    finally:
        _remove(temporary)


def hold(path: Path) -> BinaryIO | None:
    """Hold a file against other programs, until the answer is closed or this program ends.

    Returns None where another one holds it; on systems without such locks nobody ever does.
    """
    file = path.open("rb")
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:  # a file system that has no locks
            pass
    return file


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """Write {name: content} into a folder, each whole, replacing those of an earlier call.

    Raises:
        OutputError: a file cannot be written.
    """
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        write_whole(folder / name, data, force=True)


def _refuse_taken(path: Path, force: bool) -> None:
    """Raise unless `path` is free, or an ordinary file that `force` may replace."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(path, error) from error
    except ValueError as error:  # a zero byte in the name
        raise OutputError(f"{_shown(path)}: not a file name; {_ELSEWHERE}.") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"{_shown(path)}: this is a folder, not a file; {_ELSEWHERE}.")
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OutputError(f"{_shown(path)}: not an ordinary file; {_ELSEWHERE}.")
    if not force:
        raise OutputError(f"{_shown(path)}: the file exists already; {_FORCE}.")


def _fill(temporary: Path, write: bytes | Callable[[BinaryIO], object]) -> None:
    with open(temporary, "x+b") as file:  # a plain open follows the umask, mkstemp does not
        write(file) if callable(write) else file.write(write)
        file.flush()
        os.fsync(file.fileno())


def _claim(temporary: Path, path: Path) -> None:
    """Give `temporary` the name `path`, which must be free, without a moment for a race."""
    try:
        os.link(temporary, path)  # fails where the name is taken; os.replace would not
    except FileExistsError:
        raise
    except OSError:  # file systems refuse hard links with various codes
        _claim_without_links(temporary, path)


def _claim_without_links(temporary: Path, path: Path) -> None:
    """Do the same on a file system without hard links: own an empty file, then replace it."""
    path.touch(exist_ok=False)
    try:
        os.replace(temporary, path)
    except BaseException:
        _remove(path)
        raise


def _temporary(folder: Path) -> Path:
    return folder / f".stylespace-{secrets.token_hex(8)}.part"


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _failure(path: Path, error: OSError) -> OutputError:
    """Build the one line for an operating system's error: path, cause, remedy."""
    cause = (error.strerror or str(error)).lower()
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and not path.parent.is_dir():
        cause = f"there is no folder {_shown(path.parent)}"
    elif error.errno == errno.EEXIST:
        cause = "the file exists already"
    remedy = _REMEDIES.get(error.errno or 0, _ELSEWHERE)
    return OutputError(f"{_shown(path)}: {cause}; {remedy}.")


def _shown(path: Path) -> str:
    return repr(str(path))
