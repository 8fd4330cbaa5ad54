"""The command `score`, which measures pictures and makes none."""

from typing import Any

from stylespace.commands.command import Command, FileKind, Output, Result, short_name
from stylespace.settings import recipe_of
from stylespace.settings.protocols import SHORT, protocols
from stylespace.settings.score import ScoreSettings


def _score(settings: ScoreSettings, output: Output) -> Result:
    """Score results and write their table."""
    from stylespace.commands.score.making import score
    from stylespace.commands.score.seeing import network_of
    from stylespace.files import write_whole
    from stylespace.synthesis.progress import Counting

    path = SCORE.path(settings, output)
    network = network_of(
        settings.chosen, settings.weights, settings.device, progress=not output.quiet
    )
    with Counting(quiet=output.quiet) as counting:
        found = score(settings=settings, network=network, watch=counting.at)
    write_whole(path, found.encoded(path.suffix.lower()), force=output.force)
    return Result(
        (path,),
        found.figures,
        recipe_of(settings),
        entries=found.rows,
        remarks=found.remarks,
        table=found.table,
    )


def _listing() -> list[dict[str, Any]]:
    """Return the protocols, a row each."""
    return [{**one.record, "definition": one.sha256[:SHORT]} for one in protocols().values()]


SCORE = Command(
    settings=ScoreSettings,
    about="""Score results by a named protocol, each with its noise floor.

    RESULTS are pictures, or folders of pictures. A protocol fixes network, weights, layers, size,
    resizing, distance and what several references count; a definition never changes under its
    name.
    """,
    example="stylespace score out.png --style sample:gogh-auvers --protocol gatys-vgg19-norm@1",
    names="RESULT-scores.csv",
    stem=lambda settings: f"{short_name(settings.results[0])}-scores",
    work=_score,
    file=FileKind(".csv", (".csv", ".json"), "scores are written as .csv or .json."),
    listing=_listing,
    listed=("name", "definition", "about", "source"),
)
