"""Output files: refused early, written whole or not at all, never over another."""

import errno
import itertools
import os
import stat
import subprocess
import sys
import threading
import tomllib

import pytest
from timing import quickest

from stylespace.errors import OutputError
from stylespace.files import (
    LONGEST,
    check_output,
    holds,
    numbered,
    parsed_json,
    parsed_toml,
    read_data,
    write_whole,
)
from stylespace.files import outputs as files


def refusal(function, *arguments, **options):
    with pytest.raises(OutputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def failing(code):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.fixture(params=["ramfs", "ro"])
def mount(request, tmp_path):
    """A real file system of 64 KiB, or a read-only one; skipped where mounting is not allowed."""
    folder = tmp_path / request.param
    folder.mkdir()
    options = "size=64k" + (",ro" if request.param == "ro" else "")
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_check_output_leaves_the_folder_as_it_was(tmp_path):
    assert check_output(str(tmp_path / "a.png")) == tmp_path / "a.png"
    assert os.listdir(tmp_path) == []


def test_check_output_refuses_what_exists_unless_forced(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    message = refusal(check_output, path)
    assert str(path) in message and "--force" in message and "another --out" in message
    assert check_output(path, force=True) == path
    assert path.read_bytes() == b"old"


def test_check_output_takes_a_dangling_link_for_a_file(tmp_path):
    (tmp_path / "link.png").symlink_to("nowhere")
    assert "exists" in refusal(check_output, tmp_path / "link.png")


@pytest.mark.parametrize("force", [False, True])
def test_check_output_refuses_every_wrong_place(tmp_path, force):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    assert "folder" in refusal(check_output, tmp_path, force=force)
    assert "no folder" in refusal(check_output, tmp_path / "none" / "a.png", force=force)
    assert "no folder" in refusal(check_output, tmp_path / "file" / "a.png", force=force)
    assert "ordinary" in refusal(check_output, tmp_path / "pipe", force=force)
    assert "shorter" in refusal(check_output, tmp_path / ("a" * 300), force=force)
    assert "file name" in refusal(check_output, "a\0b", force=force)
    refusal(check_output, tmp_path / "line\nbreak" / "a.png", force=force)


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_check_output_tries_the_folder_truly(tmp_path, monkeypatch, code):
    monkeypatch.setattr(files.Path, "touch", lambda *_, **__: failing(code)())
    message = refusal(check_output, tmp_path / "a.png")
    assert os.strerror(code).lower() in message and "--out" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root ignores permission bits")
def test_check_output_refuses_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    assert "permission" in refusal(check_output, tmp_path / "a.png")
    tmp_path.chmod(0o700)


def test_names_are_counted_from_two(tmp_path):
    for suffix in (".png", "png"):
        names = list(itertools.islice(numbered(tmp_path, "a", suffix), 3))
        assert names == [tmp_path / "a.png", tmp_path / "a-2.png", tmp_path / "a-3.png"]
    assert next(numbered(tmp_path, "a-report", "")) == tmp_path / "a-report"


@pytest.mark.parametrize("links", [True, False])
def test_write_whole_writes_bytes_or_calls(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    write_whole(tmp_path / "a", b"bytes")
    write_whole(str(tmp_path / "b"), lambda file: file.write(b"call"))
    assert (tmp_path / "a").read_bytes() == b"bytes"
    assert (tmp_path / "b").read_bytes() == b"call"
    assert "exists" in refusal(write_whole, tmp_path / "a", b"new")
    write_whole(tmp_path / "b", b"new", force=True)
    assert (tmp_path / "a").read_bytes() == b"bytes"
    assert (tmp_path / "b").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_write_whole_fits_the_longest_name(tmp_path):
    write_whole(tmp_path / ("a" * 255), b"x")
    assert os.listdir(tmp_path) == ["a" * 255]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_write_whole_follows_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@pytest.mark.parametrize("links", [True, False])
def test_write_whole_does_not_replace_a_file_that_appears_meanwhile(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EOPNOTSUPP))
    path = tmp_path / "a"

    def write(file):
        file.write(b"ours")
        path.write_bytes(b"theirs")

    assert "--force" in refusal(write_whole, path, write)
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["a"]


def test_of_many_writers_one_wins(tmp_path):
    path, outcomes, start = tmp_path / "a", [], threading.Barrier(8)

    def write(number):
        start.wait()
        try:
            write_whole(path, bytes([number]) * 1000)
            outcomes.append(number)
        except OutputError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert path.read_bytes() == bytes(outcomes) * 1000
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
@pytest.mark.parametrize("force", [False, True])
def test_an_interrupted_write_leaves_nothing_and_harms_nothing(tmp_path, error, force):
    path = tmp_path / "a"
    if force:
        path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_whole(path, write, force=force)
    assert os.listdir(tmp_path) == (["a"] if force else [])
    assert not force or path.read_bytes() == b"old"


def test_ctrl_c_while_a_name_is_claimed_without_links_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a", b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_forced_write_leaves_the_old_file(tmp_path, monkeypatch, code, step):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, step, failing(code))
    message = refusal(write_whole, path, b"new", force=True)
    assert os.strerror(code).lower() in message and "another --out" in message
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_is_one_line(tmp_path):
    def write(_):
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")

    assert "no space left" in refusal(write_whole, tmp_path / "a", write)
    assert os.listdir(tmp_path) == []


def test_real_file_systems_that_take_nothing(mount):
    if mount.name == "ro":
        assert "read-only" in refusal(check_output, mount / "a")
        assert "read-only" in refusal(write_whole, mount / "a", b"x")
    else:
        write_whole(mount / "a", b"small")
        assert "no space left" in refusal(write_whole, mount / "a", bytes(1 << 17), force=True)
        assert (mount / "a").read_bytes() == b"small"
        assert os.listdir(mount) == ["a"]


def test_write_whole_refuses_wrong_places(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "folder" in refusal(write_whole, tmp_path, b"x", force=True)
    assert "no folder" in refusal(write_whole, tmp_path / "none" / "a", b"x")
    assert "ordinary" in refusal(write_whole, tmp_path / "pipe", b"x", force=True)
    assert "ordinary" in refusal(write_whole, "/dev/null", b"x", force=True)


def test_files_needs_no_torch():
    code = "import sys, stylespace.files; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- documents within bounds


def test_a_file_is_read_up_to_its_bound_and_no_further(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 10)
    assert read_data(path, 10) == b"x" * 10
    with pytest.raises(OSError, match="more than 9 bytes"):
        read_data(path, 9)
    assert LONGEST == 2**20


def test_what_never_ends_is_not_waited_for(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "zero"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    for path in (pipe, link):
        with pytest.raises(OSError, match="not an ordinary file"):
            read_data(path)
        assert not holds(path, "\0")
    with pytest.raises(IsADirectoryError):
        read_data(tmp_path)


PARTS = ("a", "'b c'", '"d.e"', "4")


def dotted(count, between="."):
    return between.join(PARTS[n % 4] for n in range(count))


@pytest.mark.parametrize("between", [".", " . ", "\t."])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "x = [{{{} = 1}}]", "[[{}]]"])
def test_a_key_of_many_parts_is_refused_before_it_is_parsed(between, form):
    def refused(count):
        with pytest.raises(ValueError, match="nested more than 8 levels"):
            parsed_toml(form.format(dotted(count, between)))

    # Ten times the parts: the parser takes a hundred times as long, 19 s of 20,000.
    assert quickest(lambda: refused(20_000)) < 40 * quickest(lambda: refused(2_000))


@pytest.mark.parametrize(
    "quiet",
    [
        'x = """{}"""',
        'x = """{}""""',
        'x = """\\"""{}"""""',
        "x = '''{}'''''",
        'x = "{}"',
        'x = "\\"{}"',
        "x = '{}'",
        "x = 1 # {}",
        "x = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5] # {}",
    ],
)
def test_dots_in_texts_are_no_levels_and_hide_none(quiet):
    text = quiet.format("...........")
    assert parsed_toml(text) == tomllib.loads(text)
    with pytest.raises(ValueError, match="nested more than 8 levels"):
        parsed_toml(f"{text}\n{dotted(9)} = 1")


def nested(levels, inside="1"):
    return "[" * levels + inside + "]" * levels


def test_eight_levels_and_64_bits_are_read_and_no_more():
    assert parsed_json(nested(8)) == [[[[[[[[1]]]]]]]]
    assert parsed_toml(f"x = {nested(7)}") == {"x": [[[[[[[1]]]]]]]}
    assert parsed_toml(f"{dotted(8)} = 1")
    assert parsed_json("[9223372036854775807, true]") == [2**63 - 1, True]
    for text in (nested(9), nested(100_000)):
        with pytest.raises(ValueError, match="nested more than 8 levels"):
            parsed_json(text)
        with pytest.raises(ValueError, match="nested more than 8 levels"):
            parsed_toml(f"x = {text}")
    for number in ("9223372036854775808", "-9" + "0" * 400):
        with pytest.raises(ValueError, match="whole number beyond"):
            parsed_json(f'{{"a": [{number}]}}')
        with pytest.raises(ValueError, match="whole number beyond"):
            parsed_toml(f"a = [{number}]")


# --- what the dead left


def test_unfinished_files_of_programs_that_ended_are_swept(tmp_path):
    begun = (
        "import os, sys\nfrom pathlib import Path\nfrom stylespace.files import write_whole\n"
        "def write(file):\n    file.write(b'x')\n    file.flush()\n    os.kill(os.getpid(), 9)\n"
        "write_whole(Path(sys.argv[1]) / 'whole.bin', write)\n"
    )
    subprocess.run([sys.executable, "-c", begun, str(tmp_path)])
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    mine = left.with_name(left.name.replace(left.name.split("-")[2], str(os.getpid())))
    others = left.with_name(".stylespace-00000000-1-ab.part")  # of another machine
    for path in (mine, others):
        path.write_bytes(b"y")
    files.sweep(tmp_path)
    assert {*tmp_path.iterdir()} == {mine, others}
