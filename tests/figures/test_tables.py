"""Tables and pages: a name that somebody chose is a name, neither a formula nor a link."""

import csv
import io
import math
import re

import pytest

from stylespace.figures.markdown import plain, table
from stylespace.figures.tables import csv_text
from stylespace.reports.records import csv as records_csv

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "=")
WRITERS = (lambda rows: csv_text(rows, ["a"]), lambda rows: records_csv(rows).decode())
PLAIN = ("a=1", "1-2", "'x", "", "-1.5", "+3e4", " =1", "Größe")


def cells(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(text):
    shown = "'" + text.replace("\r", "\n")
    found = cells(csv_text([{"a": text, text: 1}], ["a", text]))
    assert found == [["a", shown], [shown, "1"]]
    found = cells(records_csv([{"a": text, "b": -1.5}]).decode())
    assert found == [["a", "b"], [shown, "-1.5"]]


def test_no_cell_begins_a_row_of_its_own():
    for text in ("a\r=1", "a\n=1", "a\r\n=1", 'a"\n=1'):
        for table_of in WRITERS:
            assert cells(table_of([{"a": text}]))[1:] == [[text.replace("\r", "\n")]]


@pytest.mark.parametrize("digits", [None, 3])
def test_other_texts_and_numbers_stay_as_they_are(digits):
    rows = [{"a": text, "b": -0.25, "c": -3, "d": True} for text in PLAIN]
    found = cells(csv_text(rows, ["a", "b", "c", "d", "e"], digits=digits))
    assert found[1:] == [[text, "-0.25", "-3", "True", ""] for text in PLAIN]
    empty = csv_text([{"a": math.nan}], ["a"], digits=digits)
    assert cells(empty)[1] == (["nan"] if digits is None else [""])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("![x](y)", r"!\[x\](y)"),
        ("<img src=x>&amp;", "&lt;img src=x&gt;&amp;amp;"),
        ("a|b`c*d\\", r"a\|b\`c\*d\\"),
        ("a\x1b[31m\nb", r"a\\x1b\[31m\\nb"),
        ("style_distance 1.5e-05 -", "style_distance 1.5e-05 -"),
    ],
)
def test_markdown_shows_a_name_as_it_is(name, shown):
    assert plain(name) == shown
    line = table([[name, "1"]], ["", "b"]).splitlines()[-1]
    assert re.fullmatch(rf"\| {re.escape(shown)} +\| +1 +\|", line)
