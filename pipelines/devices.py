"""Where models run when nobody says: found without importing torch, which alone would cost seconds."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from pipelines.errors import UserError

DTYPES = ("float32", "bfloat16", "float16", "float64")
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?")
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


def default_device() -> str:
    """`SAMLOOM_DEVICE` if set, else "cuda" where both a driver and a CUDA build of torch are there, else "cpu".

    Raises `UserError` for a variable that names no device.
    """
    if chosen := os.environ.get("SAMLOOM_DEVICE"):
        check_device(chosen, "SAMLOOM_DEVICE=")
        return chosen
    return "cuda" if _NVIDIA_DRIVER.exists() and _torch_is_built_for("cuda") else "cpu"


def check_device(name: str, said: str = "") -> None:
    """Raise `UserError` for a device on which nothing can run here; `said` is what stands before its name.

    A driver that is missing is found only when a model is loaded: where it lies differs from system to system.
    """
    if not is_device(name):
        raise UserError(f"{said}{name} is no device. Choose cpu, cuda, cuda:1 or mps.")
    if name.startswith("cuda") and not _torch_is_built_for("cuda|hip"):
        raise UserError(f"{said}{name}: PyTorch is installed without CUDA here. Choose cpu, or install it with CUDA.")


def is_device(name: str) -> bool:
    """Whether a device of this name can be on any machine."""
    return _DEVICE.fullmatch(name) is not None


def _torch_is_built_for(platform: str) -> bool:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    pattern = rf"^(?:{platform})\b[^=]*=\s*['\"]"
    version = Path(spec.origin).with_name("version.py")
    return version.is_file() and re.search(pattern, version.read_text(), re.MULTILINE) is not None
