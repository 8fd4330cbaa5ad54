"""Messages: one line, and nothing in them that steers a terminal."""

import pickle

import pytest

from stylespace.errors import PictureError, StylespaceError, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe, 海 💥\u3000\xa0", "Größe, 海 💥\u3000\xa0"),
        ("\x1b]0;title\x07.png", r"\x1b]0;title\x07.png"),
        ("a\nb\tc\rd\x7f\x9b31m", r"a\nb\tc\rd\x7f\x9b31m"),
        ("\u202egnp.\u2028", r"\u202egnp.\u2028"),
        ("\udcff'\\", "\\udcff'\\"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown == printable(shown)
    assert str(StylespaceError(text)) == shown


def test_an_error_keeps_its_kind_and_message_between_processes():
    error = pickle.loads(pickle.dumps(PictureError("a\x1bb")))
    assert type(error) is PictureError and str(error) == r"a\x1bb"
