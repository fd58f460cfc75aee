"""Meta's `segment-anything` beside ours, with the same weights, lively enough that every tensor counts."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer
from segment_anything.modeling import Sam as MetaSam
from torch import nn

from sam_model import VIT_B, Sam, SamConfig, build_sam
from sam_model.modeling import ImageEncoder

SMALL = replace(VIT_B, image_size=256, encoder_width=192, encoder_heads=3, encoder_depth=2, global_blocks=(1,))
"""The real decoder behind a small encoder on a 16×16 grid: windows of 14 need padding, as on the real 64×64 grid."""
ODD = SamConfig(
    image_size=96,
    patch_size=8,
    encoder_width=48,
    encoder_depth=2,
    encoder_heads=3,
    encoder_mlp_ratio=2,
    window_size=4,
    global_blocks=(0,),
    width=32,
    hint_channels=8,
    decoder_depth=3,
    decoder_heads=4,
    decoder_mlp_width=64,
)
"""Every size differs from ViT-B's."""


class Twins(NamedTuple):
    ours: Sam
    metas: MetaSam


@pytest.fixture(scope="session")
def build_twins():
    """Make both networks of a configuration with the same lively weights."""
    return make_twins


@pytest.fixture(scope="session", params=[SMALL, ODD], ids=["small encoder", "odd sizes"])
def pair(request) -> Twins:
    """The twins in two sets of sizes."""
    return make_twins(request.param)


@pytest.fixture(scope="session")
def odd() -> SamConfig:
    """Small sizes, all unlike ViT-B's."""
    return ODD


@pytest.fixture(scope="session")
def lively_sam() -> Sam:
    """A small network for tests that need no reference."""
    sam = build_sam(ODD).eval()
    liven(sam)
    return sam


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A picture that is wider than high, of coarse random shapes under fine noise."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 200, (5, 8, 3)).repeat(30, axis=0).repeat(30, axis=1)[:131, :203]
    return (coarse + random.integers(0, 55, coarse.shape)).astype(np.uint8)


@pytest.fixture(scope="session")
def twins_of():
    """Give a network of ours a twin."""

    def make(ours: Sam) -> Twins:
        metas = build_meta(ours.config)
        if not isinstance(ours.image_encoder, ImageEncoder):
            metas.image_encoder = lend(ours)
        taken = metas.load_state_dict(ours.state_dict(), strict=False)
        assert not taken.missing_keys
        assert all(name.startswith("prompt_encoder.text_proj") for name in taken.unexpected_keys)
        return Twins(ours.eval(), metas.eval())

    return make


def lend(ours: Sam) -> nn.Module:
    """An encoder that Meta's package lacks, as its classes expect one."""
    encoder = deepcopy(ours.image_encoder).eval()
    encoder.img_size = ours.config.image_size
    return encoder


def make_twins(config: SamConfig) -> Twins:
    metas = build_meta(config)
    liven(metas)
    with torch.device("meta"):
        ours = Sam(config).eval()
    ours.load_state_dict(metas.state_dict(), assign=True)
    return Twins(ours, metas)


def build_meta(config: SamConfig) -> MetaSam:
    """Segment Anything by its authors, in sizes that `segment_anything/build_sam.py` fixes; its weights are unset."""
    grid = (config.grid_size, config.grid_size)
    with torch.device("meta"):
        encoder = ImageEncoderViT(
            img_size=config.image_size,
            patch_size=config.patch_size,
            embed_dim=config.encoder_width,
            depth=config.encoder_depth,
            num_heads=config.encoder_heads,
            mlp_ratio=config.encoder_mlp_ratio,
            out_chans=config.width,
            qkv_bias=True,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=config.window_size,
            global_attn_indexes=config.global_blocks,
        )
        prompts = PromptEncoder(
            embed_dim=config.width,
            image_embedding_size=grid,
            input_image_size=(config.image_size, config.image_size),
            mask_in_chans=config.hint_channels,
        )
        transformer = TwoWayTransformer(
            depth=config.decoder_depth,
            embedding_dim=config.width,
            mlp_dim=config.decoder_mlp_width,
            num_heads=config.decoder_heads,
        )
        decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=transformer,
            transformer_dim=config.width,
            iou_head_depth=3,
            iou_head_hidden_dim=config.width,
        )
    return MetaSam(*(part.to_empty(device="cpu") for part in (encoder, prompts, decoder))).eval()


@torch.no_grad()
def liven(network: nn.Module) -> None:
    """Draw every tensor at random, so large that a forgotten or misplaced one shows in the result.

    Layers keep the variance of what passes through; embeddings and positions are as large as what they are added to.
    """
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        noise = torch.randn(tensor.shape, generator=generator)
        module = network.get_submodule(name.rpartition(".")[0])
        if name.endswith("bias"):
            noise *= 0.1
        elif isinstance(module, nn.Linear | nn.Conv2d):
            noise /= math.sqrt(tensor[0].numel())
        elif isinstance(module, nn.ConvTranspose2d):
            noise /= math.sqrt(tensor.shape[0])
        elif "rel_pos" in name:
            noise *= 0.3
        elif tensor.ndim == 1:
            noise = 1 + 0.1 * noise
        tensor.copy_(noise)
