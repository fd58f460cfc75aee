"""Meta's `segment-anything` in the sizes of one of our configurations, and weights lively enough to compare with."""

from __future__ import annotations

import math
from functools import partial

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer
from segment_anything.modeling import Sam as MetaSam
from torch import nn

from sam_model.config import SamConfig


def build_meta(config: SamConfig) -> MetaSam:
    """Segment Anything by its authors, with the sizes that `segment_anything/build_sam.py` fixes left open."""
    grid = (config.grid_size, config.grid_size)
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
    return MetaSam(encoder, prompts, decoder).eval()


@torch.no_grad()
def liven(network: nn.Module, *, seed: int = 0) -> None:
    """Draw every tensor at random, so large that a forgotten or misplaced one shows in the result.

    Layers keep the variance of what passes through; embeddings and positions are as large as what they are added to.
    """
    generator = torch.Generator().manual_seed(seed)
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
