"""The shipped inpainter: it is what the recipe describes, and it does what it is asked."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint import StableDiffusionInpaintPipeline
from numpy.typing import NDArray
from PIL import Image

from recipes.stable_diffusion.crops import PORTRAITS
from recipes.stable_diffusion.export import ADVICE, BUNDLED
from recipes.stable_diffusion.networks import FACTOR, SIDE, TEXT_LENGTH
from recipes.stable_diffusion.tokenizer import words

PAINTED = (slice(10, 54), slice(10, 54))


@pytest.fixture(scope="module")
def inpainter() -> StableDiffusionInpaintPipeline:
    whole = StableDiffusionInpaintPipeline.from_pretrained(BUNDLED, safety_checker=None)
    whole.set_progress_bar_config(disable=True)
    return whole


def paint(inpainter: StableDiffusionInpaintPipeline, phrase: str) -> NDArray[np.float32]:
    """Colours in 0..1 of the painted part of a green-grey picture."""
    picture, mask = np.full((SIDE, SIDE, 3), (90, 110, 95), dtype=np.uint8), np.zeros((SIDE, SIDE), dtype=np.uint8)
    mask[PAINTED] = 255
    with torch.no_grad():
        painted = inpainter(
            prompt=phrase, image=Image.fromarray(picture), mask_image=Image.fromarray(mask), height=SIDE, width=SIDE,
            num_inference_steps=8, guidance_scale=ADVICE["guidance"], generator=torch.Generator().manual_seed(0),
            output_type="np",
        ).images[0]  # fmt: skip
    return painted[PAINTED]


def test_it_works_at_the_size_of_its_crops(inpainter: StableDiffusionInpaintPipeline) -> None:
    assert inpainter.vae_scale_factor == FACTOR
    assert inpainter.unet.config.sample_size * inpainter.vae_scale_factor == SIDE
    assert inpainter.unet.config.in_channels == 9


def test_its_tokenizer_knows_the_words_of_the_world(inpainter: StableDiffusionInpaintPipeline) -> None:
    tokenizer = inpainter.tokenizer
    assert tokenizer.model_max_length == TEXT_LENGTH
    assert {word for word in words() if tokenizer.tokenize(word) != [word + "</w>"]} == set()


def test_the_prompt_decides_what_is_painted(inpainter: StableDiffusionInpaintPipeline) -> None:
    banana, apple = (paint(inpainter, phrase).mean(axis=(0, 1)) for phrase in ("a banana", "an apple"))
    assert banana[1] > apple[1] + 0.05
    assert apple[0] - apple[1] > 0.1 + banana[0] - banana[1]


def test_the_same_seed_paints_the_same(inpainter: StableDiffusionInpaintPipeline) -> None:
    np.testing.assert_array_equal(paint(inpainter, "a cat"), paint(inpainter, "a cat"))


def test_the_directory_is_small_and_says_how_to_use_it() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.rglob("*.*")) < 30 * 2**20
    assert json.loads((BUNDLED / "samloom.json").read_text(encoding="utf-8")) == ADVICE


def test_the_model_card_names_every_noun() -> None:
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert {noun for noun in PORTRAITS if noun not in card} == set()
