"""The one file that knows diffusers: squares, masks and prompts in, painted squares out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pil

from pipelines.errors import ModelError
from plugins.quiet import quietly
from plugins.stable_diffusion.masks import BoolMask, Geometry
from plugins.stable_diffusion.models import Advice, Brush, Inpainter
from plugins.stable_diffusion.offloading import place, ways_to_spare
from plugins.stable_diffusion.variants import varied
from plugins.weights import recommended

# Imported by their own names: diffusers' automatic choice imports every pipeline that it knows.
_PIPELINES = {
    "StableDiffusionInpaintPipeline": "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint",
    "KandinskyV22InpaintCombinedPipeline": "diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_combined",
    "StableDiffusionXLInpaintPipeline": "diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint",
}


class DiffusersInpainter(Inpainter):
    """Any inpainting pipeline of diffusers. Its scheduler has a state, so one picture is painted at a time.

    Its parts lie on its device, or in main memory until they are at work: see `plugins.stable_diffusion.offloading`.
    """

    def __init__(self, pipeline: Any, advice: Advice, device: str) -> None:
        self.pipeline = pipeline
        self.advice = advice
        self.side = pipeline.unet.config.sample_size * _scale(pipeline)
        self._one_at_a_time = threading.Lock()
        self._ways_to_spare = ways_to_spare(pipeline, device, offloaded=place(pipeline, device, offload=advice.offload))
        pipeline.set_progress_bar_config(disable=True)

    def spare_memory(self) -> str:
        """Take less memory from now on, by one step; says how, or nothing where no step is left."""
        with self._one_at_a_time:
            return next(self._ways_to_spare, "")

    def inpaint(
        self, pixels: NDArray[np.uint8], mask: BoolMask, brush: Brush, *, on_step: Callable[[int], None]
    ) -> NDArray[np.uint8] | None:
        def after_step(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step(step + 1)
            return tensors

        strength = {} if brush.strength is None else {"strength": brush.strength}
        with self._one_at_a_time, varied(self.pipeline, brush):
            output = self.pipeline(
                prompt=brush.prompt,
                negative_prompt=brush.negative_prompt,
                image=Pil.fromarray(pixels),
                mask_image=Pil.fromarray(mask.astype(np.uint8) * 255),
                height=self.side,
                width=self.side,
                num_inference_steps=brush.steps,
                guidance_scale=brush.guidance,
                generator=torch.Generator("cpu").manual_seed(brush.seed),
                callback_on_step_end=after_step,
                **strength,
            )
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            return None
        return np.asarray(output.images[0].convert("RGB"), np.uint8)


def load(path: Path, *, device: str, dtype: str) -> Inpainter:
    """Load a directory in diffusers' format: an inpainting pipeline of any Stable Diffusion, or Kandinsky 2.2."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    with quietly(diffusers_logging), quietly(transformers_logging):
        pipeline = _pipeline_class(path).from_pretrained(
            path, dtype=getattr(torch, dtype), variant=_variant(path), use_safetensors=True, local_files_only=True
        )
    advice = _advice(path)
    if advice.attention_slicing:
        pipeline.enable_attention_slicing()
    return DiffusersInpainter(pipeline, advice, device)


def _pipeline_class(path: Path) -> Any:
    name = json.loads((path / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    if name in _PIPELINES:
        return getattr(import_module(_PIPELINES[name]), name)
    if name.startswith("Kandinsky") and "Combined" not in name:
        raise ModelError(f"{path} is a {name} without its prior. Save the KandinskyV22InpaintCombinedPipeline of both.")
    from diffusers import AutoPipelineForInpainting

    return AutoPipelineForInpainting


def _scale(pipeline: Any) -> int:
    """How many pixels there are to a latent, along each side."""
    decoder = getattr(pipeline, "decoder_pipe", None)
    return int(pipeline.vae_scale_factor if decoder is None else decoder.movq_scale_factor)


def _variant(path: Path) -> str | None:
    """Half-precision files, where the directory has no others."""
    weights = [file.name for file in (path / "unet").glob("*.safetensors")]
    return "fp16" if all(".fp16." in name for name in weights) else None


def _advice(path: Path) -> Advice:
    said = dict(recommended(path))
    geometry = Geometry(**said.pop("geometry", {}))
    return replace(Advice(geometry=geometry, things=tuple(said.pop("things", ()))), **said)
