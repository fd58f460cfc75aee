"""Weights are loaded strictly, safely, and with errors that say what was expected."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from sam_model import PRESETS, TINY, build_sam, load_sam, save_sam
from sam_model.errors import (
    CheckpointMismatchError,
    CheckpointNotFoundError,
    ConfigError,
    UnreadableCheckpointError,
)
from sam_model.names import POSITIONS

SLIM = replace(TINY, image_size=64, encoder_width=32, encoder_heads=2, width=32, decoder_heads=4, decoder_mlp_width=32)


@pytest.fixture(scope="module")
def slim_tensors():
    return build_sam(SLIM).state_dict()


@pytest.fixture
def slim_preset(monkeypatch):
    """A preset of the size of these tests, so that plain files can hold it."""
    monkeypatch.setitem(PRESETS, "slim", SLIM)


@pytest.fixture
def directory(tmp_path, lively_sam):
    save_sam(lively_sam, tmp_path)
    return tmp_path


class Malice:
    """What a hostile pickle does: it names a function that unpickling would call."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


def test_a_directory_gives_back_what_was_saved(directory, lively_sam):
    loaded = load_sam(directory)
    assert loaded.config == lively_sam.config
    assert not loaded.training
    for name, tensor in lively_sam.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name


def test_half_size_files_keep_the_positions_exact(tmp_path, lively_sam):
    save_sam(lively_sam, tmp_path, dtype=torch.float16)
    tensors = load_sam(tmp_path).state_dict()
    expected = lively_sam.state_dict()
    assert torch.equal(tensors.pop(POSITIONS), expected[POSITIONS])
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name].half().float()), name


def test_a_loaded_network_can_be_of_another_dtype(directory, lively_sam):
    loaded = load_sam(directory, dtype=torch.bfloat16)
    assert loaded.dtype == torch.bfloat16
    assert torch.equal(loaded.state_dict()[POSITIONS], lively_sam.state_dict()[POSITIONS])


def test_the_file_may_be_replaced_while_the_network_is_in_use(directory, lively_sam):
    loaded = load_sam(directory)
    size = (directory / "model.safetensors").stat().st_size
    (directory / "model.safetensors").write_bytes(bytes(size))
    assert torch.equal(loaded.image_encoder.pos_embed, lively_sam.image_encoder.pos_embed)


@pytest.mark.parametrize("name", ["sam.pth", "sam.safetensors"])
def test_official_files_load(slim_preset, slim_tensors, tmp_path, name):
    write = torch.save if name.endswith(".pth") else save_file
    write(slim_tensors, tmp_path / name)
    for variant in ("slim", None):
        loaded = load_sam(tmp_path / name, variant=variant)
        assert loaded.config == SLIM
        assert torch.equal(loaded.image_encoder.pos_embed, slim_tensors["image_encoder.pos_embed"])


def test_files_of_the_time_before_zip_load(slim_preset, slim_tensors, tmp_path):
    torch.save(slim_tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert load_sam(tmp_path / "old.pth").config == SLIM


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda tensors: tensors.pop("mask_decoder.iou_token.weight"),
            r"does not fit the network: 1 missing: mask_decoder.iou_token.weight$",
        ),
        (
            lambda tensors: [tensors.pop(name) for name in list(tensors) if "transformer" in name],
            r": 82 missing: mask_decoder.transformer.*, .*, .* and 79 more$",
        ),
        (
            lambda tensors: tensors.update(pixel_mean=torch.zeros(3)),
            r"does not fit the network: 1 unexpected: pixel_mean$",
        ),
        (
            lambda tensors: tensors.update({"image_encoder.neck.1.weight": torch.zeros(5)}),
            r": 1 of another shape: image_encoder.neck.1.weight \(5,\) instead of \(32,\)$",
        ),
    ],
    ids=["one missing", "many missing", "extra", "misshapen"],
)
def test_tensors_must_fit_exactly(slim_preset, slim_tensors, tmp_path, change, message):
    tensors = dict(slim_tensors)
    change(tensors)
    torch.save(tensors, tmp_path / "sam.pth")
    with pytest.raises(CheckpointMismatchError, match=message):
        load_sam(tmp_path / "sam.pth", variant="slim")


def test_another_variant_is_named(slim_preset, slim_tensors, tmp_path):
    torch.save(slim_tensors, tmp_path / "sam.pth")
    with pytest.raises(CheckpointMismatchError, match=r"sam.pth holds slim, not vit_b$"):
        load_sam(tmp_path / "sam.pth", variant="vit_b")


def test_a_directory_of_another_variant_says_what_differs(directory):
    with pytest.raises(CheckpointMismatchError, match=r"does not hold vit_b: .*encoder_width 48 \(768\)"):
        load_sam(directory, variant="vit_b")


def test_a_file_of_unknown_size_asks_for_a_directory(slim_tensors, tmp_path):
    torch.save(slim_tensors, tmp_path / "sam.pth")
    with pytest.raises(CheckpointMismatchError, match=r"an encoder of 4 blocks and 32 channels, .* with config.json$"):
        load_sam(tmp_path / "sam.pth")


def test_another_kind_of_network_is_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet.pth")
    with pytest.raises(
        CheckpointMismatchError, match=r"resnet.pth is not Segment Anything: expected a tensor image_enc"
    ):
        load_sam(tmp_path / "resnet.pth")


def test_an_unknown_variant_lists_the_known(tmp_path):
    with pytest.raises(ConfigError, match=r"no variant 'vit_x': there are tiny, vit_t, vit_b, vit_l, vit_h$"):
        load_sam(tmp_path, variant="vit_x")


def test_a_pickle_that_would_run_code_is_refused_and_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Malice()}, tmp_path / "evil.pth")
    with pytest.raises(UnreadableCheckpointError, match=r"evil.pth would run code when loaded \(posix.system\): only"):
        load_sam(tmp_path / "evil.pth")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>", b"PK\x03\x04 broken", b"\x80\x02}", bytes(100)])
@pytest.mark.parametrize("name", ["sam.pth", "sam.safetensors"])
def test_damaged_files_are_refused(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableCheckpointError, match=rf"{name} is damaged or no (checkpoint|safetensors file)"):
        load_sam(tmp_path / name)


def test_a_truncated_file_is_refused(slim_tensors, tmp_path):
    for name, write in (("sam.pth", torch.save), ("sam.safetensors", save_file)):
        path = tmp_path / name
        write(slim_tensors, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(UnreadableCheckpointError, match="damaged"):
            load_sam(path)


def test_a_training_state_is_refused(tmp_path):
    torch.save({"model": {"a": torch.zeros(1)}, "step": 3}, tmp_path / "run.pth")
    with pytest.raises(UnreadableCheckpointError, match=r"run.pth holds a dict under 'model', expected the tensors"):
        load_sam(tmp_path / "run.pth")


def test_a_list_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(UnreadableCheckpointError, match=r"list.pth holds a list, expected a dictionary of tensors$"):
        load_sam(tmp_path / "list.pth")


def test_nothing_there(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"sam.pth: no such file or directory$"):
        load_sam(tmp_path / "sam.pth")


def test_an_empty_directory(tmp_path):
    with pytest.raises(CheckpointNotFoundError, match=r"has no weights: expected model.safetensors, or model.*index"):
        load_sam(tmp_path)


def test_a_directory_without_configuration(directory):
    (directory / "config.json").unlink()
    with pytest.raises(CheckpointNotFoundError, match=r"has no config.json: expected it beside model.safetensors$"):
        load_sam(directory)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{", UnreadableCheckpointError, r"config.json is no JSON: "),
        ("[]", CheckpointMismatchError, r"has model_type None: expected 'sam' \(transformers\) or 'segment_anything'$"),
        ('{"model_type": "clip"}', CheckpointMismatchError, r"has model_type 'clip': expected 'sam'"),
        ('{"model_type": "segment_anything", "dept": 1}', CheckpointMismatchError, r"config.json: unknown sizes dept$"),
        (
            '{"model_type": "segment_anything", "encoder_heads": 7}',
            CheckpointMismatchError,
            r"config.json: encoder_width \(768\) must be divisible by encoder_heads \(7\)$",
        ),
        (
            '{"model_type": "segment_anything", "tiny_vit": true}',
            CheckpointMismatchError,
            r"config.json: tiny_vit must be a mapping of sizes, not True$",
        ),
    ],
)
def test_configurations_that_make_no_network(directory, content, error, message):
    (directory / "config.json").write_text(content)
    with pytest.raises(error, match=message):
        load_sam(directory)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        ("{}", UnreadableCheckpointError, r"is no index of shards: expected a 'weight_map'$"),
        ('{"weight_map": {"a": "gone.safetensors"}}', CheckpointNotFoundError, r"names gone.safetensors, which is not"),
        (
            '{"weight_map": {"a": "../other"}}',
            UnreadableCheckpointError,
            r"names '../other': shards must lie beside it$",
        ),
    ],
)
def test_broken_shards(tmp_path, index, error, message):
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(error, match=message):
        load_sam(tmp_path)


def test_our_own_directory_says_what_it_is(directory, lively_sam):
    content = json.loads((directory / "config.json").read_text())
    assert content["model_type"] == "segment_anything"
    assert content["encoder_width"] == lively_sam.config.encoder_width
