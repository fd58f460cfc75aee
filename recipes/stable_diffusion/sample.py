"""Contact sheet: `python -m recipes.stable_diffusion.sample SHEET.png`. A row a noun, on crops never trained on."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionInpaintPipeline
from numpy.typing import NDArray
from PIL import Image

from recipes.stable_diffusion.assemble import assemble
from recipes.stable_diffusion.crops import NOTHING, PORTRAITS, Crop, CropSpec, crops, portraits
from recipes.stable_diffusion.networks import SIDE
from recipes.stable_diffusion.train_vae import HELD_OUT
from recipes.world.art import RECIPES, load_atlas

Pixels = NDArray[np.uint8]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("sheet", type=Path)
    arguments.add_argument("--vae", type=Path, default=RECIPES / "runs" / "vae")
    arguments.add_argument("--run", type=Path, default=RECIPES / "runs" / "unet")
    arguments.add_argument("--exported", type=Path, help="sample this pipeline directory instead of the run")
    arguments.add_argument("--columns", type=int, default=10)
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--guidance", type=float, default=2.5)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    if options.exported:
        whole = StableDiffusionInpaintPipeline.from_pretrained(options.exported, safety_checker=None)
        whole.set_progress_bar_config(disable=True)
    else:
        whole = assemble(options.vae, options.run)
    asked = held_out(options.columns)
    began = time.monotonic()
    rows = [np.concatenate([crop.hidden for crop in asked], axis=1)]
    rows += [
        np.concatenate(paint(whole, asked, _phrase(name), options.steps, options.guidance), axis=1)
        for name in (*PORTRAITS, NOTHING)
    ]
    print(f"{(time.monotonic() - began) / (options.columns * (len(rows) - 1)):.2f} s a picture")
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(options.sheet)


def held_out(count: int) -> list[Crop]:
    """Crops with the regions that an editor asks for, on unseen backgrounds."""
    atlas = load_atlas()
    spec = CropSpec(side=SIDE, context=(1.4, 1.4), nothing=0.0)
    drawn = crops(9, HELD_OUT, HELD_OUT + 8 * count, new=portraits(atlas), other=atlas, spec=spec)
    return [crop for number, crop in enumerate(drawn) if number % 8 == 0]


def paint(
    whole: StableDiffusionInpaintPipeline, asked: list[Crop], phrase: str, steps: int, guidance: float
) -> list[Pixels]:
    """Each crop with its region painted anew, the rest as it was."""
    painted = whole(
        prompt=[phrase] * len(asked),
        image=[Image.fromarray(crop.image) for crop in asked],
        mask_image=[Image.fromarray(crop.region.astype(np.uint8) * 255) for crop in asked],
        height=SIDE,
        width=SIDE,
        strength=1.0,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=[torch.Generator().manual_seed(number) for number in range(len(asked))],
        output_type="np",
    ).images
    new = (painted * 255).round().astype(np.uint8)
    return [np.where(crop.region[..., None], pixels, crop.image) for crop, pixels in zip(asked, new, strict=True)]


def _phrase(name: str) -> str:
    return name if name == NOTHING else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


if __name__ == "__main__":
    main()
