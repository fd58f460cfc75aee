"""The mask loss and the simulated clicks."""

from __future__ import annotations

import math

import pytest
import torch

from sam_model.training.clicks import BACKGROUND, FOREGROUND, click_inside, correct_errors, shake_boxes
from sam_model.training.losses import dice_loss, focal_loss, logits_iou, prompt_loss


def square(top: int, left: int, side: int, *, size: int = 16) -> torch.Tensor:
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_focal_loss_of_one_pixel_is_the_papers_formula() -> None:
    logit, probability = 0.7, 1 / (1 + math.exp(-0.7))
    hit = focal_loss(torch.tensor([[logit]]), torch.tensor([[1.0]]))
    miss = focal_loss(torch.tensor([[logit]]), torch.tensor([[0.0]]))
    assert hit.item() == pytest.approx(-0.25 * (1 - probability) ** 2 * math.log(probability), rel=1e-5)
    assert miss.item() == pytest.approx(-0.75 * probability**2 * math.log(1 - probability), rel=1e-5)


def test_dice_loss_falls_from_one_to_zero_with_overlap() -> None:
    wanted = square(4, 4, 8).float()
    sure = torch.where(square(4, 4, 8), 50.0, -50.0)
    assert dice_loss(sure, wanted).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(-sure, wanted).item() > 0.99
    half = torch.where(square(4, 4, 8) & (torch.arange(16) < 8), 50.0, -50.0)
    assert dice_loss(half, wanted).item() == pytest.approx(1 - (2 * 32 + 1) / (32 + 64 + 1))


def test_iou_counts_thresholded_pixels_and_empty_masks_agree() -> None:
    logits = torch.where(square(0, 0, 8), 1.0, -1.0)
    assert logits_iou(logits, square(0, 4, 8).float()).item() == pytest.approx(32 / 96)
    assert logits_iou(-torch.ones(4, 4), torch.zeros(4, 4)).item() == 1


def test_only_the_best_candidate_and_its_iou_learn() -> None:
    wanted = square(4, 4, 8).float()[None]
    good, bad = (torch.where(square(4, 4, 8), 2.0, -2.0), torch.where(square(0, 0, 3), 2.0, -2.0))
    logits = torch.stack([bad, good, -good])[None].requires_grad_()
    iou = torch.zeros(1, 3, requires_grad=True)
    loss = prompt_loss(logits, iou, wanted)
    torch.autograd.backward(loss.total.sum())
    assert loss.best.tolist() == [1]
    assert logits.grad is not None
    assert logits.grad[0].abs().sum(dim=(1, 2)).gt(0).tolist() == [False, True, False]
    assert iou.grad is not None
    assert iou.grad.tolist() == [[0, pytest.approx(-2), 0]]


def test_the_loss_is_twenty_focal_one_dice_one_iou() -> None:
    wanted = square(4, 4, 8).float()[None]
    logits, iou = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([[0.3]])
    expected = (
        20 * focal_loss(logits[:, 0], wanted)
        + dice_loss(logits[:, 0], wanted)
        + (0.3 - logits_iou(logits[:, 0], wanted)) ** 2
    )
    assert torch.allclose(prompt_loss(logits, iou, wanted).total, expected)


def test_first_clicks_fall_everywhere_inside_and_nowhere_else() -> None:
    masks = square(3, 5, 2).expand(400, -1, -1)
    places = click_inside(masks, generator=torch.Generator().manual_seed(0))
    assert {tuple(place) for place in places.tolist()} == {(x, y) for x in (5, 6) for y in (3, 4)}


def test_corrections_fall_on_errors_and_say_which() -> None:
    wanted, predicted = square(0, 0, 4).expand(200, -1, -1), square(0, 2, 4).expand(200, -1, -1)
    places, labels = correct_errors(predicted, wanted, generator=torch.Generator().manual_seed(0))
    for (x, y), label in zip(places.int().tolist(), labels.tolist(), strict=True):
        assert y < 4
        assert label == (FOREGROUND if x < 2 else BACKGROUND)
        assert x < 2 or 4 <= x < 6
    assert set(labels.tolist()) == {FOREGROUND, BACKGROUND}


def test_a_flawless_mask_is_confirmed() -> None:
    wanted = square(2, 2, 3)[None]
    (place,), (label,) = correct_errors(wanted, wanted, generator=torch.Generator().manual_seed(0))
    x, y = place.int().tolist()
    assert wanted[0, y, x]
    assert label == FOREGROUND


def test_shaken_boxes_move_by_a_share_of_their_side_and_stay_in_the_picture() -> None:
    boxes = torch.tensor([[100.0, 100.0, 140.0, 120.0]]).expand(2000, -1)
    moved = shake_boxes(boxes, size=(200, 200), generator=torch.Generator().manual_seed(0)) - boxes
    assert moved.std(dim=0).tolist() == pytest.approx([4, 2, 4, 2], rel=0.1)
    edge = torch.tensor([[0.0, 0.0, 500.0, 300.0]]).expand(500, -1)
    shaken = shake_boxes(edge, size=(300, 500), generator=torch.Generator().manual_seed(0))
    assert shaken.min() >= 0
    assert (shaken[:, 2] <= 500).all()
    assert (shaken[:, 3] <= 300).all()
    assert (shaken - edge).abs().max() <= 20
