"""Where a recipe computes, and how: bfloat16 where it is computed in hardware, single precision elsewhere.

A processor without AVX-512 emulates bfloat16, a hundred times more slowly than it computes in single precision.
"""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def low_precision(kind: str = "cpu") -> torch.dtype:
    """bfloat16, or float32 where that would be emulated, on a kind of device."""
    emulated = kind == "cpu" and not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return torch.float32 if emulated else torch.bfloat16


def autocast(kind: str = "cpu") -> torch.autocast:
    """A context in which networks compute in `low_precision`; their weights stay in single precision."""
    return torch.autocast(kind, torch.bfloat16, enabled=low_precision(kind) == torch.bfloat16)
