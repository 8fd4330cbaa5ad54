"""The commands, in the order in which help lists them: a new one is a line here."""

from stylespace.commands.atlas.command import ATLAS
from stylespace.commands.capture import CAPTURE
from stylespace.commands.edit.command import EDIT
from stylespace.commands.features.command import FEATURES
from stylespace.commands.probe.command import PROBE
from stylespace.commands.score.command import SCORE
from stylespace.commands.texture.command import TEXTURE
from stylespace.commands.transfer.command import TRANSFER
from stylespace.reports.command import REPORT, SIMILAR
from stylespace.reports.explaining.command import EXPLAIN
from stylespace.studies.bench.command import BENCH

COMMANDS = {
    command.name: command
    for command in (
        PROBE,
        EDIT,
        ATLAS,
        TEXTURE,
        TRANSFER,
        CAPTURE,
        FEATURES,
        REPORT,
        EXPLAIN,
        SIMILAR,
        SCORE,
        BENCH,
    )
}
