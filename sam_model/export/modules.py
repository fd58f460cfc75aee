"""Parts of the network as modules whose inputs and outputs are those of an ONNX graph."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.modeling import Sam
from sam_model.modeling.cross_attention import Projected
from sam_model.modeling.two_way_transformer import Picture
from sam_model.preprocess import PIXEL_MEAN, PIXEL_STD

LARGEST_PICTURE = 1 << 20
READ = ("pixels", "key", "value", "query")
"""What `Look` gives and `Logits` and `Answer` take, in order."""


class Encoder(nn.Module):
    """A scaled picture → its embedding."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.encoder = sam.image_encoder
        self.side = sam.config.image_size

    def forward(self, image: Float[Tensor, "height width 3"]) -> Float[Tensor, "1 c h w"]:
        """Normalise, pad and encode RGB values from 0 to 255 of a picture whose longest side fills the square."""
        normal = (image - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)
        padding = (0, self.side - image.shape[1], 0, self.side - image.shape[0])
        embedding: Tensor = self.encoder(F.pad(rearrange(normal, "h w rgb -> 1 rgb h w"), padding))
        return embedding


class Look(nn.Module):
    """What the decoder makes of an embedding and of a mask hint."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.sam = sam

    def forward(
        self,
        image_embeddings: Float[Tensor, "1 c h w"],
        mask_input: Float[Tensor, "1 1 height width"],
        has_mask_input: Float[Tensor, " 1"],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Read the picture; the hint counts where `has_mask_input` is 1 and not where it is 0."""
        prompts = self.sam.prompt_encoder
        dense = torch.lerp(prompts.dense(None), prompts.dense(mask_input), has_mask_input)
        picture = self.sam.mask_decoder.look(image_embeddings + dense, prompts.image_positions())
        return picture.pixels, *picture.projected


class Logits(nn.Module):
    """What the decoder answers to n prompts about a picture that it has looked at, in its own resolution."""

    def __init__(self, sam: Sam, *, best_mask: bool) -> None:
        super().__init__()
        self.sam = sam
        self.best_mask = best_mask

    def forward(
        self,
        *,
        pixels: Float[Tensor, "1 hw c"],
        key: Float[Tensor, "1 heads hw d"],
        value: Float[Tensor, "1 heads hw d"],
        query: Float[Tensor, "1 heads hw d"],
        point_coords: Float[Tensor, "n k 2"],
        point_labels: Float[Tensor, "n k"],
    ) -> tuple[Float[Tensor, "n m"], Float[Tensor, "n m low low"]]:
        """Give predicted IoU and logits over the model's square."""
        prompts = self.sam.prompt_encoder
        places = rearrange(prompts.image_positions(), "1 c h w -> 1 (h w) c")
        tokens = prompts.embed_points(point_coords, point_labels.long())
        logits, iou = self.sam.mask_decoder(Picture(pixels, places, Projected(key, value, query)), tokens)
        if self.best_mask:
            logits, iou = _best(logits, iou, point_coords.shape[1])
        return iou, logits


class Answer(nn.Module):
    """`Logits`, and masks in pixels of the picture."""

    def __init__(self, sam: Sam, *, best_mask: bool) -> None:
        super().__init__()
        self.logits = Logits(sam, best_mask=best_mask)
        self.side = sam.config.image_size

    def forward(
        self,
        *,
        pixels: Float[Tensor, "1 hw c"],
        key: Float[Tensor, "1 heads hw d"],
        value: Float[Tensor, "1 heads hw d"],
        query: Float[Tensor, "1 heads hw d"],
        point_coords: Float[Tensor, "n k 2"],
        point_labels: Float[Tensor, "n k"],
        orig_im_size: Float[Tensor, " 2"],
    ) -> tuple[Float[Tensor, "n m height width"], Float[Tensor, "n m"], Float[Tensor, "n m low low"]]:
        """Give logits in pixels of the picture, predicted IoU, and logits at low resolution."""
        prompts = {"point_coords": point_coords, "point_labels": point_labels}
        iou, logits = self.logits(pixels=pixels, key=key, value=value, query=query, **prompts)
        return self._full_size(logits, orig_im_size), iou, logits

    def _full_size(
        self, logits: Float[Tensor, "n m h w"], size: Float[Tensor, " 2"]
    ) -> Float[Tensor, "n m height width"]:
        """`ops.masks.upscale_logits` for a size that is known only when the graph runs."""
        inner_size = (size * (self.side / size.max()) + 0.5).floor().clamp(min=1)
        inner_height, inner_width = _sizes(inner_size, at_most=self.side)
        height, width = _sizes(size, at_most=LARGEST_PICTURE)
        square = F.interpolate(logits, (self.side, self.side), mode="bilinear", align_corners=False)
        filled = square.narrow(2, 0, inner_height).narrow(3, 0, inner_width)
        return F.interpolate(filled, [height, width], mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Embedding and prompts → masks, in the form of the official export."""

    def __init__(self, sam: Sam, *, best_mask: bool) -> None:
        super().__init__()
        self.look = Look(sam)
        self.answer = Answer(sam, best_mask=best_mask)

    def forward(
        self,
        *,
        image_embeddings: Float[Tensor, "1 c h w"],
        point_coords: Float[Tensor, "n k 2"],
        point_labels: Float[Tensor, "n k"],
        mask_input: Float[Tensor, "1 1 side side"],
        has_mask_input: Float[Tensor, " 1"],
        orig_im_size: Float[Tensor, " 2"],
    ) -> tuple[Float[Tensor, "n m height width"], Float[Tensor, "n m"], Float[Tensor, "n m side side"]]:
        """Look and answer."""
        read = dict(zip(READ, self.look(image_embeddings, mask_input, has_mask_input), strict=True))
        answer: tuple[Tensor, Tensor, Tensor] = self.answer(
            **read, point_coords=point_coords, point_labels=point_labels, orig_im_size=orig_im_size
        )
        return answer


def _best(
    logits: Float[Tensor, "n 4 h w"], iou: Float[Tensor, "n 4"], points: int
) -> tuple[Float[Tensor, "n 1 h w"], Float[Tensor, "n 1"]]:
    single = torch.tensor([1000.0, 0.0, 0.0, 0.0]) * (points - 2.5)  # counting padding, as the official export does
    best = (iou + single).argmax(dim=1, keepdim=True)
    chosen = best[..., None, None].expand(-1, -1, *logits.shape[2:])
    return logits.gather(1, chosen), iou.gather(1, best)


def _sizes(tensor: Float[Tensor, " 2"], *, at_most: int) -> tuple[Any, Any]:
    """Read a size from a tensor; in a traced graph these are symbols, not numbers."""
    height, width = tensor.long().tolist()
    for size in (height, width):
        torch._check(size >= 1)  # noqa: SLF001 (documented under this name)
        torch._check(size <= at_most)  # noqa: SLF001
    return height, width
