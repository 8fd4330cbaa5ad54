"""Pictures to rows of numbers, as scikit-learn's transformers do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from torch.utils.data import DataLoader

from stylespace.commands.features.measuring import Rows, View, measured
from stylespace.commands.keywords import settings_with
from stylespace.commands.sight import network_of_sight, sight_of
from stylespace.errors import PictureError, UsageError, public
from stylespace.files.listing import pictures_in
from stylespace.networks.network import Network
from stylespace.settings import Vectors
from stylespace.settings.shared import default_style_layers


class StyleFeatures(TransformerMixin, BaseEstimator):
    """Style as features: pictures to rows of numbers, by scikit-learn's conventions.

    Nothing is learned: `fit` checks the parameters and opens the network, and a picture's row
    depends on no other picture. Every picture is resized so that its longer side has `size`
    pixels; those of equal size then go through the network in batches.

    Args:
        kind: "sketch" (numbers that keep the distances between Gram matrices), "mean", or the
            upper triangle of the "gram" or "covariance" matrix; see `stylespace.styles.vectors`.
        layers: names; None for the first of each block.
        dimension: numbers of a sketch, over all layers.
        scaling: "paintings" divides each layer by its mean norm over the eight bundled paintings,
            so that layers weigh alike; "none"; "auto": paintings for a sketch, none for others.
        size: longer side in pixels. square: cut the middle square out of each picture first.
        rotations: mean over the picture's four quarter turns.
        network: its name, or one that is loaded.
        weights, pooling, padding, device, precision: of a network by name; see `load_network`.
        seed: of the sketch.

    Source: G15a (Gram matrices), P13 and G16 (sketches).

    Example:
        >>> import stylespace as ss
        >>> features = ss.StyleFeatures(kind="mean", layers=["conv1_1", "conv2_1"], size=64)
        >>> features.transform(["sample:gogh-auvers", "sample:durer-lion"]).shape
        (2, 192)
    """

    def __init__(
        self,
        *,
        kind: str = "sketch",
        layers: Sequence[str] | str | None = None,
        dimension: int = 1024,
        scaling: str = "auto",
        size: int = 224,
        square: bool = False,
        rotations: bool = False,
        network: str | Network = "vgg19-norm",
        weights: str | os.PathLike[str] | None = None,
        pooling: str = "average",
        padding: str = "zeros",
        device: str = "auto",
        precision: str = "float32",
        seed: int = 0,
    ) -> None:
        self.kind, self.layers, self.dimension, self.scaling = kind, layers, dimension, scaling
        self.size, self.square, self.rotations, self.network = size, square, rotations, network
        self.weights, self.pooling, self.padding = weights, pooling, padding
        self.device, self.precision, self.seed = device, precision, seed

    @public
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Check the parameters and open the network; pictures are not looked at.

        Raises:
            UsageError: an unknown name or layer, or a value out of range. WeightsError: see
                `load_network`.
        """
        self._rows()
        return self

    @public
    def transform(self, X: Any) -> np.ndarray:
        """Return the rows of pictures.

        Args:
            X: paths, sample:NAME, arrays (H, W, 3), (3, H, W) or (H, W), tensors (3, H, W) or
                pictures of Pillow's, in any sequence or iterator; a stack of them, (n, H, W, 3),
                (n, 3, H, W) or, but for three, (n, H, W); a DataLoader of pictures, or of tuples
                that begin with them; a folder. Values are in [0, 1]; arrays may be uint8 or uint16.

        Returns:
            (n, d) float32, in the order of the pictures.

        Raises:
            PictureError: one that cannot be measured, by its name or place.
        """
        rows = self._rows()
        view, sources = View(self.size, self.square), _sources(X)
        blocks: list[np.ndarray] = []
        while chunk := list(islice(sources, view.count)):
            block, reasons = measured(rows, chunk, view)
            for place, why in enumerate(reasons):
                if why:
                    raise PictureError(f"{_name(chunk[place], len(blocks), place, view)}: {why}")
            blocks.append(block)
        if not blocks:
            raise PictureError("no pictures: give at least one.")
        return np.concatenate(blocks)

    @public
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for every column, such as "gram.conv1_1.3.5": (d,) of texts."""
        return np.array(self._rows().names, dtype=object)

    def _rows(self) -> Rows:
        """Return what makes rows, with the parameters as they are now."""
        values = self.get_params(deep=False)
        network, layers = values.pop("network"), values.pop("layers")
        if isinstance(network, Network):
            settings = settings_with(Vectors, None, values)
            return Rows(network, settings, layers or default_style_layers(network.name))
        settings = settings_with(Vectors, None, {**values, "layers": layers}, network)
        return Rows(_loaded(sight_of(settings)), settings, list(settings.style_layers()))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit, tags.no_validation = False, True
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        tags.transformer_tags.preserves_dtype = []
        return tags


_loaded = lru_cache(maxsize=2)(network_of_sight)


def _sources(pictures: Any) -> Iterator[Any]:
    """Yield pictures one by one, whatever holds them."""
    if hasattr(pictures, "to_numpy"):  # a column of pandas or polars
        pictures = pictures.to_numpy()
    if isinstance(pictures, DataLoader):
        return chain.from_iterable(map(_of_batch, pictures))
    if isinstance(pictures, str | os.PathLike):
        folder = Path(pictures).is_dir()
        return iter(pictures_in(pictures) if folder else [pictures])
    if isinstance(pictures, np.ndarray) and pictures.dtype.kind in "OUS":
        return iter(pictures.ravel())
    if isinstance(pictures, np.ndarray | torch.Tensor):
        return iter([pictures] if _is_single(pictures.shape) else pictures)
    if isinstance(pictures, Image.Image):
        return iter([pictures])
    if not isinstance(pictures, Iterable):
        raise UsageError(f"X is of type {type(pictures).__name__}: pictures are needed.")
    return iter(pictures)


def _is_single(shape: Sequence[int]) -> bool:
    """Tell one picture in colour from a stack, also of grey ones."""
    return len(shape) == 2 or (len(shape) == 3 and 3 in (shape[0], shape[2]))


def _of_batch(batch: Any) -> Iterator[Any]:
    """Yield the pictures of a DataLoader's batch, which may be the first of a tuple."""
    return _sources(batch[0] if isinstance(batch, list | tuple) else batch)


def _name(source: Any, blocks: int, place: int, view: View) -> str:
    if isinstance(source, str | os.PathLike):
        return repr(str(source))
    return f"picture {blocks * view.count + place}"
