"""The measures of a study by name, what each is, and which way is better; no torch."""

JUDGES = ("vgg16-hed", "alexnet-st", "vgg19-norm")
"""Networks that judge, the one that judges first; none of them judges results of its own."""

MEASURES = {
    **{f"style.{name}": f"relative Gram distance to the style in {name}" for name in JUDGES},
    **{f"content.{name}": f"distance of unit features to the content in {name}" for name in JUDGES},
    "sliced": "sliced Wasserstein distance to the style in the judge, less what halves differ by",
    "figures": "the same between figures, and between grounds, by masks drawn by hand",
    "effectiveness": "E of Yeh et al. 2020, how much of the style is there",
    "coherence": "C of Yeh et al. 2020, how far the content's contours agree; indicative",
    "similarity": "structural similarity to the content",
    "content_colours": "distance of the colours to the content's, in CIELAB",
    "style_colours": "distance of the colours to the style's, in CIELAB",
    "grain": "share of energy above .35 cycles a pixel",
    "grid4": "energy at multiples of a quarter cycle a pixel, over that beside them",
    "grid8": "the same at multiples of an eighth",
    "copy_index": "how much of the style picture itself is there: 0 all, 1 as in the content",
    "truth_colours": "mean CIELAB distance to what should have come out",
    "truth_similarity": "structural similarity to what should have come out",
    "loss": "objective of the run",
    "seconds": "of the run",
}
"""{measure: what it is}."""

HIGHER = ("effectiveness", "coherence", "similarity", "copy_index", "truth_similarity")
"""Measures that are better when they are higher."""


def better(measure: str) -> str:
    """Say which values of a measure are better."""
    return "higher" if measure in HIGHER else "lower"
