"""Train the autoencoder: `python -m recipes.stable_diffusion.train_vae`. Twenty-odd minutes on one thread."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from recipes.precision import autocast
from recipes.stable_diffusion.crops import Crop, CropSpec, crops
from recipes.stable_diffusion.loop import Run, draws
from recipes.stable_diffusion.networks import SIDE, autoencoder
from recipes.world.art import RECIPES, Atlas, load_atlas

#: The first crop of the sequence that no training reaches.
HELD_OUT = 1_000_000_000
#: Of the training pictures, this share has a grey region: the network must carry those as well.
HIDDEN = 0.25
KL_WEIGHT = 1e-4


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--run", type=Path, default=RECIPES / "runs" / "vae")
    arguments.add_argument("--steps", type=int, default=1700)
    arguments.add_argument("--batch", type=int, default=8, help="a multiple of 8")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    atlas = load_atlas()
    vae = autoencoder()
    run = Run(options.run, vae, rate=4e-4, decay=0.998)

    def step(number: int) -> Mapping[str, Tensor]:
        return losses(vae, pictures_of_step(atlas, options.seed, number, options.batch), draws(options.seed, number))

    run.train(step, options.steps, warmup=100, cooldown=options.steps // 2)
    vae.load_state_dict(run.average.weights)
    images = torch.cat([pictures_of_step(atlas, options.seed, HELD_OUT + number, 8) for number in range(32)])
    run.log({"psnr": psnr(vae, images)})


def pictures_of_step(atlas: Atlas, seed: int, number: int, size: int) -> Tensor:
    """The pictures of one step, (size, 3, 64, 64) in -1..1."""
    rng = np.random.default_rng([seed, 7, number])
    drawn = crops(seed, number * size, (number + 1) * size, new=atlas, other=atlas, spec=CropSpec(side=SIDE))
    return as_tensor(np.stack([_shown(rng, crop) for crop in drawn]))


def as_tensor(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) in -1..1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def losses(vae: AutoencoderKL, images: Tensor, generator: torch.Generator) -> Mapping[str, Tensor]:
    """Absolute error of colours and of their differences between neighbours, which keeps edges, and a trace of KL."""
    with autocast():
        latents = vae.encode(images).latent_dist
        noise = torch.randn(latents.mean.shape, generator=generator)
        decoded = vae.decode(latents.mean.float() + latents.std.float() * noise).sample.float()
    edges = sum(functional.l1_loss(decoded.diff(dim=axis), images.diff(dim=axis)) for axis in (2, 3))
    mean, variance, log_variance = latents.mean.float(), latents.var.float(), latents.logvar.float()
    kl = 0.5 * (mean.square() + variance - 1 - log_variance).mean()
    return {
        "colour": functional.l1_loss(decoded, images) + functional.mse_loss(decoded, images),
        "edges": 0.5 * torch.as_tensor(edges),
        "kl": KL_WEIGHT * kl,
    }


@torch.no_grad()
def psnr(vae: AutoencoderKL, images: Tensor) -> float:
    """Mean over pictures of the peak signal-to-noise ratio of the round trip, dB."""
    errors = [(roundtrip(vae, part) - part).square().mean(dim=(1, 2, 3)) for part in torch.split(images, 32)]
    return float((10 * torch.log10(4 / torch.cat(errors))).mean())


@torch.no_grad()
def roundtrip(vae: AutoencoderKL, images: Tensor) -> Tensor:
    """The pictures encoded and decoded, in -1..1."""
    decoded: Tensor = vae.decode(vae.encode(images).latent_dist.mode()).sample
    return decoded.clamp(-1, 1)


def _shown(rng: np.random.Generator, crop: Crop) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return crop.hidden if rng.random() < HIDDEN else crop.image


if __name__ == "__main__":
    main()
