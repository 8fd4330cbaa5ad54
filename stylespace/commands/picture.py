"""How commands that make pictures run: watched, on one network, their result and figure written."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

from stylespace.commands.command import Command, Output, Result, figure_path
from stylespace.commands.outcome import Outcome
from stylespace.commands.recipes import input_hashes, write_outcome
from stylespace.commands.sight import network_for
from stylespace.commands.spreading import Spread
from stylespace.commands.unfinished import checkpoint_path, notes_of
from stylespace.errors import UnreachedError
from stylespace.files import write_whole
from stylespace.networks.devices import DTYPES
from stylespace.networks.network import Network
from stylespace.settings import PACKAGES, Settings, to_toml
from stylespace.synthesis.animation import Animation
from stylespace.synthesis.checkpoint import Checkpoint
from stylespace.synthesis.progress import Watching


def watched(output: Output, work: Callable[[Watching], Result]) -> Result:
    """Return the result of work that is looked on; Ctrl-C at its very end counts as well."""
    looking = {"preview": output.preview, "trace": output.trace}
    animation = Animation() if output.animate else None
    with Watching(quiet=output.quiet, **looking, animation=animation) as watching:
        result = work(watching)
    return replace(result, interrupted=result.interrupted or watching.asked)


def spread_of(output: Output, watching: Watching, name: str) -> Spread:
    """Return where the pictures of a folder are made, and who counts them."""
    return Spread(output.executor, output.workers, partial(watching.at, name))


def loaded_network(settings: Settings, output: Output, watching: Watching) -> Network:
    """Load the network; a picture that is made again asks for the same one."""
    then = output.origin and output.origin.precision
    if then in DTYPES and settings.precision == "auto":
        settings = replace(settings, precision=then)  # whatever this device is fast at
    network = network_for(settings, progress=not output.quiet)
    if output.origin is not None:
        output.origin.check(network)
        for line in output.origin.warnings(network):
            watching.say(line)
    return network


def make_picture(
    command: Command,
    settings: Settings,
    output: Output,
    make: Callable[..., Outcome],
    draw: Callable[[Outcome], bytes | None],
) -> Result:
    """Make a picture and write it with its recipe, and its figure beside it.

    Args:
        command, settings, output: what is run, and where it goes.
        make: (settings, network, watch, checkpoint) as keywords -> the outcome.
        draw: outcome -> its figure as PNG, or None where it has none.
    """

    def work(watching: Watching) -> Result:
        """Make the picture while it is watched, and write it."""
        inputs = input_hashes(settings)  # of the files as they are read, not as they end up
        network = loaded_network(settings, output, watching)
        watch = watching.named(f"{command.name} {command.stem(settings).partition('-')[2]}")
        others = (output.preview, output.trace, output.animate)
        files = (output.path, figure_path(output.path), *others)
        outputs, say = tuple(filter(None, files)), watching.say
        with checkpoint_of(
            output.path, settings, network, inputs, outputs=outputs, say=say
        ) as checkpoint:
            try:
                looking = {"watch": watch, "checkpoint": checkpoint}
                outcome = make(settings=settings, network=network, **looking)
            except UnreachedError as error:
                interrupted = error.interrupted or watching.asked
                if not interrupted:
                    checkpoint.drop()
                raise UnreachedError(str(error), error.figures, interrupted) from error
            path = command.path(settings, output)
            record = write_outcome(path, outcome, inputs=inputs, force=output.force)
            figure = draw(outcome) if output.figure else None
            if figure is not None:
                write_whole(figure_path(path), figure, force=output.force)
            if watching.animation and output.animate:
                watching.animation.write(output.animate, outcome.image, force=output.force)
        figures = () if figure is None else (figure_path(path),)
        return Result(
            (path, *figures, *filter(None, [output.animate])),
            outcome.figures,
            record["recipe"],
            record["stopped"] == "interrupted",
            stopped=record["stopped"],
            evaluations=record["evaluations"],
            remarks=tuple(filter(None, [record["remark"]])),
        )

    return watched(output, work)


def checkpoint_of(
    path: Path,
    settings: Settings,
    network: Network,
    inputs: Mapping[str, str],
    *,
    outputs: Sequence[Path] = (),
    say: Callable[[str], object] = lambda text: None,
) -> Checkpoint:
    """Return the checkpoint beside a picture, for a run in which all this is the same.

    inputs: `input_hashes` from before the run. outputs: the files of the run, itself included.
    say: see `Checkpoint`.
    """
    identity = {
        "settings": to_toml(settings),
        "inputs": json.dumps(inputs),
        "weights": network.sha256,
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "device": network.device.type,
        "precision": network.precision,
    }
    return Checkpoint(checkpoint_path(path), identity, notes=notes_of(settings, outputs), say=say)
