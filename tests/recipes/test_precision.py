"""Recipes compute in half precision where it is computed, and not where it is emulated."""

from __future__ import annotations

import platform

import pytest
import torch

from recipes.precision import autocast, low_precision


@pytest.mark.parametrize(("capability", "dtype"), [("AVX2", torch.float32), ("AVX512", torch.bfloat16)])
def test_a_product_has_the_precision_of_the_processor(
    monkeypatch: pytest.MonkeyPatch, capability: str, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert low_precision() == product.dtype == dtype
    assert low_precision("cuda") == torch.bfloat16
