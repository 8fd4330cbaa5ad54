"""The command `features`: a table with a row of numbers for every picture."""

from stylespace.commands.command import Command, FileKind, Output, Result, short_name
from stylespace.settings import FeaturesSettings


def _work(settings: FeaturesSettings, output: Output) -> Result:
    from stylespace.commands.features.making import made_table

    return made_table(settings, output, FEATURES.path(settings, output))


FEATURES = Command(
    settings=FeaturesSettings,
    about="""Write the styles of pictures as a table of numbers: .npz, .parquet or .csv.

    PICTURES are pictures, sample:NAME, .npy arrays or folders of pictures: a row each, in this
    order; one that cannot be measured has its reason there. The table says how it was made.
    """,
    example="stylespace features pictures/ --out styles.parquet --kind sketch --dimension 1024",
    names="NAME-features.npz",
    stem=lambda settings: f"{short_name(settings.pictures[0])}-features",
    work=_work,
    file=FileKind(".npz", (".npz", ".parquet", ".csv"), what="table format"),
)
