"""One adapter for every family of inpainters that diffusers has, on tiny random weights of their published layouts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.errors import ModelError
from plugins.stable_diffusion.adapter import load
from plugins.stable_diffusion.models import FAMILY, Brush

BRUSH = Brush("a cat", "a dog", seed=3, steps=2, guidance=3.0)


def letters() -> dict[str, int]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    tokens = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(f"{letter}</w>" for letter in alphabet)]
    return {token: index for index, token in enumerate(tokens)}


def text_encoder(*, projected: bool = False, **options):
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPTextConfig(vocab_size=300, bos_token_id=0, projection_dim=32, **sizes, **options)
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def tokenizer():
    from transformers import CLIPTokenizer

    return CLIPTokenizer(vocab=letters(), merges=[], model_max_length=77)


def autoencoder():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(16, 32),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=8,
    )


def denoiser(**options):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=9,
        block_out_channels=(32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        **options,
    )


def stable_diffusion_2():
    """Linear projections, heads by level, GELU in the text encoder: what tells it from 1.5 beside its sizes."""
    from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline

    return StableDiffusionInpaintPipeline(
        vae=autoencoder(),
        text_encoder=text_encoder(hidden_act="gelu"),
        tokenizer=tokenizer(),
        unet=denoiser(
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=(2, 4),
            use_linear_projection=True,
        ),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl():
    """Two text encoders, whose vectors and the picture's size condition the denoiser."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLInpaintPipeline

    return StableDiffusionXLInpaintPipeline(
        vae=autoencoder(),
        text_encoder=text_encoder(),
        text_encoder_2=text_encoder(projected=True),
        tokenizer=tokenizer(),
        tokenizer_2=tokenizer(),
        unet=denoiser(
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=64,
            attention_head_dim=(2, 4),
            transformer_layers_per_block=(1, 2),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=8 * 6 + 32,
        ),
        scheduler=EulerDiscreteScheduler(steps_offset=1, timestep_spacing="leading"),
        add_watermarker=False,
    )


def kandinsky():
    """A prior from text to picture vector, and a decoder from that to pixels."""
    from diffusers import (
        DDPMScheduler,
        KandinskyV22InpaintCombinedPipeline,
        PriorTransformer,
        UnCLIPScheduler,
        VQModel,
    )
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return KandinskyV22InpaintCombinedPipeline(
        unet=denoiser(
            out_channels=8,
            down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
            addition_embed_type="image",
            encoder_hid_dim=32,
            encoder_hid_dim_type="image_proj",
            cross_attention_dim=32,
            attention_head_dim=4,
            resnet_time_scale_shift="scale_shift",
        ),
        scheduler=DDPMScheduler(clip_sample=False),
        movq=VQModel(
            block_out_channels=(32, 64),
            down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
            up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
            latent_channels=4,
            norm_num_groups=8,
            norm_type="spatial",
            num_vq_embeddings=12,
            vq_embed_dim=4,
        ),
        prior_prior=PriorTransformer(num_attention_heads=2, attention_head_dim=12, embedding_dim=32, num_layers=1),
        prior_image_encoder=CLIPVisionModelWithProjection(
            CLIPVisionConfig(image_size=28, patch_size=14, projection_dim=32, **vision)
        ),
        prior_text_encoder=text_encoder(projected=True),
        prior_tokenizer=tokenizer(),
        prior_scheduler=UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample"),
        prior_image_processor=CLIPImageProcessor(size=28, crop_size=28),
    )


BUILDERS = {"2": stable_diffusion_2, "xl": stable_diffusion_xl, "kandinsky": kandinsky}


@pytest.fixture(scope="module", params=sorted(BUILDERS))
def directory(request, tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp(request.param)
    BUILDERS[request.param]().save_pretrained(path)
    return path


def painted(inpainter, brush: Brush = BRUSH, told: list[int] | None = None) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (inpainter.side, inpainter.side, 3), np.uint8)
    mask = np.zeros((inpainter.side, inpainter.side), bool)
    mask[8:24, 8:24] = True
    return inpainter.inpaint(pixels, mask, brush, on_step=(told if told is not None else []).append)


def test_every_family_paints_by_seed_and_tells_its_steps(directory) -> None:
    FAMILY.resolve(str(directory), offline=True)
    inpainter = load(directory, device="cpu", dtype="float32")
    told = []
    result = painted(inpainter, told=told)
    assert (result.shape, result.dtype) == ((inpainter.side, inpainter.side, 3), np.uint8)
    # Some schedulers take a step more than they are asked for, and at less than full strength one less is taken.
    assert told in ([1], [1, 2], [1, 2, 3])
    np.testing.assert_array_equal(painted(inpainter), result)
    assert (painted(inpainter, Brush("a cat", "a dog", seed=4, steps=2, guidance=3.0)) != result).any()


def test_another_scheduler_paints_another_picture_and_the_models_own_comes_back(stable_diffusion_directory) -> None:
    inpainter = load(stable_diffusion_directory, device="cpu", dtype="float32")
    first = painted(inpainter)
    other = painted(inpainter, Brush("a cat", "a dog", 3, 2, 3.0, scheduler="EulerDiscreteScheduler"))
    assert (other != first).any()
    np.testing.assert_array_equal(painted(inpainter), first)


def test_with_little_strength_the_old_picture_shapes_the_new_one(stable_diffusion_directory) -> None:
    inpainter = load(stable_diffusion_directory, device="cpu", dtype="float32")
    told = []
    painted(inpainter, Brush("a cat", "", 3, 4, 3.0, strength=0.5), told)
    assert told == [1, 2]


def test_unknown_schedulers_and_missing_loras_are_one_line(stable_diffusion_directory, tmp_path) -> None:
    inpainter = load(stable_diffusion_directory, device="cpu", dtype="float32")
    with pytest.raises(
        ModelError, match=r"^No scheduler 'EulerScheduler' fits this model\. Did you mean '.*Euler.*'\?$"
    ):
        painted(inpainter, Brush("a cat", "", 3, 2, 3.0, scheduler="EulerScheduler"))
    with pytest.raises(ModelError, match=r"^No LoRA at 'style\.safetensors'\. Give a \.safetensors file"):
        painted(inpainter, Brush("a cat", "", 3, 2, 3.0, lora=Path("style.safetensors")))


def test_without_peft_a_lora_says_what_it_needs(stable_diffusion_directory, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("plugins.stable_diffusion.variants.find_spec", lambda name: None)
    inpainter = load(stable_diffusion_directory, device="cpu", dtype="float32")
    with pytest.raises(ModelError, match="needs the package peft: pip install peft"):
        painted(inpainter, Brush("a cat", "", 3, 2, 3.0, lora=tmp_path))


def test_a_lora_changes_the_picture_while_it_is_asked_for(stable_diffusion_directory, tmp_path) -> None:
    peft = pytest.importorskip("peft")
    from diffusers import StableDiffusionInpaintPipeline
    from diffusers.utils import convert_state_dict_to_diffusers

    inpainter = load(stable_diffusion_directory, device="cpu", dtype="float32")
    unet = load(stable_diffusion_directory, device="cpu", dtype="float32").pipeline.unet
    unet.add_adapter(peft.LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    layers = convert_state_dict_to_diffusers(peft.get_peft_model_state_dict(unet))
    StableDiffusionInpaintPipeline.save_lora_weights(tmp_path, unet_lora_layers=layers)
    first = painted(inpainter)
    assert (painted(inpainter, Brush("a cat", "a dog", 3, 2, 3.0, lora=tmp_path)) != first).any()
    np.testing.assert_array_equal(painted(inpainter), first)


def test_memory_can_be_saved_without_changing_the_picture(stable_diffusion_directory, tmp_path) -> None:
    shutil.copytree(stable_diffusion_directory, tmp_path, dirs_exist_ok=True)
    (tmp_path / "samloom.json").write_text(json.dumps({"attention_slicing": True, "offload": True}))
    usual, saving = (load(path, device="cpu", dtype="float32") for path in (stable_diffusion_directory, tmp_path))
    np.testing.assert_allclose(painted(saving).astype(int), painted(usual), atol=1)


def test_a_kandinsky_without_its_prior_is_told_what_it_lacks(tmp_path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "KandinskyV22InpaintPipeline"}))
    with pytest.raises(ModelError, match="is a KandinskyV22InpaintPipeline without its prior"):
        load(tmp_path, device="cpu", dtype="float32")
