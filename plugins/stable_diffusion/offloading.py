"""Where a pipeline of diffusers lies while it works, and how it works in less memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from pipelines.events import MemoryShort
from pipelines.memory import is_out_of_memory
from pipelines.scope import current_scope
from plugins.stable_diffusion.models import Inpainter

OFFLOADED = "each part in main memory until it is at work"


def place(pipeline: Any, device: str, *, offload: bool) -> bool:
    """Put a pipeline on its device; True where its parts wait in main memory instead, until each is at work.

    They do if `offload` says so, and where there is no room for all of them at once.
    """
    if torch.device(device).type == "cpu":
        pipeline.to(device)
        return False
    if not offload and _has_moved(pipeline, device):
        return False
    if not offload:
        current_scope().emit(MemoryShort(f"load {Inpainter.family}", OFFLOADED))
    pipeline.enable_model_cpu_offload(device=device)
    return True


def ways_to_spare(pipeline: Any, device: str, *, offloaded: bool) -> Iterator[str]:
    """Steps to less memory, each slower than the one before; one is taken when it is asked for, and says what it did.

    Only the first changes the picture, by what the overlap of tiles leaves of their seams.
    """
    pipeline.enable_attention_slicing()
    _tile(getattr(pipeline, "vae", None))
    yield "attention in slices, pictures in tiles"
    if torch.device(device).type == "cpu":
        return
    if not offloaded:
        pipeline.enable_model_cpu_offload(device=device)
        yield OFFLOADED
    pipeline.enable_sequential_cpu_offload(device=device)
    yield "each layer in main memory until it is at work"


def _has_moved(pipeline: Any, device: str) -> bool:
    """Move all of a pipeline to a device; False, and back in main memory, if memory ran out over it."""
    try:
        pipeline.to(device)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    else:
        return True
    # Outside the handler, whose traceback keeps alive what has been moved.
    pipeline.to("cpu")
    return False


def _tile(vae: Any) -> None:
    """Have an autoencoder work in tiles of half its usual side: decoding at full size takes most of what it takes."""
    if hasattr(vae, "enable_tiling") and hasattr(vae, "tile_sample_min_size"):
        vae.tile_sample_min_size //= 2
        vae.tile_latent_min_size //= 2
        vae.enable_tiling()
