"""What the bundled SAM starts from and is told: weights from ImageNet, names and crops of things."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recipes.sam.data import PIXEL_MEAN, PIXEL_STD, make_batch
from recipes.sam.grow import grow
from recipes.sam.imagenet import MEAN, STD, body_of, start_from_imagenet
from recipes.sam.train import FROZEN_BLOCKS, settle_body
from recipes.world import Atlas, SceneSpec, Sprite
from sam_model.config import TINY, EfficientNetConfig
from sam_model.modeling.sam import build_sam

SEEING = replace(TINY, image_size=64, width=16, decoder_mlp_width=16, efficient_net=EfficientNetConfig())
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
ATLAS = Atlas(
    tuple(
        Sprite(name, "plain", name, (np.full((40, 40, 4), (*colour, 255), np.uint8),))
        for name, colour in COLOURS.items()
    )
)
SPEC = SceneSpec(size=64, objects=(2, 4), scale=(0.3, 0.5), jitter=0.0, shadow=0.0)


def published(encoder) -> dict[str, torch.Tensor]:
    """A file as the package has it: other names, the same order, a head behind the blocks."""
    body = {name: value for name, value in encoder.state_dict().items() if name.startswith(("patch_embed", "blocks"))}
    ends = {name: ".num_batches_tracked" if name.endswith(".num_batches_tracked") else "" for name in body}
    tensors = {f"_{number}{ends[name]}": torch.rand(body[name].shape) for number, name in enumerate(body)}
    return {**tensors, "_conv_head.weight": torch.zeros(1), "_bn1.bias": torch.zeros(1), "_fc.bias": torch.zeros(1)}


def test_the_head_stays_behind_and_the_rest_keeps_its_order():
    names = ["patch_embed.conv.c.weight", "blocks.0.look.conv.c.weight"]
    stem, block = torch.ones(1), torch.zeros(1)
    file = {"_stem": stem, "_block": block, "_conv_head.weight": torch.ones(2), "_fc.bias": torch.ones(3)}
    assert body_of(file, names=names) == dict(zip(names, [stem, block], strict=True))


def test_a_network_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"^the encoder has 1 tensors below its pyramid, the published network 2$"):
        body_of({"_a": torch.ones(1), "_b": torch.ones(1)}, names=["patch_embed.conv.c.weight"])


def test_pixels_normalised_as_sam_does_look_the_same_to_the_published_stem(monkeypatch):
    encoder = build_sam(SEEING).image_encoder.eval()
    file = published(encoder)
    names = [name for name in encoder.state_dict() if name.startswith(("patch_embed", "blocks"))]
    monkeypatch.setattr("recipes.sam.imagenet.imagenet_weights", lambda: file)
    theirs = build_sam(SEEING).image_encoder.eval()
    theirs.load_state_dict(theirs.state_dict() | dict(zip(names, file.values(), strict=False)))
    start_from_imagenet(encoder)
    pixels = torch.rand(1, 3, 64, 64) * 255
    mean, deviation = (torch.from_numpy(values)[None, :, None, None] for values in (PIXEL_MEAN, PIXEL_STD))
    expected, found = theirs.patch_embed((pixels - MEAN) / STD), encoder.patch_embed((pixels - mean) / deviation)
    inside = (..., slice(0, -1), slice(0, -1))  # padding is another grey
    torch.testing.assert_close(found[inside], expected[inside], rtol=1e-3, atol=1e-3)


def test_only_the_later_blocks_of_the_body_learn_and_its_norms_stand_still():
    sam = build_sam(SEEING)
    learning = settle_body(sam)
    blocks = list(sam.image_encoder.blocks)
    assert not any(parameter.requires_grad for block in blocks[:FROZEN_BLOCKS] for parameter in block.parameters())
    assert {id(tensor) for tensor in learning} == {
        id(parameter) for block in blocks[FROZEN_BLOCKS:] for parameter in block.parameters()
    }
    assert not any(block.training for block in blocks)
    assert sam.image_encoder.pyramid.training


def test_a_network_that_learns_texts_keeps_its_encoder_when_it_grows():
    small = build_sam(SEEING)
    large = build_sam(replace(SEEING, text_width=4))
    grown = grow(small.state_dict(), large.state_dict(), factor=1.0)
    assert all(torch.equal(value, grown[name]) for name, value in small.state_dict().items())


def test_names_belong_to_their_masks_and_crops_to_things():
    seeds = [[4, number] for number in range(60)]
    batch = make_batch([ATLAS], [SPEC], seeds, prompts=3, logits_size=32, texts=1.0)
    named, cropped = 0, 0
    for index, target, meaning in zip(batch.index.tolist(), batch.targets, batch.meanings, strict=True):
        if isinstance(meaning, str):
            inside = torch.nn.functional.interpolate(target[None, None], size=64)[0, 0] > 0.99
            colour = batch.images[index][:, inside].mean(dim=1) * torch.from_numpy(PIXEL_STD) + torch.from_numpy(
                PIXEL_MEAN
            )
            assert int(colour.argmax()) == list(COLOURS).index(meaning)
            named += 1
        cropped += isinstance(meaning, np.ndarray)
    assert named > 10
    assert cropped > 10


def test_without_texts_nothing_is_asked_in_words():
    batch = make_batch([ATLAS], [SPEC], [[1, 2], [3, 4]], prompts=2, logits_size=32)
    assert set(batch.meanings) == {None}
