"""From trained parts to a StableDiffusionInpaintPipeline, in memory and on disk."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionInpaintPipeline, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from recipes.stable_diffusion.latents import standardised
from recipes.stable_diffusion.networks import autoencoder, denoiser, schedule, text_encoder
from recipes.stable_diffusion.tokenizer import END, START, write_tokenizer
from recipes.stable_diffusion.train_vae import pictures_of_step
from recipes.world.art import load_atlas

#: Numbers a crop's trainings share with the latents' statistics.
_STATISTICS_SEED = 3


def load_autoencoder(run: Path) -> AutoencoderKL:
    """The averaged weights of a training of the autoencoder, with standardised latents, for inference only."""
    folder = run / "standardised"
    if not folder.exists():
        vae = autoencoder()
        vae.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True)["average"])
        atlas = load_atlas()
        images = torch.cat([pictures_of_step(atlas, _STATISTICS_SEED, number, 64) for number in range(16)])
        standardised(vae.eval(), images).save_pretrained(folder)
    return AutoencoderKL.from_pretrained(folder).eval().requires_grad_(requires_grad=False)


def new_networks(tokenizer: CLIPTokenizer) -> nn.ModuleDict:
    """The denoiser and the text encoder, which are trained as one module."""
    start, end = (tokenizer.convert_tokens_to_ids(token) for token in (START, END))
    return nn.ModuleDict({"unet": denoiser(), "text": text_encoder(len(tokenizer), start=start, end=end)})


def assemble(vae_run: Path, run: Path) -> StableDiffusionInpaintPipeline:
    """The pipeline of a training of the denoiser as its checkpoint stands, with averaged weights."""
    tokenizer = write_tokenizer(run / "tokenizer")
    networks = new_networks(tokenizer)
    networks.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=True)["average"])
    return pipeline(load_autoencoder(vae_run), networks, tokenizer)


def pipeline(vae: AutoencoderKL, networks: nn.ModuleDict, tokenizer: CLIPTokenizer) -> StableDiffusionInpaintPipeline:
    """The parts as one pipeline. Nothing is unsafe in the sticker world, so no checker."""
    unet, text = networks["unet"], networks["text"]
    assert isinstance(unet, UNet2DConditionModel) and isinstance(text, CLIPTextModel)  # noqa: S101, PT018
    whole = StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=text.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    whole.set_progress_bar_config(disable=True)
    return whole
