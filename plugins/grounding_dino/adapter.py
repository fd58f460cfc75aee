"""The one file that knows transformers' Grounding DINO: pixels and phrases in, candidate boxes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import InstructionError, ModelError
from plugins.grounding_dino.models import Candidates, GroundingDino
from plugins.grounding_dino.phrases import caption, passes, phrase_scores, phrase_tokens
from plugins.quiet import without_bars
from plugins.weights import recommended

# [CLS] before and [SEP] after the phrases.
_SPECIAL_TOKENS = 2
# A strip thinner than this leaves fewer encoder tokens than the decoder has queries, and top-k fails.
_MOST_ELONGATED = 8


class TransformersGroundingDino(GroundingDino):
    """`GroundingDinoForObjectDetection` with its tokenizer and PIL image processor (no torchvision needed)."""

    def __init__(self, model: Any, tokenizer: Any, processor: Any, advice: Mapping[str, Any] | None = None) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.processor = processor
        advice = advice or {}
        self.box_threshold = advice.get("box_threshold", GroundingDino.box_threshold)
        self.text_threshold = advice.get("text_threshold", GroundingDino.text_threshold)
        self.nms_threshold = advice.get("nms_threshold", GroundingDino.nms_threshold)
        self.per_class = advice.get("per_class", GroundingDino.per_class)

    def find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        limit = self.model.config.max_text_len - _SPECIAL_TOKENS
        runs = passes(self._token_counts(phrases, limit), limit)
        return Candidates.of_passes([(run.start, self._find(pixels, phrases[run.start : run.stop])) for run in runs])

    def _find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        text = caption(phrases)
        encoded = self.tokenizer(text.text, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoded.pop("offset_mapping")[0].tolist()
        probabilities, boxes = self._forward(_not_too_thin(pixels), encoded)
        greatest, mean = phrase_scores(probabilities[:, : len(offsets)], phrase_tokens(offsets, text.spans))
        best = mean.argmax(axis=1)
        queries = np.arange(len(best))
        return Candidates(_clipped(boxes, pixels.shape), best, greatest[queries, best], mean[queries, best])

    @torch.inference_mode()
    def _forward(self, pixels: NDArray[np.uint8], encoded: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token probabilities `(Q, T)` and boxes `(Q, 4)` x0 y0 x1 y1 in the pixels of the picture given."""
        device, dtype = self.model.device, self.model.dtype
        image = self.processor(pixels, return_tensors="pt", input_data_format="channels_last")
        output = self.model(
            pixel_values=image["pixel_values"].to(device, dtype),
            pixel_mask=image["pixel_mask"].to(device),
            **{name: value.to(device) for name, value in encoded.items()},
        )
        height, width = pixels.shape[:2]
        x, y, w, h = output.pred_boxes[0].float().unbind(-1)
        corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=-1)
        boxes = corners * corners.new_tensor([width, height, width, height])
        return output.logits[0].float().sigmoid().cpu().numpy(), boxes.cpu().numpy()

    def _token_counts(self, phrases: Sequence[str], limit: int) -> list[int]:
        counts = [len(self.tokenizer(caption([phrase]).text, add_special_tokens=False).input_ids) for phrase in phrases]
        for phrase, count in zip(phrases, counts, strict=True):
            if count > limit:
                raise InstructionError(
                    f"'{phrase[:40]}…' is too long to look for: {count} tokens where the model reads {limit}. "
                    "Use fewer words."
                )
        return counts


def load(path: Path, *, device: str, dtype: str) -> GroundingDino:
    """Load a directory in transformers' format. Raises `ModelError` if a tensor is missing or of another shape."""
    from transformers.models.auto.tokenization_auto import AutoTokenizer
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
    from transformers.models.grounding_dino.modeling_grounding_dino import GroundingDinoForObjectDetection
    from transformers.utils import logging

    with without_bars(logging):
        model, loaded = GroundingDinoForObjectDetection.from_pretrained(
            path, dtype=getattr(torch, dtype), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    if unfit := sorted({*loaded["missing_keys"], *(key for key, *_ in loaded["mismatched_keys"])}):
        raise ModelError(f"{path} is no Grounding DINO: {len(unfit)} tensors do not fit, the first is {unfit[0]}.")
    return TransformersGroundingDino(
        model.to(device),
        AutoTokenizer.from_pretrained(path, local_files_only=True),
        GroundingDinoImageProcessorPil.from_pretrained(path, local_files_only=True),
        recommended(path),
    )


def _not_too_thin(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pad a strip at its bottom or right with grey until it is no more than `_MOST_ELONGATED` times as long as wide."""
    height, width = pixels.shape[:2]
    missing = [max(0, -(-longest // _MOST_ELONGATED) - side) for side, longest in ((height, width), (width, height))]
    if not any(missing):
        return pixels
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), constant_values=127)


def _clipped(boxes: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    height, width = shape[:2]
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
