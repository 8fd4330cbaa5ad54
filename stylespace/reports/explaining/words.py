"""What was found, in sentences made from the numbers alone."""

from stylespace.figures.formatting import as_sentences, number, share
from stylespace.reports.explaining.contrasts import Contrast, Entry
from stylespace.reports.explaining.trials import Edited
from stylespace.styles.statistics.differences import LEVEL


def channels_of(entry: Entry) -> str:
    """Return an entry in words: `channels 12 and 40 of conv3_1`."""
    if entry.i == entry.j:
        return f"channel {entry.i} of {entry.layer}"
    return f"channels {entry.i} and {entry.j} of {entry.layer}"


def difference_of(entry: Entry, names: tuple[str, str]) -> str:
    """Return how an entry differs: `channels ... fire together 2.3 times as much in a as in b`."""
    fire = "fires" if entry.i == entry.j else "fire together"
    more, less = names if entry.effect > 0 else names[::-1]
    high, low = max(entry.shares), min(entry.shares)
    if low <= 0:
        return f"{channels_of(entry)} {fire} in {more} and never in {less}"
    return (
        f"{channels_of(entry)} {fire} {number(high / low, 2)} times as much in {more} as in {less}"
    )


def lead_sentence(contrast: Contrast) -> str:
    """Return in one sentence what differs, and how sure that is."""
    entries, (one, two) = contrast.entries, contrast.names
    if not entries:
        return f"Nothing differs between {one} and {two}: every entry has the same share in both."
    strongest = difference_of(entries[0], contrast.names)
    if contrast.single:
        return (
            f"The largest difference of these two single pictures: {strongest}; one picture a side "
            "says nothing about who painted them, or about any other picture."
        )
    if contrast.untestable:
        kept = entries[0].kept
        stable = f"keeps {share(kept)} of it at least" if kept > 0 else "turns round or is lost"
        return (
            f"{_capital(strongest)}, the largest difference of these {len(contrast.subjects)} "
            f"pictures, which are too few for a claim (it {stable} whichever picture is left out)."
        )
    count = f"{contrast.table.shape[1]:,}"
    if entries[0].significant:
        return (
            f"{_capital(strongest)}: so large a difference among all {count} entries comes in "
            f"{share(entries[0].p)} of the ways to group the same pictures at random."
        )
    return (
        f"No single entry tells {one} from {two}: the largest difference ({strongest}) is reached "
        f"by some entry in {share(entries[0].p)} of the ways to group the same pictures at random."
    )


def sureness_of(contrast: Contrast) -> list[str]:
    """Return how the threshold was found, or why there is none, and what the classifier does."""
    found, tried = contrast.found, f"{len(contrast.found.maxima) + 1:,}"
    if contrast.single:
        return ["Of two single pictures there is nothing to permute: no threshold, no claim."]
    if contrast.untestable:
        said = [
            f"There are {tried} ways to label these pictures, too few for any to come at most once "
            f"in {round(1 / LEVEL)}: no threshold, no claim, and the stability instead: the share "
            "of the effect that is left whichever picture is left out."
        ]
    else:
        how = "all" if found.exact else "random"
        number_above = int(found.significant.sum())
        are = "entry lies" if number_above == 1 else "entries lie"
        said = [
            f"The labels were permuted in {tried} ways ({how}), and the largest effect of all "
            f"entries of all layers kept each time; {share(LEVEL)} of these exceed "
            f"{number(found.threshold or 0)}, which is the threshold for all entries at once. "
            f"{number_above:,} {are} above it."
        ]
    if contrast.decisions is not None:
        right = (contrast.decisions > 0) == contrast.first
        parts = (
            f"{int(right[group].sum())} of {int(group.sum())} of {name}"
            for name, group in zip(contrast.names, (contrast.first, ~contrast.first), strict=True)
        )
        said.append(
            "A nearest-mean classifier on all entries, learnt without the picture that it judges, "
            f"is right in {' and '.join(parts)}."
        )
    return said


def entry_text(entry: Entry, contrast: Contrast) -> list[str]:
    """Return what an entry's own section says before its figures."""
    one, two = (number(value) for value in entry.shares)
    said = f"{_capital(difference_of(entry, contrast.names))}: {one} and {two} of the whole layer"
    if contrast.single:
        return [as_sentences(said)]
    sure = f"Effect {number(entry.effect)}"
    if contrast.untestable:
        sure += ", no claim"
    elif entry.significant:
        sure += f", above the threshold (p {_p(entry.p)} for all entries at once)"
    else:
        sure += f", below the threshold (p {_p(entry.p)} for all entries at once)"
    kept = share(entry.kept) if entry.kept > 0 else "none"
    return [as_sentences(said, sure + f"; {kept} of it is left whichever picture is left out")]


def edit_text(one: Edited, names: tuple[str, str]) -> str:
    """Return what an edit did, and how far the classifier followed."""
    before, after, aim = (number(value) for value in one.shares)
    said = f"{one.name}: its share moved from {before} to {after}, towards {aim} of {names[1]}"
    if one.decisions is None:
        return as_sentences(said)
    start, end = one.decisions
    way = (start - end) / 2
    how = f"{share(abs(way))} of the way to {names[1]}" if abs(way) >= 0.001 else "hardly at all"
    if way < -0.001:
        how = f"{share(-way)} of that way in the other direction"
    return as_sentences(
        said,
        f"The classifier, which has not seen this picture, puts it at {start:.2f} before and "
        f"{end:.2f} after (1: mean of {names[0]}, -1: mean of {names[1]}): it follows {how}",
    )


def map_alt(layer: str, contrast: Contrast) -> str:
    """Return what the difference map of a layer shows."""
    own = [entry for entry in contrast.entries if entry.layer == layer]
    title = f"Map of the differences in {layer}, {contrast.channels[layer]} channels a side"
    told = (f"{one.i},{one.j}: effect {number(one.effect)}" for one in own[:3])
    return as_sentences(title, f"Strongest: {'; '.join(told)}" if own else "Nothing differs")


def places_alt(entry: Entry, contrast: Contrast) -> str:
    """Return what the pictures with an entry's places show."""
    one, two = contrast.names
    return as_sentences(
        f"Pictures of {one}, and below them of {two}, bright where {channels_of(entry)} fire",
        difference_of(entry, contrast.names).capitalize(),
    )


def _p(value: float) -> str:
    return f"= {value:.3f}".rstrip("0") if value >= 0.001 else "< 0.001"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
