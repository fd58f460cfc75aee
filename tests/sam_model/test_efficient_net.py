"""The convolutional encoder equals timm's EfficientNet-Lite0 below its pyramid, and is a network like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sam_model import (
    TINY,
    EfficientNetConfig,
    Predictor,
    Sam,
    TinyVitConfig,
    build_sam,
    load_sam,
    save_sam,
)
from sam_model.errors import ConfigError
from sam_model.mae import build_from_mae

SLIM_ENCODER = EfficientNetConfig(
    stem=8, widths=(8, 12, 16), depths=(1, 2, 2), kernels=(3, 5, 3), strides=(1, 2, 2), expansions=(1, 3, 3)
)
SLIM = replace(TINY, image_size=64, efficient_net=SLIM_ENCODER, width=32, decoder_heads=4, decoder_mlp_width=32)


def lively(module: torch.nn.Module) -> torch.nn.Module:
    """Norms that do something."""
    generator = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            for tensor in (part.bias.data, part.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / 4)
    return module.eval()


@pytest.mark.filterwarnings("ignore")
def test_the_blocks_equal_timms_lite0():
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = lively(timm.create_model("tf_efficientnet_lite0", pretrained=False)).double()
    ours = Sam(replace(TINY, efficient_net=EfficientNetConfig())).image_encoder.eval()
    state = ours.state_dict()
    body = [name for name in state if name.startswith(("patch_embed.", "blocks."))]
    published = [
        tensor for name, tensor in theirs.state_dict().items() if name.startswith(("conv_stem", "bn1", "blocks"))
    ]
    assert len(body) == len(published)
    ours.double().load_state_dict(state | dict(zip(body, published, strict=True)))
    picture = torch.randn(1, 3, 96, 128, dtype=torch.float64)
    with torch.no_grad():
        expected, found = theirs.blocks(theirs.bn1(theirs.conv_stem(picture))), ours.patch_embed(picture)
        for block in ours.blocks:
            found = block(found)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_every_resolution_reaches_the_embedding():
    encoder = Sam(SLIM).image_encoder.eval()
    assert sorted(map(int, encoder.pyramid.lateral)) == [2, 4, 8]
    picture = torch.randn(1, 3, 64, 64, requires_grad=True)
    embedding = encoder(picture)
    assert embedding.shape == (1, 32, 8, 8)
    for lateral in encoder.pyramid.lateral.values():
        (gradient,) = torch.autograd.grad(embedding.square().sum(), lateral.weight, retain_graph=True)
        assert gradient.abs().sum() > 0


def test_a_coarser_resolution_is_stretched():
    config = replace(SLIM, patch_size=4, efficient_net=replace(SLIM_ENCODER, stride=4))
    assert Sam(config).image_encoder.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 32, 16, 16)


def test_a_saved_network_comes_back(tmp_path, picture):
    sam = lively(build_sam(SLIM))
    save_sam(sam, tmp_path)
    again = load_sam(tmp_path)
    assert again.config == SLIM
    torch.testing.assert_close(
        Predictor(again).embed(picture).features, Predictor(sam).embed(picture).features, rtol=0, atol=0
    )


@pytest.fixture
def picture():
    return torch.randint(0, 256, (48, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)).numpy()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"depths": (1, 1)}, r"^efficient_net: with 3 widths, depths must be 3 positive integers, not \(1, 1\)$"),
        ({"stride": 16}, r"^efficient_net: stride \(16\) must be one that the stages go through \(\[2, 4, 8\]\)$"),
    ],
)
def test_sizes_that_make_no_encoder_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        replace(SLIM_ENCODER, **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patch_size": 16}, r"^patch_size \(16\) must be the stride of efficient_net \(8\)$"),
        (
            {"image_size": 72, "efficient_net": replace(SLIM_ENCODER, strides=(2, 2, 2))},
            r"^image_size \(72\) must be divisible by efficient_net's last stride \(16\)$",
        ),
        ({"tiny_vit": TinyVitConfig(strides=(2, 1, 1))}, "^tiny_vit and efficient_net exclude each other"),
    ],
)
def test_networks_that_do_not_fit_it_are_refused(change, words):
    with pytest.raises(ConfigError, match=words):
        replace(SLIM, **change)


def test_it_has_no_masked_autoencoder(tmp_path):
    with pytest.raises(ConfigError, match=r"the encoder of this network is an EfficientNet$"):
        build_from_mae(SLIM, tmp_path / "mae.pth")
