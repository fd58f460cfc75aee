"""Prompts that share what the picture says of itself are answered as those that do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sam_model import Box, Predictor
from sam_model.config import SamConfig
from sam_model.modeling import build_sam
from sam_model.modeling.low_rank import LowRank

CONFIG = SamConfig(
    image_size=64, patch_size=8, encoder_width=24, encoder_depth=1, encoder_heads=2, encoder_mlp_ratio=2,
    window_size=4, global_blocks=(0,), width=64, hint_channels=4, decoder_heads=2, decoder_mlp_width=48,
)  # fmt: skip
PROMPTS = 5


def network(config):
    """Random, its norms too: fresh ones neither scale nor shift, and would hide what is done with both."""
    torch.manual_seed(0)
    sam = build_sam(config).eval()
    with torch.no_grad():
        for name, tensor in sam.named_parameters():
            if name.startswith(("mask_decoder", "prompt_encoder")):
                scale = tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.5
                tensor.normal_(mean=1.0 if "norm" in name and "weight" in name else 0.0, std=scale)
    return sam


@pytest.fixture(scope="module", params=[1, 2, 3], ids="{} blocks".format)
def sam(request):
    return network(replace(CONFIG, decoder_depth=request.param))


@pytest.fixture(scope="module")
def picture(sam):
    with torch.inference_mode():
        return sam.look(torch.randn(1, CONFIG.width, CONFIG.grid_size, CONFIG.grid_size) * 3 + 1)


def asked(tokens):
    return torch.rand(PROMPTS, tokens, 2) * CONFIG.image_size, torch.ones(PROMPTS, tokens, dtype=torch.long)


@torch.inference_mode()
def test_masks_and_their_iou_are_the_same(sam, picture):
    points = asked(1)
    plain, shared = sam.judge(picture, points=points), sam.judge(sam.share(picture), points=points)
    assert isinstance(shared.pixels, LowRank)
    torch.testing.assert_close(shared.iou, plain.iou, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(shared.tokens, plain.tokens, atol=1e-5, rtol=1e-5)
    logits = sam.mask_decoder.draw(plain)
    torch.testing.assert_close(sam.mask_decoder.draw(shared), logits, atol=1e-4, rtol=1e-4)
    some = torch.tensor([3, 0])
    torch.testing.assert_close(sam.mask_decoder.draw(shared.take(some)), logits[some], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_many_points_are_answered_the_plain_way(sam, picture):
    points = asked(20)
    plain, shared = sam.judge(picture, points=points), sam.judge(sam.share(picture), points=points)
    assert isinstance(shared.pixels, torch.Tensor)
    assert torch.equal(shared.iou, plain.iou)


def test_nothing_is_shared_where_gradients_flow_or_numbers_are_short(sam, picture):
    assert sam.share(picture) is picture
    with torch.inference_mode():
        short = network(replace(CONFIG, decoder_depth=2)).bfloat16()
        seen = short.look(torch.randn(1, CONFIG.width, CONFIG.grid_size, CONFIG.grid_size).bfloat16())
        assert short.share(seen) is seen


def test_many_boxes_get_the_masks_of_each_alone(sam):
    predictor = Predictor(sam)
    random = np.random.default_rng(0)
    embedding = predictor.embed(random.integers(0, 256, (48, 64, 3), np.uint8))
    corners = np.sort(random.random((9, 2, 2)), axis=1) * (64, 48)
    boxes = corners.reshape(9, 4)
    together = predictor.predict(embedding, Box(boxes), multimask=True)
    for place, box in enumerate(boxes):
        alone = predictor.predict(embedding, Box(box), multimask=True)
        np.testing.assert_allclose(together.iou[place], alone.iou[0], atol=1e-5)
        np.testing.assert_allclose(together.low_res_logits[place], alone.low_res_logits[0], atol=1e-4)
