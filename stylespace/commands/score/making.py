"""Scoring results by a protocol: what they are compared with is read once, then each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from stylespace.commands.keywords import keywords, settings_with
from stylespace.commands.score.noise import Floor, floor_of
from stylespace.commands.score.references import References, curve
from stylespace.commands.score.scores import Score, Scores
from stylespace.commands.score.seeing import (
    Seen,
    Sight,
    check_network,
    named,
    network_of,
)
from stylespace.errors import PictureError, StylespaceError, UsageError, reason
from stylespace.images import resize_to
from stylespace.networks.network import Network
from stylespace.settings.inputs import with_folders
from stylespace.settings.score import ScoreSettings
from stylespace.styles.sources import Source

CountWatch = Callable[[str, int, int], None]
"""(name of the work, pieces done, pieces in all)."""
ASPECT = 0.02
"""Share by which the aspects of content and result may differ before it is said."""


@keywords(ScoreSettings)
def score(
    results: Source | Sequence[Source] | None = None,
    style: Source | Sequence[Source] | None = None,
    content: Source | None = None,
    *,
    settings: ScoreSettings | None = None,
    network: Network | None = None,
    watch: CountWatch | None = None,
    **changes: Any,
) -> Scores:
    """Score results by a named protocol, `protocol=`; `stylespace.protocols()` has them.

    Args:
        results: pictures, or folders of pictures; one that cannot be read has a row that says so.
        style: references of the style, any number of pictures, folders or style files.
        content: the content of all results.
        settings: or its fields as keywords. network: loaded already, or None.
        watch: told of the progress.

    Returns:
        The scores with the noise floor and, for each, the curve over the number of references.

    Raises:
        UsageError: an unknown protocol, or nothing to compare with.
        PictureError, StyleError: no result can be read, or a reference cannot.
        WeightsError: weights that are not there, or not those of the protocol.

    Example:
        >>> import stylespace as ss
        >>> found = ss.score("sample:gogh-auvers", "sample:gogh-auvers", protocol="colours")
        >>> found.scores[0].value, found.scores[0].reading
        (0.0, 'within the noise floor')
    """
    changes = {"results": results, "style": style, "content": content, **changes}
    settings = settings_with(ScoreSettings, settings, changes)
    sight = _sight(settings, network)
    return _Scoring(settings, sight, watch or _unwatched).scores()


def _sight(settings: ScoreSettings, network: Network | None) -> Sight:
    """Return the sight of a protocol, on a network that is loaded already where there is one."""
    protocol = settings.chosen
    if network is None or not protocol.network:
        return Sight(protocol, network_of(protocol, settings.weights, settings.device))
    check_network(protocol, network.precise)
    return Sight(protocol, network.precise)


def _unwatched(name: str, done: int, total: int) -> None:
    pass


class _Scoring:
    """One call: results, what they are compared with, how far it is."""

    def __init__(self, settings: ScoreSettings, sight: Sight, watch: CountWatch) -> None:
        self.settings, self.sight, self.watch = settings, sight, watch
        self.of_style = sight.protocol.against == "style"
        self.results = tuple(with_folders(settings.results))
        self.names = tuple(with_folders(settings.style)) if self.of_style else (settings.content,)
        self.done = 0

    def scores(self) -> Scores:
        """Return the scores; see `score`."""
        seen = [self._told(name, self.sight.reference(name)) for name in self.names]
        floor = floor_of(self.sight, seen)
        self._told("noise floor", None)
        references = self._references(seen)
        remarks = [*self._given(), *(text for one in seen for text in one.remarks)]
        scores = []
        for name in self.results:
            try:
                result = self.sight.picture(name)
                scores.append(self._score(result, references, seen[0], floor))
                remarks += self._remarks(result, seen[0])
            except StylespaceError as error:
                scores.append(Score(name, math.nan, note=reason(named(error, name))))
            self._told(name, None)
        _check_any(scores)
        found = self.sight.network
        weights = found.sha256 if found else ""
        return Scores(
            self.sight.protocol, tuple(scores), floor, self.names, weights, tuple(remarks)
        )

    def _told(self, name: str, value: Any) -> Any:
        """Say that another piece of the work is done, and hand its result on."""
        self.done += 1
        self.watch(name, self.done, len(self.names) + 1 + len(self.results))
        return value

    def _references(self, seen: Sequence[Seen]) -> References:
        kept = [one.kept for one in seen]
        return References(self.sight.protocol, self.sight.measure, kept)

    def _score(self, result: Seen, references: References, first: Seen, floor: Floor) -> Score:
        """Return the score of a result that was read.

        Raises:
            UsageError: too small for the measure.
        """
        if not self.of_style:
            references = self._references([self._laid(first, result)])
        against = references.against(result.kept)
        value = against(range(len(references)))
        if math.isnan(value):
            raise UsageError(
                f"{result.name!r} is too narrow for {self.sight.protocol.name}: crop it to a "
                "squarer one."
            )
        points = curve(against, len(references), self.settings.seed)
        return Score(result.name, value, points, floor.reading(value))

    def _laid(self, content: Seen, result: Seen) -> Seen:
        """Return the content with the sides of a result."""
        image, like = _image(content), _image(result)
        if image.shape == like.shape:
            return content
        laid = resize_to(image, *like.shape[2:])
        return Seen(content.name, laid, self.sight.kept(laid))

    def _given(self) -> list[str]:
        """Say what was not given, or was and is not looked at."""
        given = {"style": self.settings.style, "content": self.settings.content}
        protocol = self.sight.protocol
        remarks = [
            f"{protocol.name} compares with the {protocol.against}: --{name} is not looked at."
            for name, value in given.items()
            if value and name != protocol.against
        ]
        if self.of_style and len(self.names) == 1:
            remarks.append("one reference: the curve over their number has one point.")
        return remarks

    def _remarks(self, result: Seen, reference: Seen) -> list[str]:
        """Say what is degenerate about a result."""
        if self.of_style:
            return list(result.remarks)
        own, its = (one.shape[3] / one.shape[2] for one in map(_image, (result, reference)))
        if abs(math.log(own / its)) <= ASPECT:
            return list(result.remarks)
        return [
            *result.remarks,
            f"{result.name!r} is {own:.2f} times as wide as high, and the content {its:.2f} times: "
            "the content is resized to the result's sides.",
        ]


def _image(seen: Seen) -> Tensor:
    """Return the picture of what is no style file; contents and results never are."""
    if seen.image is None:
        raise PictureError(f"{seen.name!r} holds no picture: name one.")
    return seen.image


def _check_any(scores: Sequence[Score]) -> None:
    """Refuse results of which none could be measured.

    Raises:
        PictureError: with the reason of the first.
    """
    if all(math.isnan(one.value) for one in scores):
        first, more = scores[0].note, len(scores) - 1
        raise PictureError(f"{first}{f' And {more} others alike.' if more else ''}")
