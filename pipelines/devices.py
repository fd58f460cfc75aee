"""Where models run when nobody says: found without importing torch, which alone would cost seconds."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def default_device() -> str:
    """`SAMLOOM_DEVICE` if set, else "cuda" where both a driver and a CUDA build of torch are there, else "cpu"."""
    if chosen := os.environ.get("SAMLOOM_DEVICE"):
        return chosen
    return "cuda" if _NVIDIA_DRIVER.exists() and _torch_is_built_for_cuda() else "cpu"


def _torch_is_built_for_cuda() -> bool:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return version.is_file() and re.search(r"^cuda\b[^=]*=\s*['\"]", version.read_text(), re.MULTILINE) is not None
