"""The one file that knows transformers' Grounding DINO: pixels and phrases in, candidate boxes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipelines.errors import ModelError
from plugins.grounding_dino.captions import CaptionReader
from plugins.grounding_dino.models import GroundingDino
from plugins.quiet import quietly
from plugins.weights import recommended


class TransformersGroundingDino(CaptionReader):
    """`GroundingDinoForObjectDetection` with its tokenizer and PIL image processor (no torchvision needed)."""

    def __init__(self, model: Any, tokenizer: Any, processor: Any, advice: Mapping[str, Any] | None = None) -> None:
        super().__init__(tokenizer, processor, advice or {})
        self.model = model.eval()

    @property
    def most_tokens(self) -> int:
        limit: int = self.model.config.max_text_len
        return limit

    def logits_and_boxes(self, image: Any, text: str, encoded: Any) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ARG002
        device, dtype = self.model.device, self.model.dtype
        output = self.model(
            pixel_values=image["pixel_values"].to(device, dtype),
            pixel_mask=image["pixel_mask"].to(device),
            **{name: value.to(device) for name, value in encoded.items()},
        )
        return output.logits[0], output.pred_boxes[0]


def load(path: Path, *, device: str, dtype: str) -> GroundingDino:
    """Load a directory in transformers' format, or an original checkpoint (.pth).

    Raises `ModelError` if a tensor is missing or of another shape.
    """
    if path.is_file():
        from plugins.grounding_dino import original

        return original.load(path, device=device, dtype=dtype)
    return _from_directory(path, device=device, dtype=dtype)


def _from_directory(path: Path, *, device: str, dtype: str) -> GroundingDino:
    from transformers.models.auto.tokenization_auto import AutoTokenizer
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
    from transformers.models.grounding_dino.modeling_grounding_dino import GroundingDinoForObjectDetection
    from transformers.utils import logging

    with quietly(logging):
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
