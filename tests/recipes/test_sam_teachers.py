"""The teachers of cells, and of the decoder's first look: what they ask for, and what they leave alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from recipes.sam.data import Batch
from recipes.sam.dense import REACH_WEIGHT, DenseHead, dense_loss, dense_targets, meaning_loss, owners_of
from recipes.sam.export import blended
from recipes.sam.glance import Glance, glance_loss
from recipes.sam.interaction import converse
from sam_model.config import TINY
from sam_model.modeling.sam import build_sam

SPEAKING = replace(TINY, image_size=48, encoder_width=16, encoder_depth=2, encoder_heads=2, window_size=3,
                   global_blocks=(1,), width=16, decoder_mlp_width=16, text_width=8)  # fmt: skip


def test_edges_lie_where_things_meet_too() -> None:
    masks = np.zeros((2, 16, 16), dtype=bool)
    masks[0, :, :8], masks[1, :, 8:] = True, True
    things, edges, *_ = dense_targets(masks, 8)
    assert things.min() == 1
    assert edges[:, 3:5].min() == 1
    assert edges[:, :3].max() == edges[:, 5:].max() == 0


def test_every_cell_of_a_thing_knows_how_far_its_box_reaches() -> None:
    masks = np.zeros((2, 16, 16), dtype=bool)
    masks[0, 2:10, 4:12], masks[1, 12:16, 0:4] = True, True
    left, top, right, bottom = dense_targets(masks, 8)[2:]
    middle = 5 / 16
    assert (left[2, 2], right[2, 2]) == pytest.approx((middle - 4 / 16, 12 / 16 - middle))
    assert (top[2, 2], bottom[2, 2]) == pytest.approx((middle - 2 / 16, 10 / 16 - middle))
    assert bottom[7, 0] == pytest.approx(1 / 16)
    assert left[0].tolist() == [0] * 8


def test_the_dense_loss_asks_for_reach_inside_things_only() -> None:
    wanted = torch.zeros(1, 6, 4, 4)
    wanted[:, 2:, 0, 0] = 0.5
    answer = torch.zeros(1, 6, 4, 4)
    outside, inside = answer.clone(), answer.clone()
    outside[:, 2:, 1:] = 3.0
    inside[:, 2:, 0, 0] = 0.5
    assert dense_loss(outside, wanted) == dense_loss(answer, wanted)
    assert dense_loss(answer, wanted) - dense_loss(inside, wanted) == pytest.approx(0.5 * REACH_WEIGHT)


def test_cells_belong_to_the_thing_in_their_middle() -> None:
    masks = np.zeros((2, 8, 8), dtype=bool)
    masks[0, :4, :4] = True
    masks[1, 4:, :] = True
    assert owners_of(masks, 4).tolist() == [[0, 0, -1, -1]] * 2 + [[1, 1, 1, 1]] * 2


def test_the_dense_head_puts_cells_where_their_patch_is() -> None:
    head = DenseHead(1)
    torch.nn.init.ones_(head.project.weight)
    torch.nn.init.zeros_(head.project.bias)
    embedding = torch.zeros(1, 1, 2, 2)
    embedding[0, 0, 1, 0] = 1
    assert torch.nonzero(head(embedding)[0, 5]).tolist() == [[y, x] for y in range(4, 8) for x in range(4)]


def test_a_cell_answers_to_the_name_of_its_thing_and_where_nothing_is_to_none() -> None:
    embedding = torch.zeros(1, 4, 2, 2)
    embedding[0, :, 0, 0] = torch.tensor([0.0, 6, 0, 0])
    tokens = torch.eye(4)[:2] * 6
    owners = torch.tensor([[[1, -1], [-1, -1]]])
    loss, right = meaning_loss(embedding, owners, tokens)
    thing = math.log(2 + math.exp(18)) - 18  # names 0 and "nothing" stand at 0, its own at 6 · 6 / √4
    assert loss.item() == pytest.approx((thing + math.log(3)) / 2, abs=1e-6)
    assert right == 1
    assert meaning_loss(embedding, owners.clamp(max=0), tokens)[1] == 0


def test_things_count_as_much_as_what_lies_between_however_few_their_cells() -> None:
    embedding = torch.randn(1, 4, 8, 8, requires_grad=True)
    owners = torch.full((1, 8, 8), -1)
    owners[0, 3, 5] = 0
    meaning_loss(embedding, owners, torch.randn(1, 4))[0].backward()
    strength = embedding.grad[0].norm(dim=0)
    assert strength[3, 5] > 20 * strength[owners[0] < 0].mean()


def test_a_batch_without_things_teaches_that_nothing_answers() -> None:
    loss, right = meaning_loss(torch.zeros(1, 4, 2, 2), torch.full((1, 2, 2), -1), torch.randn(3, 4))
    assert (loss.item(), right) == (pytest.approx(math.log(4)), 0)


def test_a_glance_is_how_the_texts_token_divides_its_attention() -> None:
    sam = build_sam(SPEAKING)
    attention = sam.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    made = []
    attention.out_proj.register_forward_hook(lambda module, given, out: made.append(given[0]))
    embedding, texts = torch.randn(2, 16, 6, 6), torch.randn(2, 8)
    with Glance(sam) as glance:
        sam.decode(embedding, texts=texts)
    shares = glance.shares()
    assert shares.sum(-1).flatten().tolist() == pytest.approx([1.0] * 16)
    values = attention.split(attention.v_proj(embedding.flatten(2).mT + _unhinted(sam)))
    taken = torch.einsum("nhp,nhpd->nhd", shares, values).flatten(1)
    torch.testing.assert_close(taken, made[0][:, 5], atol=1e-5, rtol=1e-4)


def _unhinted(sam: torch.nn.Module) -> torch.Tensor:
    """What is added to every cell where no mask is given as a hint."""
    return sam.prompt_encoder.no_mask_embed.weight[0]


def test_nothing_is_caught_after_a_glance() -> None:
    sam = build_sam(SPEAKING)
    with Glance(sam) as glance:
        sam.decode(torch.randn(1, 16, 6, 6), texts=torch.randn(1, 8))
    before = glance.shares()
    sam.decode(torch.randn(1, 16, 6, 6), texts=torch.randn(1, 8))
    assert torch.equal(glance.shares(), before)


def test_heads_share_the_look_at_a_thing() -> None:
    wanted = torch.zeros(1, 8, 8)
    wanted[0, :4, :4] = 1
    on_it, elsewhere = torch.tensor([1.0, 0, 0, 0]), torch.tensor([0.0, 0, 0.5, 0.5])
    loss, met = glance_loss(torch.stack([on_it, elsewhere])[None], wanted)
    assert met == pytest.approx(0.5)
    assert loss.item() == pytest.approx(math.log(2))


def test_a_share_of_the_earlier_weights_comes_back_but_not_of_texts() -> None:
    sam, earlier = build_sam(SPEAKING).state_dict(), build_sam(SPEAKING).state_dict()
    both = blended(sam, earlier, 0.1)
    for name, weight in both.items():
        expected = sam[name] if ".text_proj." in name else 0.9 * sam[name] + 0.1 * earlier[name]
        torch.testing.assert_close(weight, expected)


def test_only_what_is_asked_in_words_is_judged_by_its_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.sam.interaction.read_batch", lambda meanings: torch.randn(len(meanings), 8))
    sam, targets = build_sam(SPEAKING), torch.zeros(2, 24, 24)
    targets[:, 4:16, 4:16] = 1
    boxes, nothing = torch.tensor([[8.0, 8, 32, 32]]).repeat(2, 1), torch.zeros(0)
    batch = Batch(nothing, nothing, torch.tensor([0, 0]), boxes, targets, ("kite", None), nothing, ())
    clicked = torch.tensor([False, True])
    for asked, kinds in ((batch, {"box", "click", "text", "glance"}), (batch.part(clicked), {"box", "click"})):
        chosen = clicked[-len(asked.index) :]
        answers = converse(sam, torch.randn(1, 16, 6, 6), asked, clicked=chosen, rounds=2, generator=torch.Generator())
        assert answers.keys() == kinds
        assert {kind for kind, answer in answers.items() if answer.weight < 1} == kinds & {"glance"}
