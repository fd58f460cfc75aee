"""Original checkpoints of Grounding DINO with random weights, and the same weights under transformers' names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import BertConfig, BertTokenizer

# What the published config of SwinT_OGC says, but for the sizes.
CONFIG = """
# A comment, as configs have them.
modelname = "groundingdino"
backbone = "swin_T_224_1k"
position_embedding = "sine"
pe_temperatureH = 20
pe_temperatureW = 20
return_interm_indices = [1, 2, 3]
backbone_freeze_keywords = None
pre_norm = False
hidden_dim = 256
dropout = 0.0
nheads = 8
query_dim = 4
num_patterns = 0
num_feature_levels = 4
enc_n_points = 4
dec_n_points = 4
two_stage_type = "standard"
two_stage_bbox_embed_share = False
two_stage_class_embed_share = False
transformer_activation = "relu"
dec_pred_bbox_embed_share = True
dn_box_noise_scale = 1.0
dn_label_noise_ratio = 0.5
embed_init_tgt = True
dn_labelbook_size = 2000
max_text_len = 256
text_encoder_type = "bert-base-uncased"
use_text_enhancer = True
use_fusion_layer = True
use_checkpoint = True
use_transformer_ckpt = True
use_text_cross_attention = True
text_dropout = 0.0
fusion_dropout = 0.0
fusion_droppath = 0.1
sub_sentence_present = True
"""
SMALL = {"enc_layers": 1, "dec_layers": 2, "dim_feedforward": 64, "num_queries": 50}
PUBLISHED = {"enc_layers": 6, "dec_layers": 6, "dim_feedforward": 2048, "num_queries": 900}

_HUB_SWIN = "model.backbone.conv_encoder.model"
# The original's names and those of the checkpoints on the hub, applied in this order, or backwards for the way back;
# # is a number. A name that begins with a dot is looked for anywhere, others at the beginning.
_RENAMED = (
    ("transformer.", "model."),
    ("model.encoder.layers.#.", "model.encoder.layers.#.deformable_layer."),
    ("model.encoder.text_layers.#.", "model.encoder.layers.#.text_enhancer_layer."),
    ("model.encoder.fusion_layers.#.", "model.encoder.layers.#.fusion_layer."),
    (".fusion_layer.gamma_v", ".fusion_layer.vision_param"),
    (".fusion_layer.gamma_l", ".fusion_layer.text_param"),
    (".fusion_layer.layer_norm_v.", ".fusion_layer.layer_norm_vision."),
    (".fusion_layer.layer_norm_l.", ".fusion_layer.layer_norm_text."),
    *(
        (f".fusion_layer.attn.{kind}{short}_proj.", f".fusion_layer.attn.{kind}{long}_proj.")
        for kind in ("", "values_", "out_")
        for short, long in (("v", "vision"), ("l", "text"))
    ),
    (".text_enhancer_layer.linear#.", ".text_enhancer_layer.fc#."),
    (".text_enhancer_layer.norm1.", ".text_enhancer_layer.layer_norm_before."),
    (".text_enhancer_layer.norm2.", ".text_enhancer_layer.layer_norm_after."),
    (".deformable_layer.linear#.", ".deformable_layer.fc#."),
    (".deformable_layer.norm1.", ".deformable_layer.self_attn_layer_norm."),
    (".deformable_layer.norm2.", ".deformable_layer.final_layer_norm."),
    ("model.decoder.layers.#.cross_attn.", "model.decoder.layers.#.encoder_attn."),
    ("model.decoder.layers.#.norm1.", "model.decoder.layers.#.encoder_attn_layer_norm."),
    ("model.decoder.layers.#.ca_text.", "model.decoder.layers.#.encoder_attn_text."),
    ("model.decoder.layers.#.catext_norm.", "model.decoder.layers.#.encoder_attn_text_layer_norm."),
    ("model.decoder.layers.#.norm2.", "model.decoder.layers.#.self_attn_layer_norm."),
    ("model.decoder.layers.#.norm3.", "model.decoder.layers.#.final_layer_norm."),
    ("model.decoder.layers.#.linear#.", "model.decoder.layers.#.fc#."),
    ("model.decoder.norm.", "model.decoder.layer_norm."),
    ("model.decoder.ref_point_head.", "model.decoder.reference_points_head."),
    ("model.tgt_embed.", "model.query_position_embeddings."),
    ("model.enc_out_bbox_embed.", "model.encoder_output_bbox_embed."),
    ("bert.", "model.text_backbone."),
    ("feat_map.", "model.text_projection."),
    ("input_proj.", "model.input_proj_vision."),
    ("backbone.0.patch_embed.proj.", f"{_HUB_SWIN}.embeddings.patch_embeddings.projection."),
    ("backbone.0.patch_embed.norm.", f"{_HUB_SWIN}.embeddings.norm."),
    ("backbone.0.layers.", f"{_HUB_SWIN}.encoder.layers."),
    *((f"backbone.0.norm{level}.", f"{_HUB_SWIN}.hidden_states_norms.stage{level + 1}.") for level in (1, 2, 3)),
    (".blocks.#.norm1.", ".blocks.#.layernorm_before."),
    (".blocks.#.norm2.", ".blocks.#.layernorm_after."),
    (".blocks.#.attn.proj.", ".blocks.#.attention.output.dense."),
    (".blocks.#.attn.", ".blocks.#.attention.self."),
    (".blocks.#.mlp.fc1.", ".blocks.#.intermediate.dense."),
    (".blocks.#.mlp.fc2.", ".blocks.#.output.dense."),
)
_JOINED = re.compile(r"(.*\.)(qkv\.|in_proj_)(weight|bias)")
_APART = re.compile(r"(.*\.)(query|key|value)\.(weight|bias)")
# Computed anew, kept under a second name, or (the pooler) read by nobody: transformers does without.
ONLY_ORIGINAL = ("relative_position_index", "bert.pooler.", "transformer.decoder.bbox_embed.")


def to_hub(original: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an original checkpoint under the names of the hub's."""
    found = {}
    for name, tensor in original.items():
        new = _renamed(name, _RENAMED)
        if any(part in name for part in ONLY_ORIGINAL):
            continue
        if joined := _JOINED.fullmatch(new):
            parts = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
            found |= {f"{joined[1]}{part}.{joined[3]}": piece.clone() for part, piece in parts}
        else:
            found[new] = tensor
    return found


def to_original(hub: dict[str, Tensor]) -> dict[str, Tensor]:
    """The way back: all that the hub's checkpoints have of an original one."""
    found, way_back = {}, tuple((new, old) for old, new in reversed(_RENAMED))
    for name, tensor in hub.items():
        apart = None if "text_backbone" in name else _APART.fullmatch(name)
        if apart is None:
            found[_renamed(name, way_back)] = tensor
        elif apart[2] == "query":
            parts = [hub[f"{apart[1]}{part}.{apart[3]}"] for part in ("query", "key", "value")]
            joined = "qkv." if "conv_encoder" in name else "in_proj_"
            found[_renamed(f"{apart[1]}{joined}{apart[3]}", way_back)] = torch.cat(parts)
    return found


def _renamed(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        pattern = re.escape(old).replace(r"\#", r"(\d+)")
        numbers = iter(range(1, new.count("#") + 1))
        replacement = re.sub("#", lambda _, numbers=numbers: rf"\g<{next(numbers)}>", new)
        name = re.sub(pattern if old.startswith(".") else f"^{pattern}", replacement, name)
    return name


def write_checkpoint(folder: Path, sizes: Mapping[str, int], words: Path, bert: BertConfig) -> Path:
    """A folder with a .pth of random weights, its config, and the text encoder's words; gives the .pth.

    `words`: a directory with a tokenizer. Weights are scaled such that the signal lives through all layers.
    """
    from plugins.grounding_dino import original

    config = folder / "GroundingDINO_SwinT_OGC.cfg.py"
    config.write_text(CONFIG + "".join(f"{name} = {size}\n" for name, size in sizes.items()))
    BertTokenizer.from_pretrained(words).save_pretrained(folder / "bert-base-uncased")
    bert.save_pretrained(folder / "bert-base-uncased")
    path = folder / "groundingdino_swint_ogc.pth"
    network = original._network(config, path)
    tensors = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"model": _at_random(tensors)}, path)
    return path


def _at_random(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Noise of a trained network's size in all tensors; those that are one in the network stay one.

    The last norm of the decoder is small, or all scores would be 0 or 1.
    """
    drawn, by_place = torch.Generator().manual_seed(0), {}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.data_ptr() not in by_place:
            spread = 0.1 if tensor.dim() == 1 else tensor[0].numel() ** -0.5
            centre = 1.0 if re.search(r"norm\w*\.weight|input_proj\.\d\.1\.weight", name) else 0.0
            drift = centre + spread * torch.randn(tensor.shape, generator=drawn)
            by_place[tensor.data_ptr()] = 0.1 * drift if "transformer.decoder.norm." in name else drift
    return {name: by_place.get(tensor.data_ptr(), tensor) for name, tensor in tensors.items()}
