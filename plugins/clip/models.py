"""What nodes know of a CLIP, and where its weights come from. Imports no model library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from plugins.clip.crops import Framing
from plugins.clip.scores import probabilities
from plugins.clip.words import COMMON
from plugins.weights import HubFamily

FAMILY = HubFamily(
    name="clip",
    title="CLIP",
    loader="plugins.clip.adapter:load",
    needs=(
        ("config.json",),
        ("model*.safetensors",),
        ("preprocessor_config.json",),
        ("tokenizer.json", "vocab.json", "vocab.txt"),
    ),
)


class Clip(ABC):
    """A loaded CLIP, with what its makers recommend.

    `threshold`: the least probability to believe (`plugins.clip.scores`). `framing`: how a detection is shown to it.
    `template`: the sentence that a phrase is put into; `{}` stands for the phrase. `alike`: phrases whose
    likeness is greater mean much the same. `scale`: what cosines are multiplied by before phrases compete.
    """

    family: ClassVar[str] = "clip"
    threshold: float = 0.5
    framing: Framing = Framing()
    template: str = "a photo of a {}."
    alike: float = 0.6
    scale: float = 100.0

    @abstractmethod
    def embed_images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit vectors (N, D) of RGB pictures (H, W, 3), each scaled and cut to its central square."""

    @abstractmethod
    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (N, D) of texts, read exactly as they are. Raises `InstructionError` if one is too long."""

    def embed_phrases(self, phrases: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (N, D) of what the phrases name: each is put into the template."""
        return self.embed_texts([self.template.format(phrase) for phrase in phrases])

    def likely(self, images: NDArray[np.float32], phrases: Sequence[str]) -> NDArray[np.float32]:
        """How likely each image, a unit vector (N, D), shows each phrase rather than anything else: (N, P)."""
        return probabilities(images, self.embed_phrases(phrases), self.common, scale=self.scale, alike=self.alike)

    @cached_property
    def common(self) -> NDArray[np.float32]:
        """Unit vectors of the common words that a phrase competes with."""
        return self.embed_phrases(COMMON)
