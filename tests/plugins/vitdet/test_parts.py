"""Each part of the network for itself, beside other implementations where there are any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import paste_masks_in_image

from plugins.vitdet.modeling.boxes import clip, decode, sound, without_doubles
from plugins.vitdet.modeling.pasting import paste
from plugins.vitdet.modeling.pooling import level_of, pool
from plugins.vitdet.modeling.proposals import anchors
from plugins.vitdet.modeling.roi_heads import select
from plugins.vitdet.modeling.vit import positions


def some_boxes(count: int, *, side: float = 200.0, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=draw) * side
    return torch.cat([corner, corner + 1 + torch.rand(count, 2, generator=draw) * side], dim=1)


def test_boxes_are_decoded_as_by_torchvision():
    boxes = some_boxes(20)
    deltas = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(1)) * 3
    expected = BoxCoder((10.0, 10.0, 5.0, 5.0)).decode(deltas.flatten(1), [boxes])
    torch.testing.assert_close(decode(deltas, boxes, (10.0, 5.0)), expected)


def test_a_box_grows_at_most_by_a_constant_factor():
    grown = decode(torch.full((1, 1, 4), 1e4), torch.tensor([[0.0, 0.0, 16.0, 16.0]]), (1e9, 1.0))[0, 0]
    assert (grown[2:] - grown[:2]).tolist() == pytest.approx([1000.0, 1000.0])


def test_clipped_boxes_lie_in_the_picture():
    clipped = clip(torch.tensor([[-5.0, -1.0, 300.0, 90.0]]), (100, 200))
    assert clipped.tolist() == [[0.0, 0.0, 200.0, 90.0]]


def test_a_box_is_sound_when_it_has_an_area_and_numbers():
    boxes = torch.tensor([[0.0, 0, 2, 2], [2, 0, 2, 2], [0, 0, float("nan"), 2], [0, 0, 2, 2]])
    assert sound(boxes, torch.tensor([1.0, 1, 1, float("inf")])).tolist() == [True, False, False, False]


def test_doubles_are_left_out_only_inside_their_group():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 9]])
    kept = without_doubles(boxes, torch.tensor([0.5, 0.9, 0.8]), torch.tensor([0, 0, 1]), 0.5)
    assert kept.tolist() == [1, 2]


def test_anchors_are_those_of_torchvision_before_rounding():
    made = anchors((3, 5), 8)
    generator = AnchorGenerator(((64,),), ((0.5, 1.0, 2.0),))
    expected = generator(ImageList(torch.zeros(1, 3, 24, 40), [(24, 40)]), [torch.zeros(1, 1, 3, 5)])[0]
    assert made.shape == (45, 4)
    torch.testing.assert_close(made, expected, atol=0.5, rtol=0)


def test_anchors_of_a_place_have_one_area_and_three_shapes():
    sides = anchors((1, 1), 4)[:, 2:] * 2
    torch.testing.assert_close(sides.prod(dim=1), torch.full((3,), 32.0**2))
    torch.testing.assert_close(sides[:, 1] / sides[:, 0], torch.tensor([0.5, 1.0, 2.0]))


def test_a_larger_box_is_looked_up_on_a_coarser_level():
    squares = torch.tensor([[0.0, 0, side, side] for side in (1, 111, 113, 223, 225, 447, 449, 5000)])
    assert level_of(squares).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("side", [40.0, 180.0, 300.0, 480.0])
def test_a_patch_shows_its_box_whatever_the_level(side):
    """On levels that hold each pixel's own x, a patch holds the x of its cells' centres."""
    ramps = [torch.arange(1024 // stride) * stride + stride / 2 for stride in (4, 8, 16, 32)]
    levels = [ramp.expand(1, 1, len(ramp), -1) for ramp in ramps]
    left = 100.0
    patch = pool([*levels, levels[-1]], torch.tensor([[left, 120.0, left + side, 120.0 + side]]), 7)[0, 0]
    centres = left + (torch.arange(7) + 0.5) * side / 7
    torch.testing.assert_close(patch, centres.expand(7, 7))


def test_no_boxes_give_no_patches():
    levels = [torch.zeros(1, 2, side, side) for side in (16, 8, 4, 2, 1)]
    assert pool(levels, torch.zeros(0, 4), 14).shape == (0, 2, 14, 14)


def test_positions_of_the_pretraining_size_are_kept_to_the_bit():
    table = torch.randn(1, 1 + 14 * 14, 6, generator=torch.Generator().manual_seed(0))
    assert torch.equal(positions(table, 14).flatten(1, 2), table[:, 1:])
    assert positions(table, 20).shape == (1, 20, 20, 6)


def test_each_class_of_a_proposal_has_its_own_box():
    scores = torch.tensor([[0.9, 0.6, 0.01]])
    boxes = torch.tensor([[[0.0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]]])
    found = select(scores, boxes, least=0.05, most=10)
    assert found.classes.tolist() == [0, 1]
    assert found.boxes[:, 3].tolist() == [1, 2]


def test_no_more_are_kept_than_asked_for():
    far = torch.arange(5.0)[:, None, None] * 100 + torch.tensor([0.0, 0, 1, 1])
    found = select(torch.linspace(0.1, 0.9, 5)[:, None], far, least=0.0, most=2)
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7]))


def test_masks_are_pasted_as_by_torchvision():
    """torchvision rounds boxes to whole pixels first; whole boxes leave a difference of less than a pixel's edge."""
    place = torch.arange(28) - 13.5
    disc = torch.sigmoid(10 - torch.hypot(place[:, None], place - 3))[None].expand(3, -1, -1)
    boxes = torch.tensor([[10.0, 5.0, 66.0, 61.0], [40.0, 20.0, 110.0, 60.0], [0.0, 50.0, 30.0, 100.0]])
    pasted = paste(disc, boxes, (100, 120))
    expected = (paste_masks_in_image(disc[:, None], boxes, (100, 120)) >= 0.5)[:, 0].numpy()
    both, either = (pasted & expected).sum(axis=(1, 2)), (pasted | expected).sum(axis=(1, 2))
    assert (both / either > 0.9).all()


def test_a_full_mask_fills_its_box_exactly():
    pasted = paste(torch.ones(1, 28, 28), torch.tensor([[10.0, 20.0, 40.0, 25.0]]), (30, 50))
    expected = np.zeros((30, 50), bool)
    expected[20:25, 10:40] = True
    assert np.array_equal(pasted[0], expected)


def test_a_mask_stays_inside_the_picture_with_its_box():
    pasted = paste(torch.ones(1, 28, 28), torch.tensor([[0.0, 0.0, 50.0, 30.0]]), (30, 50))
    assert pasted.all()
