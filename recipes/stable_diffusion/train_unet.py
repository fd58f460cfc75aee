"""Train denoiser and text encoder: `python -m recipes.stable_diffusion.train_unet`. A hundred minutes on one thread."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn
from transformers import CLIPTokenizer

from recipes.precision import autocast
from recipes.stable_diffusion.assemble import load_autoencoder, new_networks
from recipes.stable_diffusion.latents import Latents, load_latents
from recipes.stable_diffusion.loop import Run, draws
from recipes.stable_diffusion.networks import schedule
from recipes.stable_diffusion.prompts import prompt
from recipes.stable_diffusion.tokenizer import write_tokenizer
from recipes.world.art import RECIPES, load_atlas

#: Cells that nobody repaints are copied from the input: easy, and worth little of the network's strength.
OUTSIDE_WEIGHT = 0.2


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--vae", type=Path, default=RECIPES / "runs" / "vae")
    arguments.add_argument("--run", type=Path, default=RECIPES / "runs" / "unet")
    arguments.add_argument("--steps", type=int, default=7490)
    arguments.add_argument("--batch", type=int, default=24)
    arguments.add_argument("--pool", type=int, default=12288, help="crops encoded at once, a multiple of 8")
    arguments.add_argument("--pool-steps", type=int, default=2500, help="steps after which the next pool is encoded")
    arguments.add_argument("--seed", type=int, default=2)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    atlas, vae = load_atlas(), load_autoencoder(options.vae)
    tokenizer = write_tokenizer(options.run / "tokenizer")
    trainee = Trainee(new_networks(tokenizer), tokenizer, schedule())
    run = Run(options.run, trainee.networks, rate=5e-4, decay=0.998)
    pools: dict[int, Latents] = {}

    def step(number: int) -> Mapping[str, Tensor]:
        pool = number // options.pool_steps
        if pool not in pools:
            pools.clear()
            pools[pool] = load_latents(options.run, vae, atlas, seed=options.seed, pool=pool, size=options.pool)
        return losses(trainee, pools[pool], options.batch, options.seed, number)

    run.train(step, options.steps, warmup=200, cooldown=options.steps // 4)


@dataclass(frozen=True, eq=False)
class Trainee:
    """What a step needs besides data: "unet" and "text" as one module, the tokenizer, the schedule."""

    networks: nn.ModuleDict
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler


def losses(trainee: Trainee, latents: Latents, size: int, seed: int, number: int) -> Mapping[str, Tensor]:
    """Squared error of the velocity (Salimans and Ho 2022, arXiv 2202.00512), mostly where the region is."""
    rng, generator = np.random.default_rng([seed, number]), draws(seed, number)
    chosen = rng.integers(len(latents.names), size=size)
    index = torch.from_numpy(chosen)
    clean, mask, hidden = (part[index].float() for part in (latents.clean, latents.mask, latents.hidden))
    noise = torch.randn(clean.shape, generator=generator)
    # One time from each of B equal spans: the loss of a step then says little of its luck.
    spread = (torch.arange(len(index)) + torch.rand(len(index), generator=generator)) / len(index)
    times = (spread * trainee.scheduler.config.num_train_timesteps).long()
    noisy = trainee.scheduler.add_noise(clean, noise, times)
    velocity = trainee.scheduler.get_velocity(clean, noise, times)
    states = encode(trainee, [prompt(rng, str(name)) for name in latents.names[chosen]])
    with autocast():
        predicted = trainee.networks["unet"](torch.cat([noisy, mask, hidden], dim=1), times, states).sample.float()
    weight = OUTSIDE_WEIGHT + (1 - OUTSIDE_WEIGHT) * latents.touched[index].float()
    return {"velocity": ((predicted - velocity).square() * weight).sum() / (weight.sum() * clean.shape[1])}


def encode(trainee: Trainee, prompts: list[str]) -> Tensor:
    """Text states (B, 12, 96); a prompt that comes twice is encoded once."""
    once = list(dict.fromkeys(prompts))
    ids = trainee.tokenizer(once, padding="max_length", truncation=True, return_tensors="pt").input_ids
    states: Tensor = trainee.networks["text"](ids).last_hidden_state
    return states[[once.index(phrase) for phrase in prompts]]


if __name__ == "__main__":
    main()
