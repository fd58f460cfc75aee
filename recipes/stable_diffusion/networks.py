"""The networks' shapes, small enough for one thread: autoencoder, denoiser, text encoder, noise schedule."""

from __future__ import annotations

from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

SIDE = 64
#: The inpainting pipeline takes 4 and no other number: its denoiser must have 9 input channels.
LATENT_CHANNELS = 4
#: Pixels a latent stands for, along each axis.
FACTOR = 4
TEXT_WIDTH = 96
TEXT_LENGTH = 12


def autoencoder() -> AutoencoderKL:
    """(B, 3, 64, 64) in -1..1 to (B, 4, 16, 16) and back. Full resolution takes most of the time: 16 channels there."""
    widths = (16, 32, 96)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        sample_size=SIDE,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )
    _start_linear(vae)
    return vae


def _start_linear(vae: AutoencoderKL) -> None:
    """Let colour through from the first step: orthogonal paths, silent residual branches, latents with little noise."""
    for layer in vae.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight, gain=2**0.5 if layer.kernel_size == (3, 3) else 1.0)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for block in vae.modules():
        if isinstance(block, ResnetBlock2D):
            nn.init.zeros_(block.conv2.weight)
    nn.init.constant_(vae.quant_conv.bias[LATENT_CHANNELS:], -5.0)


def denoiser() -> UNet2DConditionModel:
    """Noisy latents, region and latents of the hidden picture, (B, 4 + 1 + 4, 16, 16), to the velocity (B, 4, 16, 16).

    The prompt enters twice: pooled, beside the time, which is learnt soonest, and through cross-attention at 4×4.
    """
    return UNet2DConditionModel(
        sample_size=SIDE // FACTOR,
        in_channels=2 * LATENT_CHANNELS + 1,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        block_out_channels=(64, 96, 160),
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def text_encoder(vocabulary: int, *, start: int, end: int) -> CLIPTextModel:
    """Token ids (B, 12) to states (B, 12, 96); `start` and `end` are the ids of the two special tokens."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            bos_token_id=start,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def schedule() -> DDIMScheduler:
    """Velocity prediction, no signal at the last time, steps counted from there (Lin et al. 2024, arXiv 2305.08891)."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )
