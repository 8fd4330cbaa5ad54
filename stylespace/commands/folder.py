"""Folders that are filled piece by piece: what is there is kept, and a stopped call goes on."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stylespace.files import check_folder, sweep, write_whole
from stylespace.settings import RECIPE_FILE

Piece = TypeVar("Piece", bound=Hashable)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Folder:
    """A folder for the results of one recipe.

    recipe: text of the file `mark` in it, by which the folder is known again. exact: that file
    must hold this very text for the folder to be gone on with; otherwise it is replaced. force:
    use a folder that holds anything else. inside: names of folders in it.
    """

    path: Path
    recipe: str
    mark: str = RECIPE_FILE
    exact: bool = True
    force: bool = False
    inside: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder and its mark; both go again if an error comes before any result.

        Raises:
            OutputError: it holds anything else and `force` is not given, or cannot be written to.
        """
        sweep(self.path)
        text = self.recipe if self.exact else None
        check_folder(self.path, self.mark, text, force=self.force)
        ours, before = (*self.inside, self.mark), _names(self.path)
        paths = [*(self.path / name for name in ours), self.path]
        new = [path for path in paths if not path.exists()]
        try:
            for folder in (self.path, *(self.path / name for name in self.inside)):
                folder.mkdir(exist_ok=True)
            write_whole(self.path / self.mark, self.recipe.encode(), force=True)
            yield
        except BaseException:
            if _names(self.path) - before <= set(ours):
                _remove(new)
            raise


def resume(
    pieces: Iterable[Piece],
    known: Callable[[Piece], Result | None],
    make: Callable[[list[Piece]], Iterable[tuple[Piece, Result]]],
) -> tuple[dict[Piece, Result], bool]:
    """Make those of the pieces that are missing; return {piece: result}, and whether Ctrl-C came.

    Args:
        pieces: all that are wanted, in their order, which the results have too.
        known: result of a piece that an earlier call made, if it is whole and was made alike.
        make: yields the missing pieces with their results, each once its files are whole.

    Raises:
        KeyboardInterrupt: Ctrl-C before the first piece was there.
    """
    pieces, interrupted = list(pieces), False
    done: dict[Piece, Result] = {}
    try:
        for piece in pieces:
            if (earlier := known(piece)) is not None:
                done[piece] = earlier
        for piece, result in make([piece for piece in pieces if piece not in done]):
            done[piece] = result
    except KeyboardInterrupt:
        if not done:
            raise
        interrupted = True
    return {piece: done[piece] for piece in pieces if piece in done}, interrupted


def _names(folder: Path) -> set[str]:
    return set(os.listdir(folder)) if folder.is_dir() else set()


def _remove(paths: Sequence[Path]) -> None:
    """Remove files and empty folders, up to the first that cannot be."""
    with suppress(OSError):
        for path in paths:
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
