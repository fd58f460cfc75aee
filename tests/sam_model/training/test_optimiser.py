"""Rates: of each layer, in warm-up and after milestones; and what decays."""

from __future__ import annotations

import pytest
import torch

from sam_model import VIT_T, Sam, build_sam
from sam_model.training.config import OptimiserSettings
from sam_model.training.optimiser import layer_scales, make_optimiser, rate_at, set_rate
from sam_model.training.recipes import FINETUNE, PAPER_B, PAPER_H, PAPER_L

PAPER = OptimiserSettings()


@pytest.fixture(scope="module")
def sam(small):
    return build_sam(small)


def test_layers_learn_at_rate_to_the_power_of_their_distance_from_the_end(sam):
    scales = layer_scales(sam, 0.5)
    assert scales["image_encoder.pos_embed"] == scales["image_encoder.patch_embed.proj.weight"] == 0.5**3
    assert scales["image_encoder.blocks.0.attn.qkv.weight"] == scales["image_encoder.blocks.0.attn.rel_pos_h"] == 0.5**2
    assert scales["image_encoder.blocks.1.mlp.lin2.bias"] == 0.5
    rest = {name for name, scale in scales.items() if scale == 1}
    assert rest == {name for name in scales if not name.startswith("image_encoder.") or ".neck." in name}


def test_a_tiny_vit_has_a_layer_for_each_of_its_blocks():
    with torch.device("meta"):
        scales = layer_scales(Sam(VIT_T), 0.5)
    assert scales["image_encoder.patch_embed.seq.0.c.weight"] == 0.5**13
    assert scales["image_encoder.layers.0.blocks.0.conv1.c.weight"] == 0.5**12
    assert scales["image_encoder.layers.0.downsample.conv1.c.weight"] == 0.5**11
    assert scales["image_encoder.layers.3.blocks.1.attn.qkv.weight"] == 0.5
    assert scales["image_encoder.neck.0.weight"] == 1


def test_weights_decay_but_neither_norms_nor_biases_nor_tokens_nor_positions(sam):
    optimiser = make_optimiser(sam, PAPER)
    decay = {id(member): group["weight_decay"] for group in optimiser.param_groups for member in group["params"]}
    named = {name: decay[id(parameter)] for name, parameter in sam.named_parameters()}
    assert set(named.values()) == {0.0, 0.1}
    assert named["image_encoder.blocks.0.attn.qkv.weight"] == named["image_encoder.neck.0.weight"] == 0.1
    assert named["mask_decoder.output_hypernetworks_mlps.0.layers.0.weight"] == 0.1
    for still in ("image_encoder.pos_embed", "image_encoder.blocks.0.attn.rel_pos_w", "image_encoder.neck.1.weight",
                  "image_encoder.blocks.0.norm1.bias", "mask_decoder.mask_tokens.weight",
                  "prompt_encoder.point_embeddings.2.weight", "prompt_encoder.no_mask_embed.weight"):  # fmt: skip
        assert named[still] == 0, still


def test_frozen_parameters_are_not_in_the_optimiser(sam, small):
    frozen = build_sam(small)
    frozen.image_encoder.requires_grad_(False)
    members = {id(member) for group in make_optimiser(frozen, PAPER).param_groups for member in group["params"]}
    assert not members & {id(parameter) for parameter in frozen.image_encoder.parameters()}
    assert {id(parameter) for parameter in frozen.mask_decoder.parameters()} <= members


def test_groups_get_their_part_of_the_rate(sam):
    optimiser = make_optimiser(sam, OptimiserSettings(layer_decay=0.5))
    set_rate(optimiser, 0.2)
    assert {group["lr"] for group in optimiser.param_groups} == {0.2, 0.1, 0.05, 0.025}
    assert optimiser.defaults["betas"] == (0.9, 0.999)


def test_the_rate_rises_linearly_over_250_steps_and_falls_tenfold_at_milestones():
    assert rate_at(0, PAPER) == pytest.approx(8e-4 / 250)
    assert rate_at(124, PAPER) == pytest.approx(4e-4)
    assert rate_at(249, PAPER) == rate_at(59_999, PAPER) == pytest.approx(8e-4)
    assert rate_at(60_000, PAPER) == rate_at(86_665, PAPER) == pytest.approx(8e-5)
    assert rate_at(86_666, PAPER) == pytest.approx(8e-6)


def test_the_recipes_have_the_papers_numbers():
    expected = {
        "vit_h": (PAPER_H, 8e-4, 0.8, 0.4, 90_000, 256),
        "vit_l": (PAPER_L, 4e-4, 0.8, 0.4, 180_000, 128),
        "vit_b": (PAPER_B, 8e-4, 0.6, 0.6, 180_000, 128),
    }
    for preset, (config, *numbers) in expected.items():
        network, optimiser, run = config.network, config.optimiser, config.run
        assert [optimiser.rate, optimiser.layer_decay, network.drop_path, run.steps, run.batch] == numbers
        assert (network.preset, optimiser.weight_decay, optimiser.warmup) == (preset, 0.1, 250)
        assert (config.prompts.rounds, config.prompts.boxes, config.data.masks, config.data.largest) == (
            11,
            0.5,
            64,
            0.9,
        )
        assert [milestone / run.steps for milestone in optimiser.milestones] == pytest.approx(
            [2 / 3, 26 / 27], abs=1e-5
        )
    assert PAPER_H.optimiser.milestones == (60_000, 86_666)
    assert FINETUNE.run.steps > max(FINETUNE.optimiser.milestones)
