"""Protocols: all that a score depends on, under a name and a version that never change; no torch.

What defines one is hashed; `tests/settings/test_protocols.py` holds the hashes, so that another
size or another formula is another version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from stylespace.errors import UsageError, check_known
from stylespace.networks.catalogue import CATALOGUE

VGG19_NORM = "efc6074dce89c4871f539cbd8c971a249a6059a730759b120270a424a2fc6f41"
VGG16_HED = "9cdf927ed55f3085c77b173dc0695c58a74ba1b7a2198e5866e47b7725904bcf"
ALEXNET_ST = "4b64c6ee69bbbaa976f18b78101768400ab7dbd1705466bcbfb5286fc8edc859"
VGG19_FILE = "vgg19-dcbb9e9d.pth"
"""The file of torchvision, whose name carries its hash, which is checked when it is loaded."""
FIRST_OF_BLOCKS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
SHORT = 8
"""Digits of a hash that stand in tables."""

RESIZINGS = {
    "longer": "longer side to the size, aspect kept; antialiased bicubic",
    "square": "shorter side to the size, then the square in the middle; antialiased bicubic",
}
"""{resizing: what is done}. A content is then laid on the result: resized to its sides."""
AGGREGATIONS = {
    "mean": "each reference by itself, the mean over those given",
    "pooled": "one reference made of all those given: the mean of their Gram matrices",
}
"""{aggregation: what a score of several references is}."""


@dataclass(frozen=True)
class Formula:
    """How two pictures are compared. text: in symbols. higher: whether higher is nearer."""

    text: str
    higher: bool = False


FORMULAS = {
    "relative-gram": Formula(
        "geometric mean over layers of ||G - A||^2 / ||A||^2, G = F F^T / N of the result, A of "
        "the reference; squared Frobenius norms"
    ),
    "plain-gram": Formula(
        "mean over layers of ||G - A||^2 / (4 C^2), G = F F^T / N; of equal sizes the sum over "
        "layers of 1/5 ||F F^T - P P^T||^2 / (4 C^2 N^2)"
    ),
    "moments": Formula(
        "sum over layers of ||m - n||^2 + ||s - t||^2; means m, n and standard deviations s, t of "
        "each channel over positions, divided by their number"
    ),
    "sliced": Formula(
        "geometric mean over layers of ||x - y||^2 / ||y||^2; x, y: projections of the positions "
        "on 128 directions, each sorted, y interpolated to as many as x; directions: torch.randn "
        "in float64 of seed 7919, divided by their norms"
    ),
    "features": Formula("1/2 ||F - P||^2, the sum over layers, channels and positions"),
    "calibrated": Formula(
        "sum over layers of the mean over positions of sum_c w_c (F_c / ||F|| - P_c / ||P||)^2, "
        "w learned from people's choices"
    ),
    "structure": Formula(
        "mean structural similarity of .2125 R + .7154 G + .0721 B; window 7 x 7, even; K1 .01, "
        "K2 .03; sample covariances; borders of 3 pixels left out",
        higher=True,
    ),
    "colours": Formula(
        "earth mover's distance of the colours in CIELAB (D65), cut into cubes of side 16, each "
        "standing for its pixels by their mean"
    ),
}
"""{measure: its formula}."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A named way to score a result: nothing that the number depends on is left open.

    title, version: make the name, `title@version`. about: in a sentence. source: where it is
    defined. departs: where this one does otherwise. against: what a result is compared with.
    measure: a key of FORMULAS. network, weights: SHA-256 of its filters, or the name of a file that
    carries one; empty where pixels are compared. size: pixels. resizing: a key of RESIZINGS.
    aggregation: a key of AGGREGATIONS.
    """

    title: str
    version: int
    about: str
    source: str
    departs: str
    against: Literal["style", "content"]
    measure: str
    network: str = ""
    weights: str = ""
    pooling: str = ""
    padding: str = ""
    layers: tuple[str, ...] = ()
    size: int = 256
    resizing: str = "longer"
    aggregation: str = "mean"

    @property
    def name(self) -> str:
        """Its name with the version, as it is cited."""
        return f"{self.title}@{self.version}"

    @property
    def higher(self) -> bool:
        """Whether higher scores are nearer; of most, lower ones are."""
        return FORMULAS[self.measure].higher

    @property
    def references(self) -> str:
        """Of how many references a score is."""
        return "1" if self.aggregation == "mean" else "all"

    @property
    def needs(self) -> str:
        """What its network needs: `nothing`, a package or a download."""
        return CATALOGUE[self.network].needs if self.network else "nothing"

    @property
    def definition(self) -> dict[str, Any]:
        """All that the number depends on, as JSON holds it."""
        words = ("title", "version", "about", "source", "departs")
        kept = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in words}
        said = {
            "formula": FORMULAS[self.measure].text,
            "better": "higher" if self.higher else "lower",
        }
        said |= {"resized": RESIZINGS[self.resizing], "aggregated": AGGREGATIONS[self.aggregation]}
        return {**kept, "layers": list(self.layers), "references": self.references, **said}

    @property
    def sha256(self) -> str:
        """The hash of the definition: it tells whether two numbers are of one protocol."""
        text = json.dumps(self.definition, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def record(self) -> dict[str, Any]:
        """Everything about it, as JSON holds it."""
        words = {"name": self.name, "hash": self.sha256, "about": self.about}
        more = {"source": self.source, "departs": self.departs, "needs": self.needs}
        return {**words, **more, **self.definition}


_NORM = {"network": "vgg19-norm", "weights": VGG19_NORM, "pooling": "average", "padding": "zeros"}
_GATYS = {
    "about": "Style loss: Gram matrices, not relative",
    "source": "G15b eq. 4, 5",
    "against": "style",
    "measure": "plain-gram",
    "pooling": "average",
    "padding": "zeros",
    "layers": FIRST_OF_BLOCKS,
}
_ALL: tuple[Mapping[str, Any], ...] = (
    {
        "title": "gram-vgg19-norm",
        "about": "Relative Gram distance, references pooled",
        "source": "this program; G15a",
        "departs": "relative to the reference, layer by layer, so that no layer outweighs others",
        "against": "style",
        "measure": "relative-gram",
        **_NORM,
        "layers": FIRST_OF_BLOCKS,
        "aggregation": "pooled",
    },
    {
        "title": "gram-vgg16-hed",
        "about": "The same in another network",
        "source": "this program; G15a",
        "departs": "relative to the reference; filters fine-tuned for edges",
        "against": "style",
        "measure": "relative-gram",
        **{"network": "vgg16-hed", "weights": VGG16_HED, "pooling": "average", "padding": "zeros"},
        "layers": FIRST_OF_BLOCKS,
        "aggregation": "pooled",
    },
    {
        "title": "gatys-vgg19-norm",
        **_GATYS,
        **{"network": "vgg19-norm", "weights": VGG19_NORM},
        "departs": "the source gives no size; pictures of other sizes have their own N",
    },
    {
        "title": "gatys-vgg19",
        **_GATYS,
        **{"network": "vgg19", "weights": VGG19_FILE},
        "departs": "filters of torchvision, as in most programs, not normalised as in the source; "
        "the source gives no size",
    },
    {
        "title": "adain-vgg19-norm",
        "about": "AdaIN's style loss: means and deviations",
        "source": "H17 eq. 12",
        "departs": "norms are squared, as in the authors' program (StyleINLossModule); embedded "
        "filters, not compared with their file; pooling drops an odd last row",
        "against": "style",
        "measure": "moments",
        **{**_NORM, "pooling": "max", "padding": "reflect"},
        "layers": FIRST_OF_BLOCKS[:4],
        "resizing": "square",
    },
    {
        "title": "sliced-vgg19-norm",
        "about": "Sliced Wasserstein distance of features",
        "source": "H21 eq. 4",
        "departs": "relative to the reference; geometric mean of four layers, where the source "
        "sums twelve; directions drawn once",
        "against": "style",
        "measure": "sliced",
        **_NORM,
        "layers": FIRST_OF_BLOCKS[:4],
    },
    {
        "title": "colours",
        "about": "Distance of palettes; 2 is just seen",
        "source": "Rubner, Tomasi & Guibas 2000",
        "departs": "even cubes instead of clusters",
        "against": "style",
        "measure": "colours",
    },
    {
        "title": "content-vgg19-norm",
        "about": "Content loss at conv4_2",
        "source": "G15b eq. 1",
        "departs": "the source gives no size",
        "against": "content",
        "measure": "features",
        **_NORM,
        "layers": ("conv4_2",),
    },
    {
        "title": "stlpips-alexnet",
        "about": "ST-LPIPS, a learned perceptual distance",
        "source": "GL22; Z18 eq. 1",
        "departs": "nowhere known",
        "against": "content",
        "measure": "calibrated",
        **{"network": "alexnet-st", "weights": ALEXNET_ST, "pooling": "max", "padding": "zeros"},
        "layers": ("conv1", "conv2", "conv3", "conv4", "conv5"),
    },
    {
        "title": "ssim",
        "about": "Structural similarity; higher is nearer",
        "source": "W04",
        "departs": "an even window of 7 pixels, scikit-image's, instead of a Gaussian one of 11",
        "against": "content",
        "measure": "structure",
    },
)
_PROTOCOLS = {one.name: one for one in (Protocol(**{"version": 1, **each}) for each in _ALL)}


def protocols() -> dict[str, Protocol]:
    """Return the protocols by name, in the order in which they are listed.

    Example:
        >>> import stylespace as ss
        >>> ss.protocols()["gatys-vgg19-norm@1"].layers
        ('conv1_1', 'conv2_1', 'conv3_1', 'conv4_1', 'conv5_1')
    """
    return dict(_PROTOCOLS)


def protocol_named(name: str) -> Protocol:
    """Return a protocol; a name without a version stands for the newest.

    Raises:
        UsageError: no such protocol, with the nearest name.
    """
    if not name:
        raise UsageError("no protocol: name one by --protocol, such as gatys-vgg19-norm@1.")
    newest = {one.title: one.name for one in _PROTOCOLS.values()}  # the last of a title
    check_known("protocol", newest.get(name, name), _PROTOCOLS)
    return _PROTOCOLS[newest.get(name, name)]
