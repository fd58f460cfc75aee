"""Crops as the denoiser sees them, encoded once and kept: the autoencoder costs more than a step of the denoiser."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from recipes.precision import autocast
from recipes.stable_diffusion.crops import PORTRAITS, Crop, CropSpec, crops, portraits
from recipes.stable_diffusion.loop import draws
from recipes.stable_diffusion.networks import FACTOR, SIDE
from recipes.world.art import Atlas

_CHUNK = 64
_FIRST, _SECOND, _THIRD = tuple(PORTRAITS)[:8], tuple(PORTRAITS)[8:12], tuple(PORTRAITS)[12:]
#: What each pool teaches; the last entry holds for all later pools. Eight nouns are learnt first, then four join them,
#: and four more, each four times as often as one that is known.
LESSONS: tuple[tuple[str, ...], ...] = (_FIRST, _FIRST + 4 * _SECOND, _FIRST + _SECOND + 4 * _THIRD)


@dataclass(frozen=True, eq=False)
class Latents:
    """`clean` and `hidden` (N, 4, 16, 16) float16, `mask` (N, 1, 16, 16) float16 as the pipeline shrinks it, `touched`
    (N, 1, 16, 16) float16 where any pixel of the cell is repainted, `names` (N,)."""

    clean: Tensor
    hidden: Tensor
    mask: Tensor
    touched: Tensor
    names: NDArray[np.str_]


def pictures(crops_: list[Crop]) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures and hidden pictures (N, 3, 64, 64) in -1..1, regions (N, 1, 64, 64) in 0..1."""
    image = torch.from_numpy(np.stack([crop.image for crop in crops_])).permute(0, 3, 1, 2).float() / 127.5 - 1
    region = torch.from_numpy(np.stack([crop.region for crop in crops_]))[:, None].float()
    return image, image * (region < 0.5), region


def load_latents(folder: Path, vae: AutoencoderKL, atlas: Atlas, *, seed: int, pool: int, size: int) -> Latents:
    """Pool number `pool` of `size` crops, from `folder` or encoded now (some minutes for 20,000) and kept there."""
    path = folder / f"latents-{seed}-{pool}-{size}.pt"
    if not path.exists():
        encoded = [
            _encode(vae, part, draws(seed, pool * size + number))
            for number, part in enumerate(_chunks(atlas, seed, pool, size))
        ]
        fields = {name: torch.cat([part[name] for part in encoded]) for name in encoded[0]}
        partial = path.with_suffix(".partial")
        torch.save(fields, partial)
        partial.replace(path)
    fields = torch.load(path, weights_only=True)
    letters = fields.pop("names").numpy()
    return Latents(**fields, names=np.array([bytes(row).decode().strip() for row in letters]))


def standardised(vae: AutoencoderKL, images: Tensor) -> AutoencoderKL:
    """The same autoencoder with every latent channel at mean 0 and deviation 1 over these pictures.

    The change goes into the two 1×1 convolutions beside the latents, so decode(encode(x)) stays what it was.
    """
    with torch.no_grad():
        latents = torch.cat([vae.encode(part).latent_dist.mode() for part in torch.split(images, 64)])
        mean, deviation = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
        result = copy.deepcopy(vae)
        channels = len(mean)
        result.quant_conv.weight[:channels] /= deviation[:, None, None, None]
        result.quant_conv.bias[:channels] = (result.quant_conv.bias[:channels] - mean) / deviation
        result.quant_conv.bias[channels:] -= 2 * deviation.log()
        result.post_quant_conv.bias += result.post_quant_conv.weight[:, :, 0, 0] @ mean
        result.post_quant_conv.weight *= deviation[None, :, None, None]
    return result


def _chunks(atlas: Atlas, seed: int, pool: int, size: int) -> Iterator[list[Crop]]:
    new, spec = portraits(atlas), CropSpec(side=SIDE, names=LESSONS[min(pool, len(LESSONS) - 1)])
    start, stop = pool * size, (pool + 1) * size
    for first in range(start, stop, _CHUNK):
        yield list(crops(seed, first, min(first + _CHUNK, stop), new=new, other=atlas, spec=spec))


@torch.no_grad()
def _encode(vae: AutoencoderKL, chunk: list[Crop], generator: torch.Generator) -> dict[str, Tensor]:
    image, hidden, region = pictures(chunk)
    with autocast():
        encoded = vae.encode(torch.cat([image, hidden])).latent_dist
    (clean, seen), (_, deviation) = encoded.mean.float().chunk(2), encoded.std.float().chunk(2)
    letters = [crop.name.encode().ljust(24) for crop in chunk]
    return {
        "clean": clean.half(),
        "hidden": (seen + deviation * torch.randn(seen.shape, generator=generator)).half(),
        "mask": functional.interpolate(region, scale_factor=1 / FACTOR).half(),
        "touched": functional.max_pool2d(region, FACTOR).half(),
        "names": torch.tensor([list(name) for name in letters], dtype=torch.uint8),
    }
