"""Attention without gradients, which writes over its own memory, gives what attention with gradients gives."""

from __future__ import annotations

import pytest
import torch

from sam_model.modeling import attention
from sam_model.modeling.attention import RelativeAttention


@pytest.fixture
def layer() -> RelativeAttention:
    torch.manual_seed(0)
    layer = RelativeAttention(24, 3, 7)
    for table in (layer.rel_pos_h, layer.rel_pos_w):
        torch.nn.init.normal_(table)
    return layer


@pytest.mark.parametrize("rows", [1, 3, 7], ids=["a row at once", "slices that do not divide the grid", "all at once"])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.bfloat16, 3e-2)])
def test_with_and_without_gradients_it_is_the_same(layer, rows, dtype, near, monkeypatch):
    bytes_a_row = 2 * 3 * 7**3 * torch.finfo(dtype).bits // 8
    monkeypatch.setattr(attention, "BIAS_BYTES", {"cpu": rows * bytes_a_row})
    layer, x = layer.to(dtype), torch.randn(2, 7, 7, 24).to(dtype)
    learning = layer(x)
    assert learning.requires_grad
    with torch.no_grad():
        found = layer(x)
    torch.testing.assert_close(found, learning.detach(), rtol=near, atol=near)


@pytest.mark.parametrize("heads", [1, 2], ids=["head by head", "heads that do not divide"])
def test_some_heads_at_a_time_are_the_same(layer, heads, monkeypatch):
    x = torch.randn(2, 7, 7, 24)
    together = layer(x).detach()
    monkeypatch.setattr(attention, "MANY_TOKENS", 2 * 7 * 7)
    monkeypatch.setattr(attention, "HEADS_AT_ONCE", heads)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), together, rtol=1e-6, atol=1e-6)


def test_in_bfloat16_it_is_as_near_to_the_truth_as_the_fused_kernel(layer):
    x = torch.randn(1, 7, 7, 24)
    truth = layer(x).detach()
    layer, x = layer.to(torch.bfloat16), x.bfloat16()
    fused = (layer(x).detach().float() - truth).square().mean()
    with torch.no_grad():
        found = (layer(x).float() - truth).square().mean()
    assert found < 1.5 * fused
