"""The arithmetic of trainings on a processor: bfloat16 where it is computed in hardware, single precision elsewhere.

A processor without AVX-512 emulates bfloat16, a hundred times more slowly than it computes in single precision.
"""

from __future__ import annotations

import torch


def low_precision() -> torch.dtype:
    """bfloat16, or float32 where that would be emulated."""
    return torch.bfloat16 if torch.backends.cpu.get_cpu_capability().startswith("AVX512") else torch.float32


def autocast() -> torch.autocast:
    """A context in which networks compute in `low_precision`; their weights stay in single precision."""
    return torch.autocast("cpu", torch.bfloat16, enabled=low_precision() == torch.bfloat16)
