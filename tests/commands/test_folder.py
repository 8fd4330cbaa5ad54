"""The engine of folders that are filled piece by piece: kept, gone on with, taken back."""

import pytest

from stylespace.commands.folder import Folder, resume
from stylespace.errors import OutputError


def listed(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def making(log, stop=None, error=KeyboardInterrupt):
    def make(missing):
        for piece in missing:
            if piece == stop:
                raise error
            log.append(piece)
            yield piece, piece * 10

    return make


def test_only_what_is_missing_is_made_and_all_is_in_order():
    log = []
    assert resume([3, 1, 2], {1: 7}.get, making(log)) == ({3: 30, 1: 7, 2: 20}, False)
    assert log == [3, 2]
    done, interrupted = resume([3, 1, 2], {1: 7}.get, making(log))
    assert list(done) == [3, 1, 2] and not interrupted


def test_what_is_known_may_be_empty():
    log = []
    assert resume([1, 2], {1: ""}.get, making(log)) == ({1: "", 2: 20}, False)
    assert log == [2]


def test_ctrl_c_leaves_what_is_done_and_is_handed_on_where_nothing_is():
    assert resume([1, 2, 3], {}.get, making([], stop=2)) == ({1: 10}, True)
    assert resume([1, 2, 3], {3: 5}.get, making([], stop=1)) == ({3: 5}, True)
    with pytest.raises(KeyboardInterrupt):
        resume([1, 2, 3], {}.get, making([], stop=1))


def test_other_errors_are_handed_on():
    with pytest.raises(OutputError):
        resume([1, 2], {}.get, making([], stop=2, error=OutputError("no.")))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError])
def test_a_folder_without_results_goes_again(tmp_path, error):
    with pytest.raises(error), Folder(tmp_path / "a", "x\n", inside=("cells",)).opened():
        assert listed(tmp_path) == ["a", "a/cells", "a/recipe.toml"]
        raise error
    assert listed(tmp_path) == []


def test_a_folder_with_results_stays_and_is_known_by_its_mark(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(OutputError), Folder(path, "x\n").opened():
        (path / "1.png").touch()
        raise OutputError("no.")
    with Folder(path, "x\n").opened():
        pass
    assert listed(path) == ["1.png", "recipe.toml"]
    with pytest.raises(OutputError, match="--force"), Folder(path, "y\n").opened():
        pytest.fail("not ours")
    assert (path / "recipe.toml").read_text() == "x\n"
    with Folder(path, "y\n", exact=False).opened():
        assert (path / "recipe.toml").read_text() == "y\n"


def test_force_takes_back_its_own_files_alone(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(KeyboardInterrupt), Folder(tmp_path, "x\n", force=True).opened():
        raise KeyboardInterrupt
    assert listed(tmp_path) == ["notes"]
