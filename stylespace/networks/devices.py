"""Devices and precisions by name."""

import torch

from stylespace.errors import UsageError, check_known


def feature_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of convolutions for a precision by name on a device."""
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    check_known("precision", precision, ("auto", *named))
    if precision == "float64" and device.type == "mps":
        raise UsageError("mps has no float64: use --device cpu or another --precision.")
    return named[precision]


def device_for(name: str) -> torch.device:
    """Return a torch device by name; "auto" is CUDA, then MPS, then the CPU.

    Raises:
        UsageError: unknown, or not there on this machine.
    """
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).tolist()  # "meta" has no values to give back
    except Exception:  # torch answers an unknown device in many ways, missing modules among them
        raise UsageError(f"device {name!r} is not available here: use --device cpu.") from None
    return device
