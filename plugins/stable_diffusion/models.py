"""What nodes know of an inpainter, and where its weights come from. Imports no model library."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from plugins.stable_diffusion.masks import BoolMask, Geometry
from plugins.weights import HubFamily

FAMILY = HubFamily(
    name="stable_diffusion",
    title="Stable Diffusion inpainting",
    loader="plugins.stable_diffusion.adapter:load",
    needs=(
        ("model_index.json",),
        ("unet/*.safetensors",),
        ("vae/*.safetensors", "movq/*.safetensors"),
        ("text_encoder/*.safetensors", "prior_text_encoder/*.safetensors"),
        ("tokenizer/tokenizer.json", "tokenizer/vocab.json", "prior_tokenizer/*.json"),
    ),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """How a model's makers recommend to use it; what is not said holds for the published Stable Diffusion checkpoints.

    The prompts are templates: `prompt` asks for a `{thing}`, the other two for what may be behind one that goes.
    No `removal_prompt`: the model paints no backgrounds, and what goes is filled from its surroundings by arithmetic.
    `offload`: the parts of the model that are not at work wait in main memory, where it runs on another device.
    `attention_slicing`: attention in slices, slower, in less memory.
    `things`: words for all that a small model has learnt to draw; none where that cannot be listed.
    """

    steps: int = 30
    guidance: float = 7.5
    prompt: str = "{thing}"
    removal_prompt: str | None = "empty background"
    removal_negative_prompt: str = "{thing}"
    geometry: Geometry = field(default_factory=Geometry)
    offload: bool = False
    attention_slicing: bool = False
    things: tuple[str, ...] = ()

    def can_draw(self, prompt: str) -> bool:
        """Whether a prompt names one of `things`, in singular or plural; of anything else nobody can tell."""
        words = "|".join(map(re.escape, self.things))
        return not words or re.search(rf"\b({words})(e?s)?\b", prompt, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Brush:
    """What to paint and how. `seed` alone decides the noise, on every device.

    `strength`: from above 0 to 1, how little of the old picture shapes the new one. `scheduler`: a class of diffusers.
    `lora`: a file or directory. None leaves each to the model.
    """

    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    guidance: float
    strength: float | None = None
    scheduler: str | None = None
    lora: Path | None = None


class Inpainter(ABC):
    """A loaded inpainting model that works on squares of `side` pixels."""

    family: ClassVar[str] = "stable_diffusion"
    side: int
    advice: Advice

    @abstractmethod
    def inpaint(
        self, pixels: NDArray[np.uint8], mask: BoolMask, brush: Brush, *, on_step: Callable[[int], None]
    ) -> NDArray[np.uint8] | None:
        """Paint the masked part of an RGB square `(side, side, 3)` anew; the rest of what comes back may differ too.

        `on_step` is told how many steps are done; what it raises ends the painting. None: the checkpoint's own safety
        checker withheld the picture.
        """
