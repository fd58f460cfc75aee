"""Where a recipe computes, and how: bfloat16 where it is computed in hardware, single precision elsewhere."""

from __future__ import annotations

import torch

from sam_model.precision import is_emulated


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def low_precision(kind: str = "cpu") -> torch.dtype:
    """bfloat16, or float32 where that would be emulated, on a kind of device."""
    return torch.float32 if is_emulated(torch.device(kind), torch.bfloat16) else torch.bfloat16


def autocast(kind: str = "cpu") -> torch.autocast:
    """A context in which networks compute in `low_precision`; their weights stay in single precision."""
    return torch.autocast(kind, torch.bfloat16, enabled=low_precision(kind) == torch.bfloat16)
