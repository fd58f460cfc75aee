"""What both implementations of Grounding DINO share: phrases become a caption, and boxes the phrase that fired."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.errors import InstructionError
from plugins.grounding_dino.models import Candidates, GroundingDino
from plugins.grounding_dino.phrases import caption, passes, phrase_scores, phrase_tokens

# [CLS] before and [SEP] after the phrases.
_SPECIAL_TOKENS = 2
# A strip thinner than this leaves fewer encoder tokens than the decoder has queries, and top-k fails.
_MOST_ELONGATED = 8


class CaptionReader(GroundingDino):
    """A network that reads captions and tells, for each of its Q queries, how probable each token is in its box."""

    def __init__(self, tokenizer: Any, processor: Any, advice: Mapping[str, Any]) -> None:
        """`processor`: transformers' image processor. `advice`: what the makers of the weights recommend, by name."""
        self.tokenizer = tokenizer
        self.processor = processor
        self.box_threshold = advice.get("box_threshold", GroundingDino.box_threshold)
        self.text_threshold = advice.get("text_threshold", GroundingDino.text_threshold)
        self.nms_threshold = advice.get("nms_threshold", GroundingDino.nms_threshold)
        self.per_class = advice.get("per_class", GroundingDino.per_class)
        self.second_look = advice.get("second_look", GroundingDino.second_look)
        self.box_floor = advice.get("box_floor", GroundingDino.box_floor)

    @property
    @abstractmethod
    def most_tokens(self) -> int:
        """How many tokens the network reads at once, special ones included."""

    @abstractmethod
    def logits_and_boxes(self, image: Any, text: str, encoded: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Token logits `(Q, T or more)` and boxes `(Q, 4)`: centre and size, as shares of the picture.

        `image` is what the processor made of it, `encoded` what the tokenizer made of `text`.
        """

    def find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        limit = self.most_tokens - _SPECIAL_TOKENS
        runs = passes(self._token_counts(phrases, limit), limit)
        return Candidates.of_passes([(run.start, self._find(pixels, phrases[run.start : run.stop])) for run in runs])

    def _find(self, pixels: NDArray[np.uint8], phrases: Sequence[str]) -> Candidates:
        text = caption(phrases)
        encoded = self.tokenizer(text.text, return_offsets_mapping=True, return_tensors="pt")
        offsets = encoded.pop("offset_mapping")[0].tolist()
        probabilities, boxes = self._forward(_not_too_thin(pixels), text.text, encoded)
        greatest, mean = phrase_scores(probabilities[:, : len(offsets)], phrase_tokens(offsets, text.spans))
        best = mean.argmax(axis=1)
        queries = np.arange(len(best))
        return Candidates(_clipped(boxes, pixels.shape), best, greatest[queries, best], mean[queries, best])

    @torch.inference_mode()
    def _forward(
        self, pixels: NDArray[np.uint8], text: str, encoded: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Token probabilities `(Q, T)` and boxes `(Q, 4)` x0 y0 x1 y1 in the pixels of the picture given."""
        image = self.processor(pixels, return_tensors="pt", input_data_format="channels_last")
        logits, shares = self.logits_and_boxes(image, text, encoded)
        height, width = pixels.shape[:2]
        x, y, w, h = shares.float().unbind(-1)
        corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], dim=-1)
        boxes = corners * corners.new_tensor([width, height, width, height])
        return logits.float().sigmoid().cpu().numpy(), boxes.cpu().numpy()

    def _token_counts(self, phrases: Sequence[str], limit: int) -> list[int]:
        counts = [len(self.tokenizer(caption([phrase]).text, add_special_tokens=False).input_ids) for phrase in phrases]
        for phrase, count in zip(phrases, counts, strict=True):
            if count > limit:
                raise InstructionError(
                    f"'{phrase[:40]}…' is too long to look for: {count} tokens where the model reads {limit}. "
                    "Use fewer words."
                )
        return counts


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
