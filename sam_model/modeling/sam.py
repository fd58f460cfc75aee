"""The whole network and how to make one."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sam_model.config import SamConfig
from sam_model.modeling.attention import RelativeAttention
from sam_model.modeling.efficient_net import EfficientNet
from sam_model.modeling.image_encoder import ImageEncoder
from sam_model.modeling.mask_decoder import Judged, MaskDecoder
from sam_model.modeling.prompt_encoder import PointTensors, PromptEncoder
from sam_model.modeling.tiny_vit import TinyVit
from sam_model.modeling.two_way_transformer import Picture


class Sam(nn.Module):
    """Segment Anything (https://arxiv.org/abs/2304.02643): picture → embedding; embedding and prompts → masks.

    Its `state_dict` has the names of the official checkpoints. Pictures and prompts come in the frame of the model: see
    `sam_model.preprocess`.
    """

    def __init__(self, config: SamConfig, *, drop_path: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = _image_encoder(config, drop_path)
        self.prompt_encoder = PromptEncoder(config)
        self.mask_decoder = MaskDecoder(config)

    @property
    def device(self) -> torch.device:
        return self.prompt_encoder.no_mask_embed.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.prompt_encoder.no_mask_embed.weight.dtype

    def look(
        self,
        image_embeddings: Float[Tensor, "#n c h w"],
        masks: Float[Tensor, "n 1 height width"] | None = None,
    ) -> Picture:
        """Compute what the decoder makes of pictures and mask hints, before points and boxes are known."""
        dense = self.prompt_encoder.dense(masks)
        return self.mask_decoder.look(image_embeddings + dense, self.prompt_encoder.image_positions())

    def share(self, picture: Picture) -> Picture:
        """Read one picture for many prompts without mask hints: see `MaskDecoder.share`."""
        return self.mask_decoder.share(picture)

    def answer(
        self,
        picture: Picture,
        *,
        points: PointTensors | None = None,
        boxes: Float[Tensor, "n 4"] | None = None,
        texts: Float[Tensor, "n text"] | None = None,
    ) -> tuple[Float[Tensor, "n 4 height width"], Float[Tensor, "n 4"]]:
        """Answer n prompts, about one picture or each about its own, with logits and predicted IoU.

        Args:
            picture: from `look`.
            points: (x, y) in pixels of the model's square, and labels: 1 foreground, 0 background, -1 padding.
            boxes: (left, top, right, bottom) in the same pixels.
            texts: CLIP embeddings, of a network that was trained with them.
        """
        judged = self.judge(picture, points=points, boxes=boxes, texts=texts)
        return self.mask_decoder.draw(judged), judged.iou

    def judge(
        self,
        picture: Picture,
        *,
        points: PointTensors | None = None,
        boxes: Float[Tensor, "n 4"] | None = None,
        texts: Float[Tensor, "n text"] | None = None,
    ) -> Judged:
        """Answer as far as the predicted IoU, so that masks that nobody wants need not be drawn."""
        sparse = self.prompt_encoder.sparse(points, boxes, texts, count=picture.pixels.shape[0])
        return self.mask_decoder.judge(picture, sparse)

    def decode(
        self,
        image_embeddings: Float[Tensor, "#n c h w"],
        *,
        points: PointTensors | None = None,
        boxes: Float[Tensor, "n 4"] | None = None,
        masks: Float[Tensor, "n 1 height width"] | None = None,
        texts: Float[Tensor, "n text"] | None = None,
    ) -> tuple[Float[Tensor, "n 4 height width"], Float[Tensor, "n 4"]]:
        """Look and answer at once; `masks` are hints, logits at four times the grid."""
        return self.answer(self.look(image_embeddings, masks), points=points, boxes=boxes, texts=texts)


def build_sam(config: SamConfig, *, drop_path: float = 0.0) -> Sam:
    """Make a network with fresh random weights, ready to be trained.

    The vision transformer starts as in MAE and ViTDet: normal with σ = 0.02. The decoder, like the official one, keeps
    PyTorch's defaults. `drop_path` is the rate of stochastic depth in the last block; it falls to 0 in the first.
    """
    sam = Sam(config, drop_path=drop_path)
    sam.image_encoder.apply(_initialise)
    if config.text_width is not None:
        # CLIP's vectors have length 1: so the token becomes as large as those of points, and is heeded from the start.
        nn.init.normal_(sam.prompt_encoder.text_proj.weight)
    return sam


def _image_encoder(config: SamConfig, drop_path: float) -> ImageEncoder | TinyVit | EfficientNet:
    if config.tiny_vit is not None:
        return TinyVit(config.tiny_vit, config.width, drop_path=drop_path)
    if config.efficient_net is not None:
        return EfficientNet(config.efficient_net, config.width, drop_path=drop_path)
    return ImageEncoder(config, drop_path=drop_path)


def _initialise(module: nn.Module) -> None:
    match module:
        case ImageEncoder():
            nn.init.trunc_normal_(module.pos_embed, std=0.02)
        case nn.Linear():
            nn.init.trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        case RelativeAttention():
            nn.init.trunc_normal_(module.rel_pos_h, std=0.02)
            nn.init.trunc_normal_(module.rel_pos_w, std=0.02)
