"""The page of a folder of pictures is made from what they carry."""

import pytest
from command_line import SMALL, picture_file

from stylespace.errors import PictureError
from stylespace.images import read_image
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
    assert "Network vgg19-norm, average pooling, auto padding" in text


def test_pictures_of_a_sample_stand_beside_it_in_the_order_asked_for(call, tmp_path):
    for name, source in (("b", "durer-lion"), ("a", "durer-lion"), ("c", "gogh-auvers")):
        options = ("--layers", "conv1_1", *SMALL, "--out", tmp_path / f"{name}.jpg")
        assert call("texture", f"sample:{source}", *options).code == 0
    gallery.main([str(tmp_path), "--order", "c", "b"])
    text = (tmp_path / "README.md").read_text()
    first, second = [line for line in text.splitlines() if line.startswith("<tr>")]
    assert first.index("source-gogh-auvers.jpg") < first.index("c.jpg") and "b.jpg" not in first
    places = [second.index(f'src="{one}"') for one in ("source-durer-lion.jpg", "b.jpg", "a.jpg")]
    assert places == sorted(places)
    assert read_image(tmp_path / "source-durer-lion.jpg").shape[3] == gallery.SHOWN


def test_a_folder_without_recipes_is_refused(tmp_path):
    picture_file(tmp_path / "plain.png")
    with pytest.raises(PictureError, match="no pictures that carry a recipe"):
        gallery.page(tmp_path, title="None")
