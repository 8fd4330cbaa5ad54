"""What the numbers of a report say, in sentences: every one is made from its tables.

A sentence names what it compares and gives its numbers; where groups overlap it says so.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import pandas as pd

from stylespace.figures.formatting import number, share
from stylespace.reports.records import Records

SPARSE, RANK, DEAD = "off_diagonal.near_zero", "effective_rank", "dead_channels"
COMPARED = {
    "off_diagonal.near_zero": ("share of off-diagonal entries near zero", "larger"),
    "off_diagonal.hoyer": ("Hoyer sparsity of the off-diagonal entries", "higher"),
    "off_diagonal.gini": ("Gini index of the off-diagonal entries", "higher"),
    "diagonal.gini": ("Gini index of the energies", "higher"),
    "effective_rank": ("effective rank", "higher"),
    "power_law_slope": ("power-law slope of the spectrum", "steeper"),
    "mean_cosine": ("mean cosine of two channels", "larger"),
}
"""Numbers that pictures or kinds are compared by: in words, and the word for a larger size."""
MOST_CONTRASTS = 4


MEANINGS = {
    "Share of off-diagonal": "The larger it is, the fewer combinations of features make the style.",
    "Of ": "A distribution that fits says the style in two numbers a layer; where none does, there "
    "are more than one kind of entries.",
    "Effective rank": "So many independent patterns carry most of a layer's style, out of its 64 "
    "to 512 channels.",
    "Channels that never fire": "What they look for is not in the picture.",
    "No channel of these layers": "Whatever they look for, some of it is in the picture.",
    "The two channels that fire": "Where they do is lit in the picture above.",
    "Nearest to": "Near means that the same features occur together, about as strongly.",
    "Nine in ten have an effective": "So many independent patterns carry most of a layer's style.",
}
"""What a finding means, by how it begins."""


def meaning(sentence: str) -> str:
    """Return what a finding means in plain words; nothing where it says so itself."""
    return next((told for begin, told in MEANINGS.items() if sentence.startswith(begin)), "")


def plain_sentence(tables: Records, distance: str) -> str:
    """Return in one plain sentence what a report shows, without a number that needs explaining."""
    names = [row["subject"] for row in tables["subjects"]]
    if len(names) == 1:
        return _plainly(tables)
    table = pd.DataFrame(tables["distances"])
    rows = table[(table["layer"] == "together") & (table["kind"] == distance)]
    near, far = rows.loc[rows["distance"].idxmin()], rows.loc[rows["distance"].idxmax()]
    if len(rows) == 1:
        return (
            f"What the styles of {names[0]} and {names[1]} have in common, and what sets them "
            "apart: which features of a network occur together in each of them."
        )
    return (
        f"Of {len(names)} pictures {near.subject} and {near.other} are most alike in style, "
        f"{far.subject} and {far.other} least: in which features of a network occur together."
    )


def _plainly(tables: Records) -> str:
    """Return the sentence of a single picture: what its style is, and where it is seen first."""
    numbers = _of(pd.DataFrame(tables["statistics"]), SPARSE).iloc[:, 0]
    sparsest = numbers.idxmax()
    return (
        "A style, here, is which features occur together, and how much: below, the places where "
        f"two do most, and all pairs of them; in {sparsest} {share(numbers[sparsest])} of the "
        "pairs hardly ever meet."
    )


def sentences(
    tables: Records, *, contrast: Sequence[str] = (), distance: str = "gram"
) -> list[str]:
    """Return what the tables of a report say.

    contrast: two pictures to compare in words; those of a report on two are compared anyway.
    """
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    numbers, names = frames["statistics"], list(frames["subjects"]["subject"])
    several, ranks = len(names) > 1, _by_layer(_of(numbers, RANK), number)
    pair = tuple(contrast) or (tuple(names) if len(names) == 2 else ())
    said = [
        _sparsity(numbers, several),
        _fitted(frames.get("fits"), several),
        f"Effective rank of the Gram matrices, in channels: {ranks}.",
        _dead(numbers, several),
        "" if several else _strongest(frames.get("pairs")),
        _stable(numbers),
        _nearest(frames["distances"], distance) if several and "distances" in frames else "",
        *(contrasts(numbers, *pair) if pair else ()),
        *_kinds(numbers, frames["subjects"]),
    ]
    return [sentence for sentence in said if sentence]


def collection_sentences(tables: Records, count: int, kind: str) -> list[str]:
    """Return what the tables of a collection say: of statistics and of nearest neighbours."""
    numbers = pd.DataFrame(tables["statistics"])
    layers = numbers.groupby("layer", sort=False)
    sparse, ranks = (
        ", ".join(
            f"{layer} {show(values.quantile(0.05))} to {show(values.quantile(0.95))}"
            for layer, values in layers[name]
        )
        for name, show in ((SPARSE, share), (RANK, number))
    )
    said = [
        f"Of {count} pictures, nine in ten have a share of off-diagonal Gram entries near zero of: "
        f"{sparse}.",
        f"Nine in ten have an effective rank of: {ranks}.",
    ]
    first = pd.DataFrame([row for row in tables.get("neighbours", ()) if row["rank"] == 1])
    if len(first) > 1:
        near, far = (first.loc[first["distance"].agg(pick)] for pick in ("idxmin", "idxmax"))
        said.append(
            f"Nearest to another by the {kind} distance is {near.picture} to {near.other} "
            f"({number(near.distance)}); most alone is {far.picture}, whose nearest is {far.other} "
            f"({number(far.distance)})."
        )
    return said


def _of(numbers: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return one number as a table, layers down, pictures across, both in their own order."""
    rows = numbers[numbers["number"] == name]
    table = rows.pivot(index="layer", columns="subject", values="value")
    return table.loc[rows["layer"].unique(), rows["subject"].unique()]


def _spread(values: pd.Series, show: Callable[[float], str]) -> str:
    low, high = show(values.min()), show(values.max())
    return low if low == high else f"{low} to {high}"


def _by_layer(table: pd.DataFrame, show: Callable[[float], str]) -> str:
    """Return the spreads of a table's rows, each after its layer."""
    return ", ".join(f"{layer} {_spread(row, show)}" for layer, row in table.iterrows())


def _sparsity(numbers: pd.DataFrame, several: bool) -> str:
    table = _of(numbers, SPARSE)
    over = f" over the {table.shape[1]} subjects" if several else ""
    return (
        f"Share of off-diagonal Gram entries near zero, up to 1 % of the mean energy: "
        f"{_by_layer(table, share)}{over}."
    )


def _fitted(fits: pd.DataFrame | None, several: bool) -> str:
    """Say how often each distribution fits the off-diagonal entries best, and how often none."""
    if fits is None or not (fits["part"] == "off-diagonal").any():
        return ""  # not one entry above zero
    rows = fits[fits["part"] == "off-diagonal"]
    groups = [group for _, group in rows.groupby(["subject", "layer"], sort=False)]
    best = [group[group["best"]]["distribution"].tolist() for group in groups]
    counts = Counter(names[0] for names in best if names)
    told = [f"{name} in {count}" for name, count in counts.most_common()]
    none = sum(not names for names in best)
    closest = [float(group["ks"].min()) for group, names in zip(groups, best, strict=True)]
    told += [f"none of the four distributions in {none}"] if none else []
    over = "Gram matrices" if several else "layers"
    return (
        f"Of {len(best)} {over}, the off-diagonal entries above zero are fitted best by "
        f"{joined(told)}; "
        f"the closest distribution function is off by {number(100 * min(closest))} to "
        f"{number(100 * max(closest))} % (Kolmogorov-Smirnov distance)."
    )


def _dead(numbers: pd.DataFrame, several: bool) -> str:
    table = _of(numbers, DEAD)
    dead = table[(table > 0).any(axis=1)]
    if dead.empty:
        return "No channel of these layers is dead."
    each = _by_layer(dead, "{:.0f}".format)
    where = ", counted in each subject by itself" if several else " here"
    return f"Channels that never fire{where}: {each}."


def _strongest(pairs: pd.DataFrame | None) -> str:
    if pairs is None:
        return ""
    first = pairs[pairs["rank"] == 1]
    each = ", ".join(
        f"{row.layer} {row.i},{row.j} (cosine {number(row.cosine)})" for row in first.itertuples()
    )
    return f"The two channels that fire together most: {each}."


def _stable(numbers: pd.DataFrame) -> str:
    if "mark" not in numbers:
        return ""
    rows = numbers[numbers["mark"].notna()]
    stable = int((rows["mark"] == "").sum())
    names = rows["number"].unique()
    shares = {name: (rows[rows["number"] == name]["mark"] == "").mean() for name in names}
    best, worst = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    extremes = (
        f"; {best} does in {share(shares[best])} of the cases, {worst} in {share(shares[worst])}"
        if best != worst
        else ""
    )
    return (
        f"{stable} of {len(rows)} numbers change by at most 10 % when the picture is resized to "
        f"two thirds, cropped or saved as JPEG 75{extremes}."
    )


def _nearest(distances: pd.DataFrame, kind: str) -> str:
    rows = distances[(distances["layer"] == "together") & (distances["kind"] == kind)]
    if len(rows) < 2:
        return ""
    near, far = rows.loc[rows["distance"].idxmin()], rows.loc[rows["distance"].idxmax()]
    return (
        f"Nearest to each other by the {kind} distance are {near.subject} and {near.other} "
        f"({number(near.distance)}), farthest {far.subject} and {far.other} "
        f"({number(far.distance)})."
    )


def contrasts(numbers: pd.DataFrame, a: str, b: str) -> list[str]:
    """Return what differs most between two pictures: a sentence a number of COMPARED.

    The layer named is the one where the two differ by the largest factor; which of the two is
    larger is said of that layer, and in how many layers it is so.
    """
    said = []
    for name, (words, more) in COMPARED.items():
        sizes = _of(numbers, name)[[a, b]]
        factors = _factors(sizes[a], sizes[b])
        layer = factors.idxmax()
        high, low = (a, b) if abs(sizes.loc[layer, a]) > abs(sizes.loc[layer, b]) else (b, a)
        layers = int((sizes[high].abs() > sizes[low].abs()).sum())
        values = [number(sizes.loc[layer, one]) for one in (high, low)]
        sentence = (
            f"The {words} of {high} is {more} than that of {low} in {layers} of {len(sizes)} "
            f"layers, most clearly at {layer}: {values[0]} against {values[1]}."
        )
        if values[0] != values[1]:
            said.append((factors[layer], sentence))
    strongest = sorted(said, key=lambda one: -one[0])[:MOST_CONTRASTS]
    none = [f"No number that is compared tells {a} from {b} in three digits."]
    return [sentence for _, sentence in strongest] or none


def _factors(first: pd.Series, second: pd.Series) -> pd.Series:
    """Return by which factor two numbers differ in size: 1 where they are equal, inf against 0."""
    sizes = pd.concat([first.abs(), second.abs()], axis=1)
    low, high = sizes.min(axis=1), sizes.max(axis=1)
    return (high / low).where(high > low, 1.0)


def _kinds(numbers: pd.DataFrame, pictures: pd.DataFrame) -> list[str]:
    """Compare paintings with photographs, where there are both."""
    kinds = [
        list(pictures[pictures["kind"] == kind]["subject"]) for kind in ("painting", "photograph")
    ]
    if not all(kinds):
        return []
    compared = (SPARSE, RANK, "power_law_slope")
    return [_kind(_of(numbers, name), COMPARED[name][0], kinds) for name in compared]


def _kind(table: pd.DataFrame, words: str, kinds: Sequence[list[str]]) -> str:
    """Say in how many layers the ranges of the two kinds are apart, and give those of one."""
    paintings, photographs = (table[names] for names in kinds)
    below = paintings.max(axis=1) < photographs.min(axis=1)
    apart = below | (photographs.max(axis=1) < paintings.min(axis=1))
    layer = _factors(paintings.mean(axis=1), photographs.mean(axis=1)).idxmax()
    told = "in no layer" if not apart.any() else f"in {', '.join(apart[apart].index)}"
    return (
        f"The {words} sets {_counted(paintings, 'painting')} and "
        f"{_counted(photographs, 'photograph')} apart {told}; the means differ most at {layer}: "
        f"{number(paintings.loc[layer].mean())} ({_spread(paintings.loc[layer], number)}) against "
        f"{number(photographs.loc[layer].mean())} ({_spread(photographs.loc[layer], number)})."
    )


def _counted(table: pd.DataFrame, kind: str) -> str:
    count = table.shape[1]
    return f"{count} {kind}" if count == 1 else f"{count} {kind}s"


def joined(parts: Sequence[str]) -> str:
    """Return parts of a sentence as `a, b and c`; none of none."""
    if len(parts) < 2:
        return parts[0] if parts else "none"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
