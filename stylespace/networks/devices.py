"""Devices and precisions by name."""

import torch

from stylespace.errors import UsageError, check_known

FAST = ("amx_bf16", "avx512_bf16")
"""Processors' instructions for bfloat16: with them a transfer takes 1 / 1.75 of the time."""


WINOGRAD = "winograd"
"""The precision of float32 with fewer multiplications; see `stylespace.networks.winograd`."""
DTYPES = {
    "float32": torch.float32,
    WINOGRAD: torch.float32,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}
"""The dtype of convolutions of each precision."""


def known_precision(precision: str, device: torch.device) -> str:
    """Return one of DTYPES: what "auto" is on a device, others as they are.

    Raises:
        UsageError: an unknown one, or one that the device does not have.
    """
    if precision == "auto":
        plain = WINOGRAD if device.type == "cpu" else "float32"
        return "bfloat16" if _is_fast_at_bfloat16(device) else plain
    check_known("precision", precision, ("auto", *DTYPES))
    if precision == "float64" and device.type == "mps":
        raise UsageError("mps has no float64: use --device cpu or another --precision.")
    return precision


def _is_fast_at_bfloat16(device: torch.device) -> bool:
    """Say whether a device multiplies numbers in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    told = getattr(torch.cpu, "get_capabilities", None)  # not in all torch versions
    known = told() if told and device.type == "cpu" else {}
    return any(known.get(name) for name in FAST)


def device_for(name: str) -> torch.device:
    """Return a torch device by name; "auto" is CUDA, then MPS, then the CPU.

    Convolutions on CUDA devices are in whole float32 from then on, not in one of ten bits, which is
    torch's default: figures are measured with them, and who wants speed takes bfloat16.

    Raises:
        UsageError: unknown, or not there on this machine.
    """
    if torch.cuda.is_available():
        torch.backends.cudnn.allow_tf32 = False
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).tolist()  # "meta" has no values to give back
    except Exception:  # torch answers an unknown device in many ways, missing modules among them
        raise UsageError(f"device {name!r} is not available here: use --device cpu.") from None
    return device
