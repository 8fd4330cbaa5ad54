"""The command `atlas`: a folder with a small picture for every entry of a block."""

from stylespace.commands.command import Command, FolderKind, Output, Result
from stylespace.settings import PAGE, AtlasSettings, recipe_of


def _work(settings: AtlasSettings, output: Output) -> Result:
    from stylespace.commands.atlas.making import atlas
    from stylespace.commands.atlas.tables import MAP
    from stylespace.commands.picture import loaded_network, watched
    from stylespace.synthesis.progress import Watching

    def work(watching: Watching) -> Result:
        """Make the atlas while it is watched."""
        made = atlas(
            settings,
            output.path,
            loaded_network(settings, output, watching),
            force=output.force,
            watch=watching.named,
            say=None if output.quiet else watching.say,
        )
        pictures = [output.path / name for name in (PAGE, *made.sheets, MAP)]
        recipe = recipe_of(settings.decisive)
        return Result((output.path, *pictures), made.figures, recipe, made.interrupted)

    return watched(output, work)


ATLAS = Command(
    settings=AtlasSettings,
    about="""Map a layer's Gram matrix: a small picture for every entry of a block.

    A page to zoom into (index.html), sheets, a map of the values and tables go into a folder;
    interrupted, the same command goes on where it stopped, with any executor.
    """,
    example="stylespace atlas --layer conv2_1 --block 0-15,0-15 --executor processes",
    names="a folder atlas-LAYER, or atlas-LAYER-A-B-C-D for a block",
    stem=lambda settings: settings.stem,
    work=_work,
    folder=FolderKind(
        "--out {out} is the name of a picture, and several entries go into a folder: use {use}."
    ),
    is_folder=lambda settings: True,
    decisive=lambda settings: settings.decisive,
)
