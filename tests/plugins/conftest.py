"""Directories of tiny random models in the published formats, for tests of the adapters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a test draws takes as long as the machine is busy; neither is a fault of the code.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

WORDS = ("dog", "cat", "bus", "traffic", "light", "sign", "a", "red", "t", "-", "shirt", "aa", "##rd", "##var", "##k")


def bert_vocabulary() -> dict[str, int]:
    """BERT's special ids, which Grounding DINO knows by number, and a few words."""
    special = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    unused = {f"[unused{index}]": index for index in range(1030) if index not in special.values()}
    words = {word: 1030 + index for index, word in enumerate(WORDS)}
    return dict(sorted({**special, **unused, **words}.items(), key=lambda item: item[1]))


@pytest.fixture(scope="session")
def grounding_dino_directory(tmp_path_factory) -> Path:
    """A Grounding DINO of 20 queries that reads 32 tokens; it shows itself pictures with a shorter side of 96."""
    import torch
    from transformers import (
        BertConfig,
        BertTokenizer,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        SwinConfig,
    )
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil

    directory = tmp_path_factory.mktemp("grounding_dino")
    torch.manual_seed(0)
    vocabulary = bert_vocabulary()
    swin = SwinConfig(
        image_size=96,
        embed_dim=16,
        depths=[1, 1, 1, 1],
        num_heads=[1, 2, 2, 2],
        window_size=4,
        out_indices=[2, 3, 4],
    )
    bert = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    config = GroundingDinoConfig(
        backbone_config=swin,
        text_config=bert,
        num_queries=20,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        d_model=32,
        max_text_len=32,
    )
    GroundingDinoForObjectDetection(config).save_pretrained(directory)
    BertTokenizer(vocab=vocabulary).save_pretrained(directory)
    size = {"shortest_edge": 96, "longest_edge": 192}
    GroundingDinoImageProcessorPil(size=size).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def stable_diffusion_directory(tmp_path_factory) -> Path:
    """An inpainting pipeline of the published layout (9 channels: latents, mask, masked latents), for squares of 32."""
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=9,
        out_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        norm_num_groups=8,
    )
    text = CLIPTextConfig(
        vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, bos_token_id=0
    )
    letters = {token: index for index, token in enumerate(["<|startoftext|>", "<|endoftext|>", *_clip_letters()])}
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(vocab=letters, merges=[], model_max_length=77),
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    directory = tmp_path_factory.mktemp("stable_diffusion")
    pipeline.save_pretrained(directory)
    return directory


def _clip_letters() -> list[str]:
    """Every letter inside and at the end of a word, so that any text can be spelled."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [*letters, *(f"{letter}</w>" for letter in letters)]
