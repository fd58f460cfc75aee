"""MobileSAM's image encoder, without its reference: sizes, files and what training does to it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from sam_model import TINY, VIT_T, Sam, TinyVitConfig, build_sam, load_sam, save_sam
from sam_model.errors import CheckpointMismatchError, ConfigError
from sam_model.modeling.layers import NormedConvolution
from sam_model.modeling.tiny_vit import WindowAttention

SLIM_ENCODER = TinyVitConfig(
    widths=(8, 8, 16, 16), depths=(1, 1, 2, 1), heads=(1, 2, 2), windows=(3, 4, 3), strides=(2, 1, 1), classes=0
)
SLIM = replace(TINY, image_size=64, tiny_vit=SLIM_ENCODER, width=32, decoder_heads=4, decoder_mlp_width=32)


@pytest.fixture
def slim() -> Sam:
    torch.manual_seed(0)
    return build_sam(SLIM).eval()


def test_names_are_those_of_the_published_file():
    with torch.device("meta"):
        names = Sam(VIT_T).state_dict().keys()
    assert {
        "image_encoder.patch_embed.seq.0.c.weight",
        "image_encoder.patch_embed.seq.2.bn.num_batches_tracked",
        "image_encoder.layers.0.blocks.1.conv3.bn.running_var",
        "image_encoder.layers.0.downsample.conv2.c.weight",
        "image_encoder.layers.2.blocks.5.attn.attention_biases",
        "image_encoder.layers.2.blocks.5.attn.norm.weight",
        "image_encoder.layers.3.blocks.0.mlp.fc2.bias",
        "image_encoder.layers.3.blocks.0.local_conv.c.weight",
        "image_encoder.norm_head.weight",
        "image_encoder.head.bias",
        "image_encoder.neck.3.bias",
    } <= names
    assert not any("layers.3.downsample" in name for name in names)


def test_published_number_of_parameters():
    with torch.device("meta"):
        sam = Sam(VIT_T)
    assert sum(tensor.numel() for tensor in sam.parameters()) == 10_130_092


@pytest.mark.parametrize(("strides", "grid"), [((2, 1, 1), 8), ((1, 1, 1), 16), ((2, 2, 2), 2)])
def test_strides_decide_the_grid(strides, grid):
    encoder = replace(SLIM_ENCODER, strides=strides)
    sam = build_sam(replace(SLIM, tiny_vit=encoder, patch_size=encoder.stride)).eval()
    embedding = sam.image_encoder(torch.randn(2, 3, 64, 64))
    assert embedding.shape == (2, 32, sam.config.grid_size, sam.config.grid_size) == (2, 32, grid, grid)


def test_pictures_of_any_multiple_of_the_stride_are_embedded(slim):
    assert slim.image_encoder(torch.randn(1, 3, 40, 72)).shape == (1, 32, 5, 9)


def test_a_picture_is_embedded_alone_as_in_a_batch(slim):
    images = torch.randn(3, 3, 64, 64)
    alone = torch.cat([slim.image_encoder(image[None]) for image in images])
    torch.testing.assert_close(slim.image_encoder(images), alone, atol=1e-5, rtol=0)


def test_in_evaluation_convolution_and_norm_are_one_and_follow_the_weights():
    layer = NormedConvolution(4, 6, kernel=3, stride=2).train()
    x = torch.randn(2, 4, 9, 9)
    for _ in range(2):
        layer(3 + 2 * torch.randn(8, 4, 9, 9))
        torch.nn.init.normal_(layer.bn.weight)
        apart = layer.eval().bn(layer.c(x))
        torch.testing.assert_close(layer(x), apart, atol=1e-5, rtol=0)
        layer.train()


def test_the_bias_of_a_pair_is_that_of_its_distance():
    attention = WindowAttention(4, 1, 3)
    with torch.no_grad():
        attention.attention_biases.copy_(torch.arange(9.0)[None])
    bias = attention._bias()[0, 0]
    for query in range(9):
        for key in range(9):
            rows, columns = abs(query // 3 - key // 3), abs(query % 3 - key % 3)
            assert bias[query, key] == 3 * rows + columns


def test_every_weight_learns(slim):
    slim.train()
    for parameter in slim.image_encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    slim.image_encoder(torch.randn(2, 3, 64, 64)).square().sum().backward()
    still = [name for name, tensor in slim.image_encoder.named_parameters() if not tensor.grad.any()]
    assert still == []


def test_a_directory_gives_back_the_network(slim, tmp_path):
    save_sam(slim, tmp_path)
    loaded = load_sam(tmp_path)
    assert loaded.config == SLIM
    assert all(torch.equal(tensor, slim.state_dict()[name]) for name, tensor in loaded.state_dict().items())


def test_half_precision_stays_close(slim, tmp_path):
    save_sam(slim, tmp_path)
    image = torch.randn(1, 3, 64, 64)
    half = load_sam(tmp_path, dtype=torch.bfloat16).image_encoder(image.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), slim.image_encoder(image), atol=0.1, rtol=0.1)


def test_a_file_is_recognised_by_its_encoder(tmp_path):
    with torch.device("meta"):
        empty = Sam(VIT_T).state_dict()
    path = tmp_path / "mobile_sam.safetensors"
    save_file({name: torch.zeros(tensor.shape, dtype=tensor.dtype) for name, tensor in empty.items()}, path)
    assert load_sam(path).config == VIT_T
    with pytest.raises(CheckpointMismatchError, match=r"mobile_sam.safetensors holds vit_t, not vit_b$"):
        load_sam(path, variant="vit_b")


def test_a_file_of_another_size_says_what_it_holds(slim, tmp_path):
    path = tmp_path / "slim.safetensors"
    save_file(slim.state_dict(), path)
    with pytest.raises(
        CheckpointMismatchError, match=r"an encoder of 1 \+ 1 \+ 2 \+ 1 blocks and 8 channels, which no"
    ):
        load_sam(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depths": (1, 1)}, r"^tiny_vit: with 4 widths, depths must be 4 positive integers, not \(1, 1\)$"),
        ({"windows": (3, 0, 3)}, r"^tiny_vit: with 4 widths, windows must be 3 positive integers, not \(3, 0, 3\)$"),
        ({"heads": (3, 2, 2)}, r"^tiny_vit: a width of 8 must be divisible by its heads \(3\)$"),
    ],
)
def test_sizes_that_make_no_encoder(change, message):
    with pytest.raises(ConfigError, match=message):
        replace(SLIM_ENCODER, **change)


def test_the_stride_is_that_of_the_whole_network():
    with pytest.raises(ConfigError, match=r"^patch_size \(16\) must be the stride of tiny_vit \(8\)$"):
        replace(SLIM, patch_size=16)


@pytest.mark.parametrize("change", [{"tiny_vit": 3}, {"tiny_vit": {"widths": 8}}])
def test_a_configuration_with_a_size_of_the_wrong_kind(slim, tmp_path, change):
    save_sam(slim, tmp_path)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(CheckpointMismatchError, match=r"config.json(: tiny_vit must| has a size of the wrong)"):
        load_sam(tmp_path)
