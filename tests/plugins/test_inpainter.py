"""The adapter of diffusers, with tiny random weights of the published layout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from plugins.stable_diffusion.adapter import load
from plugins.stable_diffusion.masks import Geometry
from plugins.stable_diffusion.models import Advice, Brush, Inpainter

ON_CPU = "device='cpu', dtype='float32'"
BRUSH = Brush("a cat", "", seed=3, steps=2, guidance=3.0)


@pytest.fixture(scope="module")
def inpainter(stable_diffusion_directory) -> Inpainter:
    return load(stable_diffusion_directory, device="cpu", dtype="float32")


def square(side: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    mask = np.zeros((side, side), bool)
    mask[8:24, 8:24] = True
    return pixels, mask


def painted(inpainter: Inpainter, brush: Brush = BRUSH) -> np.ndarray:
    return inpainter.inpaint(*square(inpainter.side), brush, on_step=lambda done: None)


def test_the_side_is_that_of_the_latents_times_the_autoencoders_factor(inpainter) -> None:
    assert inpainter.side == 32


def test_it_paints_a_square_of_its_own_side(inpainter) -> None:
    result = painted(inpainter)
    assert (result.shape, result.dtype) == ((32, 32, 3), np.uint8)


def test_the_seed_decides(inpainter) -> None:
    np.testing.assert_array_equal(painted(inpainter), painted(inpainter))
    other = painted(inpainter, Brush("a cat", "", seed=4, steps=2, guidance=3.0))
    assert (other != painted(inpainter)).any()


def test_every_step_is_told(inpainter) -> None:
    told = []
    inpainter.inpaint(*square(32), BRUSH, on_step=told.append)
    assert told == [1, 2]


def test_what_a_step_raises_ends_the_painting(inpainter) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt(done)

    with pytest.raises(KeyboardInterrupt, match="1"):
        inpainter.inpaint(*square(32), BRUSH, on_step=stop)
    assert painted(inpainter).shape == (32, 32, 3)


def test_published_checkpoints_are_used_in_the_published_way(inpainter) -> None:
    assert inpainter.advice == Advice()


def test_recommendations_beside_the_weights_are_followed(stable_diffusion_directory, tmp_path) -> None:
    shutil.copytree(stable_diffusion_directory, tmp_path, dirs_exist_ok=True)
    advice = {"steps": 20, "guidance": 2.5, "removal_negative_prompt": "", "geometry": {"grow": 0.1}}
    (tmp_path / "samloom.json").write_text(json.dumps(advice))
    loaded = load(tmp_path, device="cpu", dtype="float32").advice
    assert loaded == Advice(steps=20, guidance=2.5, removal_negative_prompt="", geometry=Geometry(grow=0.1))


def test_half_precision_files_alone_are_enough(stable_diffusion_directory, tmp_path) -> None:
    shutil.copytree(stable_diffusion_directory, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.rglob("*.safetensors"):
        file.rename(file.with_name(file.name.replace(".safetensors", ".fp16.safetensors")))
    assert painted(load(tmp_path, device="cpu", dtype="float32")).shape == (32, 32, 3)


def test_loading_draws_no_bars_and_says_nothing(stable_diffusion_directory, tmp_path) -> None:
    """A process of its own: a library that has spoken to pytest's standard error once goes on to."""
    shutil.copytree(stable_diffusion_directory, tmp_path, dirs_exist_ok=True)
    index = json.loads((tmp_path / "model_index.json").read_text())
    del index["requires_safety_checker"]  # of its absence diffusers gives a notice
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    where = f"pathlib.Path({str(tmp_path)!r})"
    code = f"import pathlib; from plugins.stable_diffusion import adapter; adapter.load({where}, {ON_CPU})"
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("", "")


def test_after_loading_the_library_speaks_as_before(stable_diffusion_directory) -> None:
    from diffusers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load(stable_diffusion_directory, device="cpu", dtype="float32")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


@pytest.mark.slow
def test_the_published_size_of_stable_diffusion_1_5_paints(stable_diffusion_directory, tmp_path) -> None:
    """860 M parameters of UNet at 512 pixels, with random weights: one step.

    In float32: processors without bfloat16 of their own take half an hour for it.
    """
    from diffusers import AutoencoderKL, StableDiffusionInpaintPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        stable_diffusion_directory,
        unet=UNet2DConditionModel(sample_size=64, in_channels=9, cross_attention_dim=768, attention_head_dim=8),
        vae=AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        ),
        text_encoder=CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)),
    )
    pipeline.save_pretrained(tmp_path)
    del pipeline  # both at once would take 9 GB
    inpainter = load(tmp_path, device="cpu", dtype="float32")
    assert inpainter.side == 512
    assert painted(inpainter, Brush("a cat", "", seed=0, steps=1, guidance=1.0)).shape == (512, 512, 3)
