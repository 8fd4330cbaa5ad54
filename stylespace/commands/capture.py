"""The command `capture`: the style of pictures, written to a file."""

from stylespace.commands.command import Command, FileKind, Output, Result, short_name
from stylespace.files import STYLE_SUFFIX
from stylespace.settings import CaptureSettings, recipe_of


def _work(settings: CaptureSettings, output: Output) -> Result:
    from stylespace.commands.sight import network_for
    from stylespace.styles.sources import blender, open_styles

    sources = open_styles(settings.sources)
    network = network_for(settings, progress=not output.quiet)
    layers = tuple(settings.style_layers())
    style = blender(sources, layers, largest=settings.size)(network, settings.size)
    path = CAPTURE.path(settings, output)
    style.save(path, force=output.force)
    norms = {
        f"norm.{name}": float(layer.gram.double().norm()) for name, layer in style.layers.items()
    }
    remarks = [text for one in sources for text in one.remarks(network, layers, settings.size)]
    return Result((path,), norms, recipe_of(settings), remarks=tuple(remarks))


CAPTURE = Command(
    settings=CaptureSettings,
    about="""Write the style of pictures to a file.

    SOURCES are pictures, sample:NAME or style files; several are blended by weight.
    """,
    example="stylespace capture a.jpg b.jpg=0.5 --out mine.style.safetensors",
    names=f"SOURCE{STYLE_SUFFIX}",
    stem=lambda settings: short_name(settings.sources[0]),
    work=_work,
    file=FileKind(STYLE_SUFFIX, refusal=f"a style file's name must end in {STYLE_SUFFIX}."),
)
