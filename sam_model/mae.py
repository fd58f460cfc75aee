"""Vision transformers that masked autoencoding has pre-trained (https://arxiv.org/abs/2111.06377), as image encoders.

Accepted are files of facebookresearch/mae and files and directories of transformers' ViTMAE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sam_model.config import SamConfig
from sam_model.errors import CheckpointMismatchError, ConfigError
from sam_model.modeling import Sam, build_sam
from sam_model.tensor_files import read_tensors

ENCODER = "image_encoder."
POSITIONS, PATCHES = "pos_embed", "patch_embed.proj.weight"
FRESH = re.compile(r"neck\.|blocks\.\d+\.attn\.rel_pos_[hw]$")
"""What Segment Anything's encoder has beyond a plain vision transformer."""
UNUSED = re.compile(r"cls_token|mask_token|norm\.|decoder")
"""What only masked autoencoding needs: its decoder, the class token, and the norm that the neck replaces."""
MAE_AND_OURS = (
    (r"^vit\.", ""),
    (r"^embeddings\.position_embeddings", POSITIONS),
    (r"^embeddings\.cls_token", "cls_token"),
    (r"^embeddings\.patch_embeddings\.projection", "patch_embed.proj"),
    (r"^layernorm\.", "norm."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.attention\.attention\.", ".attn."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.intermediate\.dense\.", ".mlp.lin1."),
    (r"\.output\.dense\.", ".mlp.lin2."),
    (r"\.mlp\.fc([12])\.", r".mlp.lin\1."),
)
"""Parts of names of both sources, and what stands there in ours; applied in this order."""


def build_from_mae(config: SamConfig, path: str | PathLike[str], *, drop_path: float = 0.0) -> Sam:
    """Make a network with fresh weights, except that its vision transformer is a pre-trained one.

    Positions lose the class token and are stretched to the grid. Kernels of another patch size (ViT-H's is 14) are
    resampled so that an even patch gives the same token. Relative positions and the neck are left fresh, the
    pre-training's decoder is not used.

    Args:
        config: of the network; its encoder must have the checkpoint's blocks and channels.
        path: a `.pth` or `.safetensors` file, or a directory with `model.safetensors`.
        drop_path: see `build_sam`.

    Raises:
        ConfigError: when the configuration's encoder is no vision transformer.
        CheckpointNotFoundError: when nothing is there.
        UnreadableCheckpointError: when a file is damaged, is no checkpoint, or would execute code.
        CheckpointMismatchError: when it holds something else than a vision transformer of this size.
    """
    if config.tiny_vit is not None or config.efficient_net is not None:
        kind = "a TinyViT" if config.tiny_vit is not None else "an EfficientNet"
        raise ConfigError(f"masked autoencoding trains vision transformers: the encoder of this network is {kind}")
    source = Path(path)
    sam = build_sam(config, drop_path=drop_path)
    expected = sam.image_encoder.state_dict()
    tensors = _fitted(_ours(read_tensors(source, under="model")), expected, source)
    kept = {name: tensor for name, tensor in expected.items() if FRESH.match(name)}
    sam.image_encoder.load_state_dict({**kept, **tensors})
    return sam


def _ours(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename, join queries, keys and values, and drop what is not used."""
    renamed = {_renamed(name): tensor for name, tensor in tensors.items()}
    for name in [name for name in renamed if ".attn.query." in name]:
        parts = [renamed.pop(name.replace("query", part), None) for part in ("query", "key", "value")]
        renamed[name.replace("query", "qkv")] = torch.cat([part for part in parts if part is not None])
    return {name: tensor for name, tensor in renamed.items() if not UNUSED.match(name)}


def _renamed(name: str) -> str:
    for theirs, ours in MAE_AND_OURS:
        name = re.sub(theirs, ours, name)
    return name


def _fitted(tensors: dict[str, Tensor], expected: Mapping[str, Tensor], source: Path) -> dict[str, Tensor]:
    """Check the tensors and bring positions and patches to the expected sizes.

    The size of the transformer is looked at first: another one would differ in every tensor.
    """
    positions, patches = tensors.get(POSITIONS), tensors.get(PATCHES)
    if positions is None or patches is None or positions.ndim != 3 or patches.ndim != 4:
        raise CheckpointMismatchError(
            f"{source} is no masked autoencoder: expected tensors {POSITIONS} (1, places, c) and {PATCHES} (c, 3, h, w)"
        )
    found, wanted = (_blocks(tensors), positions.shape[-1]), (_blocks(expected), expected[POSITIONS].shape[-1])
    if found != wanted:
        sizes = ["{} blocks of {} channels".format(*size) for size in (found, wanted)]
        raise CheckpointMismatchError(f"{source} holds {sizes[0]}, the network has {sizes[1]}")
    side, cell = expected[POSITIONS].shape[1], expected[PATCHES].shape[-1]
    fitted = {**tensors, POSITIONS: _stretch(positions, side, source), PATCHES: _resample(patches, cell)}
    wrong = sorted(
        name
        for name in fitted.keys() | {name for name in expected if not FRESH.match(name)}
        if name not in fitted or name not in expected or fitted[name].shape != expected[name].shape
    )
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointMismatchError(
            f"{source} does not fit: missing, left over or of another shape are {', '.join(wrong[:3])}{more}"
        )
    return fitted


def _blocks(names: Iterable[str]) -> int:
    return len({name.split(".")[1] for name in names if name.startswith("blocks.")})


def _stretch(positions: Float[Tensor, "1 places c"], side: int, source: Path) -> Float[Tensor, "1 side side c"]:
    """Bring the positions of a square grid to another, by bicubic interpolation; the class token stands before them."""
    cells = int((positions.shape[1] - 1) ** 0.5)
    if cells < 1 or cells**2 + 1 != positions.shape[1]:
        raise CheckpointMismatchError(
            f"{source}: {POSITIONS} has {positions.shape[1]} places, expected a class token and a square grid"
        )
    grid = rearrange(positions[:, 1:].float(), "1 (h w) c -> 1 c h w", h=cells)
    if cells != side:
        grid = F.interpolate(grid, (side, side), mode="bicubic", align_corners=False)
    stretched: Tensor = rearrange(grid, "1 c h w -> 1 h w c")
    return stretched


def _resample(patches: Float[Tensor, "c rgb cell cell"], cell: int) -> Float[Tensor, "c rgb side side"]:
    before = patches.shape[-1]
    if before == cell:
        return patches
    return F.interpolate(patches.float(), (cell, cell), mode="bicubic", align_corners=False) * (before / cell) ** 2
