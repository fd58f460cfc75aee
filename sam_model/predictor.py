"""Pictures and prompts in, masks out: numpy at both ends, no hidden state.

predictor = Predictor(load_sam("sam_vit_b_01ec64.pth"))
embedding = predictor.embed(pixels)                                  # once for a picture
prediction = predictor.predict(embedding, Box([75, 275, 1725, 850]))  # often, and cheap
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from sam_model.batching import PromptBatch, gather
from sam_model.modeling import Sam
from sam_model.modeling.mask_decoder import PAYS, Judged, kept_masks
from sam_model.modeling.two_way_transformer import Picture
from sam_model.preprocess import Frame, check_image, to_square
from sam_model.prompts import Prompt

PROMPTS_AT_ONCE = {"cpu": 2}
PROMPTS_AT_ONCE_ELSEWHERE = 64
"""A ViT-sized decoder works in about 60 MB a prompt; more at once only helps where a device would stay idle."""

DRAWN_PIXELS = 1 << 23
"""Pixels of masks to draw together, in 32 MB: a thread takes whole masks, so one mask at a time would keep one busy."""


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """What the image encoder saw, and how the picture lay in front of it; it may be kept and asked again and again."""

    features: Float[Tensor, "1 c h w"]
    frame: Frame
    picture: Picture
    """The features as the mask decoder reads them where there are no mask hints."""


class Outlines(NamedTuple):
    """Answers to n prompts, with m masks each, as the network gives them."""

    logits: Float[np.ndarray, "n m h w"]
    """Over the model's square, inside where > 0."""
    iou: Float[np.ndarray, "n m"]
    """The network's own guess how well each mask fits."""


@dataclass(frozen=True, eq=False)
class MaskPrediction:
    """Answers to n prompts, with m masks each: one, or three where several were asked for."""

    masks: Bool[np.ndarray, "n m height width"]
    """In pixels of the picture."""
    iou: Float[np.ndarray, "n m"]
    """The network's own guess how well each mask fits."""
    low_res_logits: Float[np.ndarray, "n m h w"]
    """Over the model's square, inside where > 0: what a `MaskHint` takes."""

    def __repr__(self) -> str:
        n, m, height, width = self.masks.shape
        return f"MaskPrediction({n} × {m} masks of {height} × {width} pixels)"

    def _repr_png_(self) -> bytes:
        """A sheet of the masks with the IoU that the network expects of each, as notebooks show it."""
        from sam_model.pictures import sheet, to_png

        return to_png(sheet(self.masks, [[f"{iou:.2f}" for iou in row] for row in self.iou]))


class Predictor:
    """A network that is ready to answer. It keeps nothing of the pictures, so threads may share it."""

    def __init__(self, sam: Sam, *, at_once: int | None = None) -> None:
        """`at_once`: how many prompts to decode together, instead of as many as suit the device."""
        self.sam = sam.eval()
        self.at_once = at_once or prompts_at_once(sam.device)

    @torch.inference_mode()
    def embed(self, image: UInt8[np.ndarray, "height width 3"]) -> ImageEmbedding:
        """Look at a picture: the expensive step.

        Args:
            image: RGB bytes.

        Raises:
            ImageError: for another shape or type.
        """
        pixels = check_image(image)
        frame = Frame(height=pixels.shape[0], width=pixels.shape[1], square=self.sam.config.image_size)
        square = to_square(pixels, frame).to(self.sam.device, self.sam.dtype)
        features = self.sam.image_encoder(square[None])
        return ImageEmbedding(features, frame, self.sam.look(features))

    @torch.inference_mode()
    def predict(
        self, embedding: ImageEmbedding, prompts: Prompt | Sequence[Prompt], *, multimask: bool = False
    ) -> MaskPrediction:
        """Answer prompts about a picture; no prompts (zero boxes) give no masks.

        Args:
            embedding: of the picture, by this predictor.
            prompts: `Points`, a `Box`, a `MaskHint`, a `TextPrompt`, or a tuple of them about the same objects.
            multimask: give the three masks (whole, part, subpart) of an ambiguous prompt, such as a single point,
                instead of the one of a clear prompt.

        Raises:
            PromptError: for prompts that make no sense or do not fit the picture.
        """
        low_res = self.outline(embedding, prompts, multimask=multimask)
        n, m = low_res.iou.shape
        masks = self.draw(embedding, rearrange(low_res.logits, "n m h w -> (n m) h w"))
        return MaskPrediction(rearrange(masks, "(n m) h w -> n m h w", n=n, m=m), low_res.iou, low_res.logits)

    @torch.inference_mode()
    def outline(
        self, embedding: ImageEmbedding, prompts: Prompt | Sequence[Prompt], *, multimask: bool = False
    ) -> Outlines:
        """Answer as `predict` does, but bring no mask to the size of the picture: for hints, and to choose first."""
        config = self.sam.config
        batch = gather(prompts, embedding.frame, hint_size=config.logits_size, text_width=config.text_width)
        masks, side = 3 if multimask else 1, config.logits_size
        found = Outlines(
            np.zeros((batch.count, masks, side, side), np.float32), np.zeros((batch.count, masks), np.float32)
        )
        kept = kept_masks(multimask=multimask)
        several = batch.hints is None and batch.count >= PAYS
        picture = self.sam.share(embedding.picture) if several else embedding.picture
        for rows, part in batch.parts(self.at_once):
            judged = self._judge(embedding.features, picture, part)
            logits = self.sam.mask_decoder.draw(judged, kept)
            found.logits[rows], found.iou[rows] = logits.float().cpu(), judged.iou[:, kept].float().cpu()
        return found

    @torch.inference_mode()
    def draw(self, embedding: ImageEmbedding, logits: Float[np.ndarray, "k h w"]) -> Bool[np.ndarray, "k height width"]:
        """Bring logits to the size of the picture, as masks: those that `outline` gave, or some of them."""
        height, width = embedding.frame.height, embedding.frame.width
        masks = np.zeros((len(logits), height, width), bool)
        at_once = max(1, DRAWN_PIXELS // (height * width))
        for start in range(0, len(logits), at_once):
            rows = slice(start, start + at_once)
            squares = torch.from_numpy(logits[rows]).to(self.sam.device)
            masks[rows] = (embedding.frame.to_image(squares[:, None])[:, 0] > 0).cpu()
        return masks

    def _judge(self, features: Float[Tensor, "1 c h w"], picture: Picture, batch: PromptBatch) -> Judged:
        points = None
        if batch.points is not None and batch.labels is not None:
            points = self._tensor(batch.points), torch.from_numpy(batch.labels).to(self.sam.device)
        hints = self._tensor(batch.hints)
        if hints is not None:
            picture = self.sam.look(features, hints[:, None].to(self.sam.dtype))
        boxes, texts = self._tensor(batch.boxes), self._tensor(batch.texts)
        return self.sam.judge(picture, points=points, boxes=boxes, texts=texts)

    @overload
    def _tensor(self, array: Float[np.ndarray, "*shape"]) -> Tensor: ...
    @overload
    def _tensor(self, array: None) -> None: ...
    def _tensor(self, array: Float[np.ndarray, "*shape"] | None) -> Tensor | None:
        """Float32 before it travels: some devices know no float64."""
        return None if array is None else torch.from_numpy(array.astype(np.float32)).to(self.sam.device)


def prompts_at_once(device: torch.device) -> int:
    """Give the number of prompts to decode together."""
    return PROMPTS_AT_ONCE.get(device.type, PROMPTS_AT_ONCE_ELSEWHERE)
