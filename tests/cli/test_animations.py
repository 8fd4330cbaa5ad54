"""--animate: the course of a run as WebP or MP4."""

import subprocess
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from command_line import SMALL, listing, picture_file
from PIL import Image, ImageSequence

from stylespace.errors import OutputError
from stylespace.images.animation import A_SECOND, write_animation
from stylespace.synthesis.animation import FRAMES, LONGEST, Animation

PROBE = ("probe", "--layer", "conv1_1", "--entry", "4,4", *SMALL)
TEXTURE = ("texture", "sample:durer-lion", "--layers", "conv1_1", *SMALL)
EDIT = ("edit", "sample:durer-lion", "--layers", "conv1_1", "--layer", "conv1_1")
COMMANDS = {
    "probe": PROBE,
    "texture": TEXTURE,
    "edit": (*EDIT, "--entry", "4,4", *SMALL),
    "transfer": ("transfer", "sample:chelsea", *TEXTURE[1:], "--content-layers", "conv1_2"),
}


@dataclass
class Seen:
    """What a watcher sees of an evaluation."""

    number: int
    total: int
    image: torch.Tensor | None


def frames_of(path):
    """The frames of a WebP (H, W, 3), and how long each is shown, in milliseconds."""
    with Image.open(path) as file:
        frames = ImageSequence.Iterator(file)
        shown = [(np.asarray(one.convert("RGB")), one.info["duration"]) for one in frames]
    return zip(*shown, strict=True)


def flat(level, height=24, width=36):
    """A picture of one grey."""
    return torch.full((1, 3, height, width), level)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_last_frame_is_the_result(call, tmp_path, name):
    said = call(*COMMANDS[name], "--animate", "course.webp", "--out", "made.png", "--json")
    assert said.code == 0, said.err
    assert said.json["outputs"][-1] == "course.webp"
    (*_, last), durations = frames_of(tmp_path / "course.webp")
    with Image.open(tmp_path / "made.png") as file:
        result = np.asarray(file.convert("RGB"))
    assert last.shape == result.shape
    grey = [picture.astype(float).mean(2) for picture in (last, result)]  # its colours are halved
    assert np.abs(grey[0] - grey[1]).mean() < 12 and np.corrcoef(*map(np.ravel, grey))[0, 1] > 0.9
    assert sum(durations) == 2 * 1000 // A_SECOND + 1000 and durations[-1] >= 1000


@pytest.mark.parametrize("total", [1, 2, 99, 100, 101, 199, 333, 1000])
def test_frames_are_at_even_steps_and_at_most_so_many(tmp_path, monkeypatch, total):
    written = []
    monkeypatch.setattr(
        "stylespace.synthesis.animation.write_animation",
        lambda path, frames, force: written.extend(frames),
    )
    animation = Animation()
    for number in range(1, total + 1):
        animation.see(Seen(number, total, flat(number / total, 2, 3)))
    animation.write(tmp_path / "a.webp", flat(0.0, 2, 3))
    *course, last = (int(frame[0, 0, 0]) for frame in written)
    assert len(written) <= FRAMES and len(written) >= min(total + 1, FRAMES // 2)
    assert last == 0
    steps = np.arange(1, total + 1)[:: max(1, int(np.ceil(total / (FRAMES - 1))))]
    np.testing.assert_array_equal(course, np.rint(255 * np.float32(steps) / np.float32(total)))


def test_coarser_scales_are_enlarged_and_large_pictures_reduced(tmp_path):
    animation = Animation()
    for number, side in enumerate((6, 12, 24), 1):
        animation.see(Seen(number, 3, flat(number / 4, side, side * 3 // 2)))
    animation.see(Seen(1, 3, None))  # of an earlier program
    animation.write(tmp_path / "a.webp", flat(1.0))
    frames, durations = frames_of(tmp_path / "a.webp")
    assert {frame.shape for frame in frames} == {(24, 36, 3)}
    levels = [frame.mean() / 255 for frame in frames]
    np.testing.assert_allclose(levels, (0.25, 0.5, 0.75, 1), atol=0.02)
    assert durations == (50, 50, 50, 1000)
    large = Animation()
    large.write(tmp_path / "b.webp", flat(0.5, 40, 2 * LONGEST))
    ((frame,), _) = frames_of(tmp_path / "b.webp")
    assert frame.shape == (20, LONGEST, 3)


def test_mp4_has_even_sides_and_holds_the_last_frame(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    levels = [np.full((33, 47, 3), level, np.uint8) for level in (40, 90, 200)]
    write_animation(tmp_path / "a.mp4", levels)
    line = [ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "a.mp4", "-f", "rawvideo"]
    read = subprocess.run([*line, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    assert f" {A_SECOND} fps" in read.stderr.decode() and " 48x34" in read.stderr.decode()
    frames = np.frombuffer(read.stdout, np.uint8).reshape(-1, 34, 48, 3)
    np.testing.assert_allclose(frames.mean((1, 2, 3)), [40, 90, *[200] * A_SECOND], atol=3)


def test_ctrl_c_leaves_what_there_is(call, tmp_path, monkeypatch):
    seen = Animation.see

    def pressed(self, step):
        seen(self, step)
        if step.number == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Animation, "see", pressed)
    said = call(*TEXTURE, "--iterations", "9", "--animate", "a.webp", "--out", "t.png")
    assert said.code == 130 and "t.png holds what was done so far" in said.err
    _, durations = frames_of(tmp_path / "a.webp")
    assert sum(durations) == 1100


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--animate", "a.gif"), "'a.gif': an animation is written as .webp or .mp4."),
        (("--animate", "there.webp"), "'there.webp': the file exists already;"),
        (("--animate", "none/a.webp"), "there is no folder 'none'"),
        (("--animate", "a.webp", "--out", "a.webp"), "'a.webp' is named twice"),
        (("--animate", "a.webp", "--preview", "a.webp"), "'a.webp' is named twice"),
        (("--animate", "a.webp", "--entry", "5,5"), "--animate follows one picture"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(call, tmp_path, more, told):
    picture_file(tmp_path / "there.webp")
    before = listing()
    said = call(*PROBE, *more)
    assert said.code and said.err.startswith(f"stylespace: {told}") or told in said.err
    assert len(said.err.splitlines()) <= 2
    assert listing() == before


def test_a_folder_of_contents_and_a_grid_are_refused(call, tmp_path):
    (tmp_path / "in").mkdir()
    picture_file(tmp_path / "in/a.png")
    said = call("transfer", "in", "sample:durer-lion", *SMALL, "--animate", "a.webp")
    assert said.code == 2 and "--animate follows one picture" in said.err
    grid = 'command = "texture"\nsources = ["sample:durer-lion"]\nseed = [0, 1]\n'
    (tmp_path / "g.toml").write_text(grid)
    said = call("run", "g.toml", "--animate", "a.webp")
    assert said.code == 2 and "--animate follows one picture, and a grid makes many" in said.err


def test_mp4_without_its_encoder_is_refused_with_the_remedy(call, monkeypatch):
    monkeypatch.setattr("stylespace.cli.outputs.find_spec", lambda name: None)
    said = call(*PROBE, "--animate", "a.mp4")
    assert said.code == 1
    assert said.err == (
        "stylespace: 'a.mp4': MP4 needs imageio-ffmpeg: pip install 'stylespace[animate]', or use "
        ".webp.\n"
    )


def test_a_frame_that_cannot_be_encoded_leaves_no_file(tmp_path):
    with pytest.raises(OutputError, match=r"not encoded .* use \.webp\."):
        write_animation(tmp_path / "a.webp", [np.zeros((2, 20_000, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []
