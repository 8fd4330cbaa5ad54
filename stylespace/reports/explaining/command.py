"""The command `explain`, which measures two groups of pictures and shows what differs."""

from stylespace.commands.command import (
    PICTURES,
    Command,
    FolderKind,
    Output,
    Result,
    short_name,
)
from stylespace.reports.command import written
from stylespace.settings import PAGE, ExplainSettings


def _stem(settings: ExplainSettings) -> str:
    ends = settings.names or [one[0] for one in (settings.pictures, settings.against) if one]
    named = [settings.labels] if settings.labels else ends
    return "-".join([*(short_name(one) for one in named if one), "explained"])


def _explain(settings: ExplainSettings, output: Output) -> Result:
    """Write an explanation into a folder."""
    from stylespace.reports.explaining.making import explain

    return written(settings, output, explain)


EXPLAIN = Command(
    settings=ExplainSettings,
    about="""Find what tells two groups of styles apart, as a page with figures and tables.

    PICTURES are those of the first group and those after --against of the second: pictures,
    sample:NAME, style files or folders of pictures. The entries of Gram matrices whose share
    differs most, with a threshold for all of them at once.
    """,
    example="stylespace explain hokusai/ --against others/",
    names="a folder NAMES-explained with index.html",
    stem=_stem,
    work=_explain,
    folder=FolderKind(
        "--out {out}: an explanation goes into a folder: use {use}.",
        (*PICTURES, ".html", ".pdf"),
        PAGE,
    ),
    is_folder=lambda settings: True,
)
