"""The one file that knows transformers' CLIPs: pictures and texts in, unit vectors out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import InstructionError, ModelError
from plugins.clip.crops import Framing
from plugins.clip.models import Clip
from plugins.quiet import quietly
from plugins.weights import recommended

#: Pictures that pass through the network together: as fast as more on a processor, and small in memory.
_BATCH = 16
# Each step to less memory begins the node anew: a few large ones get there sooner.
_FEWER = 4
#: `model_type` of a directory's config → the class that reads it.
_KINDS = {"clip": "CLIPModel", "vision-text-dual-encoder": "VisionTextDualEncoderModel"}


class TransformersClip(Clip):
    """`CLIPModel` or `VisionTextDualEncoderModel` with its tokenizer and PIL image processor."""

    def __init__(self, model: Any, tokenizer: Any, processor: Any, advice: Mapping[str, Any] | None = None) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.processor = processor
        advice = advice or {}
        self.scale = model.logit_scale.exp().item()
        self.threshold = advice.get("threshold", Clip.threshold)
        self.framing = Framing(**advice.get("framing", {}))
        self.template = advice.get("template", Clip.template)
        self.alike = advice.get("alike", Clip.alike)
        self._batch = _BATCH

    def spare_memory(self) -> str:
        """Look at a quarter of the pictures together from now on; says how many, or nothing where each is alone."""
        if self._batch == 1:
            return ""
        self._batch = max(1, self._batch // _FEWER)
        return f"pictures looked at together: {self._batch}"

    def embed_images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        size = self._batch
        batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
        return np.concatenate([self._nothing(), *map(self._embed_images, batches)])

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        return np.concatenate([self._nothing(), *map(self._embed_texts, batches)])

    @torch.inference_mode()
    def _embed_images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        seen = self.processor(list(pictures), return_tensors="pt", input_data_format="channels_last")
        pixels = seen["pixel_values"].to(self.model.device, self.model.dtype)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        return _unit(self.model.get_image_features(pixel_values=pixels).pooler_output)

    @torch.inference_mode()
    def _embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        read = self.tokenizer(list(texts), padding=True, return_tensors="pt").to(self.model.device)
        limit = self.model.config.text_config.max_position_embeddings
        for text, count in zip(texts, read["attention_mask"].sum(dim=1).tolist(), strict=True):
            if count > limit:
                raise InstructionError(
                    f"'{text[:40]}…' is too long: {count} tokens where the model reads {limit}. Use fewer words."
                )
        return _unit(self.model.get_text_features(**read).pooler_output)

    def _nothing(self) -> NDArray[np.float32]:
        return np.empty((0, self.model.config.projection_dim), np.float32)


def load(path: Path, *, device: str, dtype: str) -> Clip:
    """Load a directory in transformers' format. Raises `ModelError` if it is no CLIP or a tensor does not fit."""
    import transformers
    from transformers.models.auto.image_processing_auto import AutoImageProcessor
    from transformers.models.auto.tokenization_auto import AutoTokenizer
    from transformers.utils import logging

    kind = json.loads((path / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in _KINDS:
        raise ModelError(
            f"{path} is no CLIP: its model_type is {kind!r}; {' and '.join(map(repr, _KINDS))} can be loaded."
        )
    with quietly(logging):
        model, loaded = getattr(transformers, _KINDS[kind]).from_pretrained(
            path, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    if unfit := sorted({*loaded["missing_keys"], *(key for key, *_ in loaded["mismatched_keys"])}):
        raise ModelError(f"{path} is no CLIP: {len(unfit)} tensors do not fit, the first is {unfit[0]}.")
    return TransformersClip(
        # Convolutions of a processor are more than twice as fast so; a transformer does not mind.
        model.to(device, memory_format=torch.channels_last),
        AutoTokenizer.from_pretrained(path, local_files_only=True),
        AutoImageProcessor.from_pretrained(path, local_files_only=True, backend="pil"),
        recommended(path),
    )


def _unit(vectors: torch.Tensor) -> NDArray[np.float32]:
    found = torch.nn.functional.normalize(vectors.float(), dim=-1)
    return found.cpu().numpy()
