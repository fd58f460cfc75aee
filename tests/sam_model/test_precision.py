"""Half precision that a processor only emulates is announced, and nothing else is."""

from __future__ import annotations

import platform
import warnings
from pathlib import Path

import pytest
import torch

from sam_model import TINY, build_sam, load_sam, save_sam
from sam_model.precision import EmulatedPrecisionWarning, is_emulated

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch):
    def become(machine: str, capability: str) -> None:
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)

    return become


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_x86_without_avx512_emulates_half_precision(processor, dtype: torch.dtype) -> None:
    processor("x86_64", "AVX2")
    assert is_emulated(CPU, dtype)
    assert not is_emulated(CPU, torch.float32)
    assert not is_emulated(torch.device("cuda"), dtype)


@pytest.mark.parametrize(("machine", "capability"), [("x86_64", "AVX512"), ("arm64", "DEFAULT")])
def test_others_are_trusted(processor, machine: str, capability: str) -> None:
    processor(machine, capability)
    assert not is_emulated(CPU, torch.bfloat16)


def test_loading_says_what_would_be_faster(processor, tmp_path: Path) -> None:
    save_sam(build_sam(TINY), tmp_path)
    processor("x86_64", "AVX2")
    with pytest.warns(EmulatedPrecisionWarning, match="bfloat16 is emulated on this processor, .* use float32"):
        load_sam(tmp_path, dtype=torch.bfloat16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_sam(tmp_path)
