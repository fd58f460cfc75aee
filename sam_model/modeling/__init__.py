"""The network of Segment Anything; parameter names are those of the official checkpoints."""

from sam_model.modeling.efficient_net import EfficientNet
from sam_model.modeling.image_encoder import ImageEncoder
from sam_model.modeling.mask_decoder import MaskDecoder
from sam_model.modeling.prompt_encoder import PromptEncoder
from sam_model.modeling.sam import Sam, build_sam
from sam_model.modeling.tiny_vit import TinyVit

__all__ = ["EfficientNet", "ImageEncoder", "MaskDecoder", "PromptEncoder", "Sam", "TinyVit", "build_sam"]
