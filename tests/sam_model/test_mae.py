"""Encoders that masked autoencoding has pre-trained: both sources give the same network, and misfits are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from sam_model import TINY, VIT_T, SamConfig, build_sam
from sam_model.errors import CheckpointMismatchError, CheckpointNotFoundError, ConfigError
from sam_model.mae import FRESH, build_from_mae

SLIM = replace(
    TINY,
    image_size=96,
    patch_size=16,
    encoder_width=32,
    encoder_heads=2,
    encoder_depth=2,
    window_size=3,
    global_blocks=(1,),
    width=32,
    decoder_heads=4,
    decoder_mlp_width=32,
)


def original(config: SamConfig = SLIM, *, cells: int = 4, patch: int = 16) -> dict[str, torch.Tensor]:
    """Random tensors under the names of facebookresearch/mae, its decoder included."""
    width, hidden = config.encoder_width, 4 * config.encoder_width
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "mask_token": (1, 1, 16),
        "pos_embed": (1, cells**2 + 1, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "decoder_pos_embed": (1, cells**2 + 1, 16),
        "decoder_blocks.0.attn.qkv.weight": (48, 16),
    }
    for block in range(config.encoder_depth):
        parts = {"norm1": (width,), "norm2": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width)}
        for part, shape in {**parts, "mlp.fc1": (hidden, width), "mlp.fc2": (width, hidden)}.items():
            shapes[f"blocks.{block}.{part}.weight"] = shape
            shapes[f"blocks.{block}.{part}.bias"] = shape[:1]
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def saved(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path = folder / "mae.pth"
    torch.save({"model": tensors}, path)
    return path


def test_every_tensor_of_the_transformer_comes_from_the_file(tmp_path):
    tensors = original()
    encoder = build_from_mae(SLIM, saved(tmp_path, tensors)).image_encoder.state_dict()
    for name, tensor in encoder.items():
        if name != "pos_embed" and not FRESH.match(name):
            assert torch.equal(tensor, tensors[name.replace("mlp.lin", "mlp.fc")]), name


def test_what_a_plain_transformer_lacks_is_left_fresh(tmp_path):
    path = saved(tmp_path, original())
    torch.manual_seed(3)
    fresh = build_sam(SLIM).state_dict()
    torch.manual_seed(3)
    built = build_from_mae(SLIM, path).state_dict()
    kept = {name for name in fresh if torch.equal(fresh[name], built[name]) and fresh[name].abs().sum() > 0}
    assert {f"image_encoder.blocks.{n}.attn.rel_pos_{side}" for n in (0, 1) for side in "hw"} <= kept
    assert {"image_encoder.neck.0.weight", "image_encoder.neck.2.weight", "mask_decoder.iou_token.weight"} <= kept


def test_positions_lose_the_class_token_and_keep_their_place(tmp_path):
    tensors = original(cells=6)
    encoder = build_from_mae(SLIM, saved(tmp_path, tensors)).image_encoder
    assert torch.equal(encoder.pos_embed, tensors["pos_embed"][:, 1:].reshape(1, 6, 6, 32))


def test_positions_are_stretched_to_the_grid(tmp_path):
    tensors = original(cells=4)
    row = torch.arange(4.0).repeat_interleave(4)
    tensors["pos_embed"] = torch.cat((torch.full((1,), 99.0), row))[None, :, None].expand(1, 17, 32).clone()
    positions = build_from_mae(SLIM, saved(tmp_path, tensors)).image_encoder.pos_embed[0].detach()
    assert positions.shape == (6, 6, 32)
    assert positions.std(dim=1).max() < 1e-5, "places of a row differ"
    assert (positions[1:, 0, 0] > positions[:-1, 0, 0]).all()
    assert positions[2:4].mean().item() == pytest.approx(1.5, abs=1e-4)
    assert (0.9 < positions[4, 0, 0] < 2.9).item()


def test_kernels_of_another_patch_size_give_the_same_token_for_an_even_patch(tmp_path):
    tensors = original(patch=14)
    encoder = build_from_mae(SLIM, saved(tmp_path, tensors)).image_encoder
    assert encoder.patch_embed.proj.weight.shape == (32, 3, 16, 16)
    smooth = torch.ones(32, 3, 14, 14)
    even = build_from_mae(SLIM, saved(tmp_path, {**tensors, "patch_embed.proj.weight": smooth})).image_encoder
    assert torch.allclose(even.patch_embed.proj.weight.sum(dim=(2, 3)), smooth.sum(dim=(2, 3)))


@pytest.mark.parametrize("prefix", ["vit.", ""])
def test_transformers_vitmae_gives_the_same_features(tmp_path, prefix):
    config = ViTMAEConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
                          image_size=96, patch_size=16, decoder_hidden_size=16, decoder_num_hidden_layers=1,
                          decoder_num_attention_heads=2, decoder_intermediate_size=16, mask_ratio=0.0)  # fmt: skip
    theirs = ViTMAEForPreTraining(config).eval()
    theirs.save_pretrained(tmp_path)
    from safetensors.torch import load_file

    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name.removeprefix("vit."): tensor for name, tensor in tensors.items() if name.startswith("vit.")}
    save_file(tensors if prefix else kept, tmp_path / "model.safetensors")
    encoder = build_from_mae(SLIM, tmp_path).image_encoder
    block, wanted = encoder.blocks[0], theirs.vit.layers[0]
    x = torch.randn(1, 5, 32)
    assert torch.allclose(block.norm1(x), wanted.layernorm_before(x), atol=1e-4)
    query, key, value = block.attn.qkv(x).chunk(3, dim=-1)
    for ours, projection in ((query, "q_proj"), (key, "k_proj"), (value, "v_proj")):
        assert torch.allclose(ours, getattr(wanted.attention, projection)(x), atol=1e-5)
    assert torch.allclose(block.attn.proj(x), wanted.attention.o_proj(x), atol=1e-5)
    assert torch.allclose(block.mlp(x), wanted.mlp(x), atol=1e-5)
    picture = torch.randn(1, 3, 96, 96)
    patches = theirs.vit.embeddings.patch_embeddings(picture) + theirs.vit.embeddings.position_embeddings[:, 1:]
    assert torch.allclose((encoder.patch_embed(picture) + encoder.pos_embed).flatten(1, 2), patches, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos_embed": torch.zeros(1, 16, 32)}, "pos_embed has 16 places, expected a class token and a square grid"),
        ({"pos_embed": torch.zeros(1, 17, 48)}, "holds 2 blocks of 48 channels, the network has 2 blocks of 32 chan"),
        ({"blocks.2.norm1.weight": torch.zeros(32)}, "holds 3 blocks of 32 channels, the network has 2 blocks"),
        ({"blocks.0.norm1.weight": torch.zeros(31)}, r"of another shape are blocks\.0\.norm1\.weight"),
        ({"head.weight": torch.zeros(1)}, r"missing, left over or of another shape are head\.weight"),
        ({"patch_embed.proj.weight": None}, "is no masked autoencoder: expected tensors pos_embed"),
        ({"blocks.1.attn.qkv.bias": None}, r"are blocks\.1\.attn\.qkv\.bias"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    tensors = {name: tensor for name, tensor in {**original(), **change}.items() if tensor is not None}
    with pytest.raises(CheckpointMismatchError, match=message):
        build_from_mae(SLIM, saved(tmp_path, tensors))


def test_a_missing_file_and_an_encoder_of_another_kind_are_named(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match="no such file"):
        build_from_mae(SLIM, tmp_path / "nothing.pth")
    with pytest.raises(ConfigError, match="the encoder of this network is a TinyViT"):
        build_from_mae(VIT_T, tmp_path)
