"""Weights move to transformers' `SamModel` and back by name, and both give the same answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import SamConfig as TheirConfig
from transformers import SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

from sam_model import Sam, load_sam
from sam_model.errors import CheckpointMismatchError
from sam_model.names import OFFICIAL_AND_TRANSFORMERS, POSITIONS_TWICE, from_transformers, to_transformers


@pytest.fixture(scope="module")
def theirs(lively_sam) -> SamModel:
    """The same network in transformers, with our weights under its names."""
    model = SamModel(their_config(lively_sam)).eval()
    model.load_state_dict(to_transformers(lively_sam.state_dict()))
    return model


def their_config(sam: Sam) -> TheirConfig:
    sizes = sam.config
    return TheirConfig(
        vision_config=SamVisionConfig(
            image_size=sizes.image_size,
            patch_size=sizes.patch_size,
            hidden_size=sizes.encoder_width,
            num_hidden_layers=sizes.encoder_depth,
            num_attention_heads=sizes.encoder_heads,
            mlp_dim=sizes.encoder_mlp_ratio * sizes.encoder_width,
            window_size=sizes.window_size,
            global_attn_indexes=list(sizes.global_blocks),
            output_channels=sizes.width,
            num_pos_feats=sizes.width // 2,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=sizes.width,
            image_size=sizes.image_size,
            patch_size=sizes.patch_size,
            mask_input_channels=sizes.hint_channels,
        ).to_dict(),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=sizes.width,
            mlp_dim=sizes.decoder_mlp_width,
            num_hidden_layers=sizes.decoder_depth,
            num_attention_heads=sizes.decoder_heads,
            iou_head_hidden_dim=sizes.width,
        ).to_dict(),
    )


def test_every_name_moves_there_and_back(lively_sam):
    official = {name: name for name in lively_sam.state_dict()}
    assert from_transformers(to_transformers(official)) == official


def test_every_line_of_the_table_is_needed(lively_sam):
    theirs = to_transformers(dict.fromkeys(lively_sam.state_dict()))
    for official, name in OFFICIAL_AND_TRANSFORMERS:
        start = name.replace("*", "0")
        assert any(key.startswith(start) for key in theirs), (official, name)


@torch.no_grad()
def test_answers_are_the_same(lively_sam, theirs):
    size = lively_sam.config.image_size
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 3, size, size, generator=generator)
    points = torch.tensor([[[20.0, 30.0], [70.0, 50.0]], [[11.0, 80.0], [3.0, 4.0]]])
    labels = torch.tensor([[1, 0], [1, 1]])
    boxes = torch.tensor([[10.0, 12.0, 60.0, 70.0], [5.0, 5.0, 90.0, 33.0]])

    expected = theirs(pixel_values=image, input_points=points[None], input_labels=labels[None], input_boxes=boxes[None])
    embedding = lively_sam.image_encoder(image)
    logits, iou = lively_sam.decode(embedding, points=(points, labels), boxes=boxes)

    torch.testing.assert_close(theirs.get_image_embeddings(image), embedding, atol=1e-4, rtol=0)
    torch.testing.assert_close(logits[:, 1:], expected.pred_masks[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(iou[:, 1:], expected.iou_scores[0], atol=1e-3, rtol=0)


@pytest.mark.parametrize("shards", [{}, {"max_shard_size": "100KB"}], ids=["whole", "sharded"])
def test_a_directory_of_transformers_loads(lively_sam, theirs, tmp_path, shards):
    theirs.save_pretrained(tmp_path, **shards)
    loaded = load_sam(tmp_path)
    assert (tmp_path / "model.safetensors").exists() is not bool(shards)
    assert loaded.config == lively_sam.config
    assert_equal_tensors(loaded, lively_sam)


@pytest.mark.parametrize("kept", [{0}, {1}, {0, 1}], ids=["first", "second", "both"])
def test_the_doubled_position_matrix_may_be_stored_once(lively_sam, theirs, tmp_path, kept):
    dropped = {name for index, name in enumerate(POSITIONS_TWICE) if index not in kept}
    save(theirs, tmp_path, without=dropped)
    assert_equal_tensors(load_sam(tmp_path), lively_sam)


def test_two_different_position_matrices_are_refused(theirs, tmp_path):
    save(theirs, tmp_path, **{POSITIONS_TWICE[1]: torch.zeros(2, theirs.config.vision_config.num_pos_feats)})
    with pytest.raises(CheckpointMismatchError, match=r"positional_embedding differ, expected the same matrix"):
        load_sam(tmp_path)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("vision_config", "use_rel_pos", False, r"vision_config.use_rel_pos is False: Segment Anything has True"),
        ("mask_decoder_config", "num_multimask_outputs", 4, r"num_multimask_outputs is 4: Segment Anything has 3"),
        ("vision_config", "mlp_dim", 97, r"mlp_dim is 97: expected a multiple of hidden_size \(48\)"),
        ("vision_config", "hidden_size", 0, r"encoder_width must be a positive integer, not 0"),
    ],
)
def test_variations_that_segment_anything_lacks_are_refused(theirs, tmp_path, section, key, value, message):
    save(theirs, tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    content[section][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointMismatchError, match=message):
        load_sam(tmp_path)


def save(model: SamModel, directory: Path, *, without: frozenset[str] = frozenset(), **changed: torch.Tensor) -> None:
    """Write a directory as older versions of transformers did: both position matrices are stored."""
    tensors = {**model.state_dict(), **changed}
    model.config.save_pretrained(directory)
    save_file(
        {name: tensor.clone() for name, tensor in tensors.items() if name not in without},
        directory / "model.safetensors",
    )


def assert_equal_tensors(found: Sam, expected: Sam) -> None:
    tensors = found.state_dict()
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(tensors[name], tensor, atol=0, rtol=0, msg=name)
