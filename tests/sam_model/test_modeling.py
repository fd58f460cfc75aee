"""Properties of the network that the comparison with a reference does not show."""

from __future__ import annotations

from dataclasses import replace

import jaxtyping
import pytest
import torch

from sam_model import TINY, build_sam
from sam_model.modeling import attention, image_encoder
from sam_model.modeling.layers import DropPath, LayerNorm2d
from sam_model.names import POSITIONS


@pytest.fixture
def small():
    torch.manual_seed(0)
    return build_sam(replace(TINY, image_size=64, encoder_depth=2, global_blocks=(1,)), drop_path=0.1)


def test_shapes_in_signatures_are_enforced(small):
    with pytest.raises(jaxtyping.TypeCheckError):
        small.mask_decoder(None, torch.zeros(2, 3))


def test_every_parameter_learns(small):
    size = small.config.logits_size
    embeddings = small.image_encoder(torch.randn(2, 3, 64, 64))
    points = torch.rand(2, 4, 2) * 64, torch.tensor([[1, 0, -1, 1], [1, 1, 0, -1]])
    boxes = torch.tensor([[3.0, 4, 50, 60], [1, 1, 20, 30]])
    answers = small.decode(embeddings, points=points, boxes=boxes, masks=torch.randn(2, 1, size, size))
    plain = small.decode(embeddings, points=points)
    sum(answer.square().sum() for answer in (*answers, *plain)).backward()
    for name, parameter in small.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_in_parts_the_encoder_sees_the_same(small, monkeypatch):
    """Without gradients a processor goes through a picture in parts: here, ones that do not divide it."""
    small.eval()
    images = torch.randn(2, 3, 64, 64)
    whole = small.image_encoder(images).detach()
    monkeypatch.setattr(image_encoder, "TOKENS_AT_ONCE", 3 * small.config.window_size**2)
    with torch.no_grad():
        torch.testing.assert_close(small.image_encoder(images), whole, atol=1e-5, rtol=0)


def test_fresh_weights_can_tell_places_apart(small):
    state = small.state_dict()
    for name in (
        "image_encoder.pos_embed",
        "image_encoder.blocks.0.attn.rel_pos_h",
        "image_encoder.blocks.0.mlp.lin1.weight",
    ):
        assert 0.01 < state[name].std() < 0.03, name
    assert 0.8 < state[POSITIONS].std() < 1.2


@torch.no_grad()
def test_pictures_of_a_batch_do_not_meet(small):
    small.eval()
    images = torch.randn(3, 3, 64, 64)
    alone = torch.cat([small.image_encoder(image[None]) for image in images])
    torch.testing.assert_close(small.image_encoder(images), alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_one_picture_answers_as_its_copies(small):
    small.eval()
    embedding = small.image_encoder(torch.randn(1, 3, 64, 64))
    boxes = torch.rand(5, 4) * 64
    together = small.decode(embedding, boxes=boxes)
    copies = small.decode(embedding.expand(5, -1, -1, -1), boxes=boxes)
    for one, many in zip(together, copies, strict=True):
        torch.testing.assert_close(one, many, atol=1e-5, rtol=0)


@torch.no_grad()
def test_slices_of_attention_are_the_whole(small, monkeypatch):
    small.eval()
    image = torch.randn(1, 3, 64, 64)
    monkeypatch.setitem(attention.BIAS_BYTES, "cpu", 1 << 30)
    whole = small.image_encoder(image)
    monkeypatch.setitem(attention.BIAS_BYTES, "cpu", 1)
    torch.testing.assert_close(small.image_encoder(image), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_positions_stay_exact_in_any_dtype(small, dtype):
    before = small.state_dict()[POSITIONS].clone()
    after = small.to(dtype).state_dict()[POSITIONS]
    assert after.dtype == torch.float32
    assert torch.equal(after, before)


@torch.no_grad()
def test_autocast_leaves_positions_exact_and_eight_prompts_answer_as_one_does(small):
    small.eval()
    points, labels = torch.rand(8, 1, 2) * 64, torch.ones(8, 1, dtype=torch.int64)
    exact = small.prompt_encoder.embed_points(points, labels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(small.prompt_encoder.embed_points(points, labels), exact)
        picture = small.look(small.image_encoder(torch.randn(1, 3, 64, 64)))
        assert small.share(picture) is picture


def test_half_precision_norms_do_not_overflow():
    features = 1000 * torch.randn(1, 4, 3, 3)
    norm = LayerNorm2d(4)
    torch.testing.assert_close(norm.half()(features.half()).float(), norm.float()(features), atol=0.01, rtol=0)


def test_drop_path_keeps_the_mean_and_rests_outside_training():
    torch.manual_seed(0)
    drop = DropPath(0.4)
    branch = torch.ones(4000, 1)
    assert drop(branch).unique().tolist() == pytest.approx([0, 1 / 0.6])
    assert drop(branch).mean() == pytest.approx(1, abs=0.05)
    assert drop.eval()(branch) is branch
