"""Output files: checked before a long run, written whole or not at all, never over another."""

import errno
import itertools
import os
import platform
import secrets
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from stylespace.errors import OutputError, nearest
from stylespace.files.documents import read_data

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

STYLE_SUFFIX = ".style.safetensors"
"""How a style file's name ends."""

NEAR = 0.7
"""Share of its letters that another file's name has, where that may be the one that was meant."""

_PART = f".stylespace-{zlib.crc32(platform.node().encode()):08x}-"
"""How the names of unfinished files begin: with the machine's mark, then the process's number."""
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


def sweep(folder: Path) -> None:
    """Remove what programs of this machine left of files that they were writing when they died."""
    with suppress(OSError):
        for path in folder.glob(f"{_PART}*.part"):
            number = path.name.removeprefix(_PART).partition("-")[0]
            if number.isdecimal() and not _runs(int(number)):
                _remove(path)


def _runs(number: int) -> bool:
    """Say whether there is a process of that number."""
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def _temporary(folder: Path) -> Path:
    return folder / f"{_PART}{os.getpid()}-{secrets.token_hex(8)}.part"


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
