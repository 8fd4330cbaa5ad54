"""The page of a folder of pictures is made from what they carry."""

import pytest
from command_line import SMALL, picture_file

from stylespace.errors import PictureError
from stylespace.studies import gallery


@pytest.fixture
def folder(call, tmp_path):
    source = picture_file(tmp_path / "source.png")
    for name in ("b", "a"):
        out = tmp_path / f"{name}.jpg"
        made = call("texture", source, "--layers", "conv1_1", *SMALL, "--out", out)
        assert made.code == 0, made.err
    return tmp_path


def test_a_page_shows_pictures_and_their_figures(folder):
    gallery.main([str(folder), "--title", "Two", "--text", "Made alike."])
    text = (folder / "README.md").read_text()
    assert text.startswith("# Two\n\nMade alike.\n\n<table>")
    assert text.index('src="a.jpg"') < text.index('src="b.jpg"')
    assert 'href="a-figure.png"' in text and "source.png" not in text
    rows = [line for line in text.splitlines() if line.startswith("| a ")]
    assert len(rows) > 10 and len(set(map(len, text.splitlines()))) > 1
    assert "Network vgg19-norm, average pooling, zeros padding" in text


def test_a_folder_without_recipes_is_refused(tmp_path):
    picture_file(tmp_path / "plain.png")
    with pytest.raises(PictureError, match="no pictures that carry a recipe"):
        gallery.page(tmp_path, title="None")
