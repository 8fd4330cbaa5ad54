"""Reading the tensors of a weights file that anyone may have written."""

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from stylespace.errors import StylespaceError, WeightsError, memory_for
from stylespace.files import check_header


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors or .pth file; code in a pickle is never run.

    Raises:
        WeightsError: missing, damaged, or holding anything but tensors.
    """
    if not path.is_file():
        kind = "no ordinary file" if path.exists() else "missing"
        kind = "a folder" if path.is_dir() else kind
        raise WeightsError(f"weights file {str(path)!r} is {kind}: check the path.")
    try:
        with memory_for(f"{path} was read"):
            state = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pth(path)
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path}: refused, since it is damaged or a pickle that holds more than tensors, which "
            "could run code: convert it to .safetensors."
        ) from None
    except StylespaceError:
        raise
    except Exception as error:  # the readers raise whatever a damaged file makes them stumble on
        raise WeightsError(
            f"{path}: not a readable weights file ({type(error).__name__}): "
            "give a .pth or .safetensors state dict."
        ) from None
    tensors = {k: v.detach() for k, v in state.items() if isinstance(v, Tensor)}
    return {re.sub(r"^(module|model)\.", "", str(key)): value for key, value in tensors.items()}


def _read_safetensors(path: Path) -> Mapping[str, Tensor]:
    check_header(path)
    return load_file(path)


def _read_pth(path: Path) -> Mapping[str, Tensor]:
    _check_archive(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tensors that are refused below, by name
        state = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(state, Mapping):
        state = state.get("state_dict", state)
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path}: holds {type(state).__name__}, not a state dict of tensors.")
    return state


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more than its file holds: torch never compresses."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            promised = sum(part.file_size for part in archive.infolist())
        if promised > (held := path.stat().st_size):
            raise WeightsError(
                f"{path}: refused, since it is compressed and would unpack from {held:,} to "
                f"{promised:,} bytes: save it with torch.save or as .safetensors."
            )


def unusual(tensor: Tensor) -> str:
    """Say what keeps a tensor from being read as real numbers, or nothing."""
    if tensor.is_meta:
        return "a meta tensor, which holds no values"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "a sparse or nested tensor"
    return "" if tensor.dtype.is_floating_point else f"of {str(tensor.dtype).split('.')[1]}"
