"""The same weights give the same embeddings as MobileSAM's own code (PyPI: mobilesam-mirror)."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from sam_model import VIT_T, Sam, TinyVitConfig

pytestmark = pytest.mark.filterwarnings("ignore")

ODD = TinyVitConfig(widths=(16, 32, 48, 40), depths=(1, 2, 1, 2), heads=(2, 3, 4), windows=(5, 4, 6), classes=10)
"""Every size differs from the published; windows of 5 and 6 need padding on a side of 16 and 8."""


class Twins(NamedTuple):
    ours: Sam
    theirs: torch.nn.Module


@pytest.fixture(scope="module")
def reference():
    """The encoder's class; it wants timm, which the development extra brings along."""
    module = pytest.importorskip("mobile_sam.modeling", reason="uv pip install mobilesam-mirror timm")
    return module.TinyViT


def make_twins(reference, encoder: TinyVitConfig, side: int) -> Twins:
    """Both encoders with the same weights, each tensor drawn so large that a misplaced one shows."""
    theirs = reference(
        img_size=side,
        num_classes=encoder.classes,
        embed_dims=list(encoder.widths),
        depths=list(encoder.depths),
        num_heads=[1, *encoder.heads],
        window_sizes=[7, *encoder.windows],
        drop_path_rate=0.0,
    )
    if encoder.widths[-1] not in (320, 448, 576):
        theirs.layers[2].downsample.conv2.c.stride = (encoder.strides[-1],) * 2
    theirs.eval()
    _liven(theirs)
    theirs.train(False)  # gathers the biases anew
    ours = Sam(replace(VIT_T, image_size=side, tiny_vit=encoder)).eval()
    ours.image_encoder.load_state_dict(theirs.state_dict())
    return Twins(ours, theirs)


@torch.no_grad()
def _liven(network: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        match tensor.ndim:
            case 1:
                noise = 0.1 * noise + (0 if name.endswith("bias") else 1)
            case 2 if "attention_biases" in name:
                noise *= 0.5
            case _:
                noise /= tensor[0].numel() ** 0.5
        tensor.copy_(noise)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(0.2 * torch.randn(buffer.shape, generator=generator))
        if name.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))


def embed(theirs: torch.nn.Module, images: torch.Tensor, grid: int) -> torch.Tensor:
    """What their `forward` does; its grid is written into the code and fits pictures of 1024 pixels alone."""
    x = theirs.patch_embed(images)
    for layer in theirs.layers:
        x = layer(x)
    return theirs.neck(x.view(len(x), grid, grid, -1).permute(0, 3, 1, 2))


@pytest.mark.parametrize("encoder", [TinyVitConfig(), ODD], ids=["published sizes", "odd sizes"])
def test_embeddings_are_the_same(reference, encoder):
    twins = make_twins(reference, encoder, 128)
    images = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = embed(twins.theirs, images, 8)
        assert expected.std() > 0.3
        torch.testing.assert_close(twins.ours.image_encoder(images), expected, atol=1e-4, rtol=0)


def test_training_is_the_same(reference):
    twins = make_twins(reference, ODD, 64)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    twins.theirs.train()
    expected = embed(twins.theirs, images, 4)
    torch.testing.assert_close(twins.ours.train().image_encoder(images), expected, atol=1e-4, rtol=0)
    expected.square().mean().backward()
    twins.ours.image_encoder(images).square().mean().backward()
    gradients = dict(twins.ours.image_encoder.named_parameters())
    for name, tensor in twins.theirs.named_parameters():
        if tensor.grad is not None:
            torch.testing.assert_close(gradients[name].grad, tensor.grad, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_their_whole_forward_is_the_same(reference):
    twins = make_twins(reference, TinyVitConfig(), 1024)
    image = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(twins.ours.image_encoder(image), twins.theirs(image), atol=1e-3, rtol=0)


def test_names_and_shapes_are_those_of_their_whole_network():
    registry = pytest.importorskip("mobile_sam", reason="uv pip install mobilesam-mirror timm").sam_model_registry
    with torch.device("meta"):
        ours = Sam(VIT_T)
    theirs = registry["vit_t"]().state_dict()
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }
