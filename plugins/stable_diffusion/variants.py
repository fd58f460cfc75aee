"""For one painting at a time: another scheduler, or a LoRA, on a pipeline of diffusers that comes back as it was."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines.errors import ModelError
from plugins.stable_diffusion.models import Brush


@contextmanager
def varied(pipeline: Any, brush: Brush) -> Iterator[None]:
    """Within the block the pipeline has the brush's scheduler and LoRA. Raises `ModelError` if they do not fit it."""
    before = pipeline.scheduler
    chosen = before if brush.scheduler is None else _scheduler(brush.scheduler, before)
    if brush.lora is not None:
        _add_lora(pipeline, brush.lora)
    try:
        _give(pipeline, chosen)
        yield
    finally:
        _give(pipeline, before)
        if brush.lora is not None:
            pipeline.unload_lora_weights()


def _scheduler(name: str, like: Any) -> Any:
    """The scheduler of this name, made for the noise that the model was trained with."""
    import diffusers

    known = sorted(each.__name__ for each in like.compatibles)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"Did you mean '{close[0]}'?" if close else f"There are: {', '.join(known)}."
        raise ModelError(f"No scheduler '{name}' fits this model. {hint}")
    return getattr(diffusers, name).from_config(like.config)


def _give(pipeline: Any, scheduler: Any) -> None:
    # A combined pipeline of Kandinsky denoises in an inner one.
    for each in (pipeline, getattr(pipeline, "decoder_pipe", None)):
        if each is not None:
            each.scheduler = scheduler


def _add_lora(pipeline: Any, lora: Path) -> None:
    if not lora.exists():
        raise ModelError(f"No LoRA at '{lora}'. Give a .safetensors file, or a directory with one.")
    if not hasattr(pipeline, "load_lora_weights"):
        raise ModelError(f"{type(pipeline).__name__} takes no LoRA. Stable Diffusion 1.5, 2 and XL do.")
    if find_spec("peft") is None:
        raise ModelError(f"The LoRA '{lora}' needs the package peft: pip install peft.")
    try:
        pipeline.load_lora_weights(lora, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"The LoRA '{lora}' does not fit this model: {reason}") from error
