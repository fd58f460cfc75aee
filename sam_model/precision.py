"""Whether a processor computes in half precision, or only pretends to."""

from __future__ import annotations

import platform
import warnings

import torch

HALF = (torch.bfloat16, torch.float16)


class EmulatedPrecisionWarning(UserWarning):
    """The precision asked for halves the memory and costs a multiple of the time."""


def is_emulated(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether `dtype` is put together from single precision on this device, value by value.

    x86 processors compute with half the bits from AVX-512 on; on one that has AVX2 only, a product of matrices in
    bfloat16 was measured to take 170 times as long as in float32. Of other processors nothing is known here.
    """
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return (
        device.type == "cpu"
        and dtype in HALF
        and is_x86
        and not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    )


def warn_if_emulated(device: torch.device, dtype: torch.dtype) -> None:
    """Say so once for each place that asks for it: a run that should be fast and is not looks like a hang."""
    if is_emulated(device, dtype):
        name = str(dtype).removeprefix("torch.")
        message = f"{name} is emulated on this processor, many times slower than float32: use float32, or a GPU."
        warnings.warn(message, EmulatedPrecisionWarning, stacklevel=3)
