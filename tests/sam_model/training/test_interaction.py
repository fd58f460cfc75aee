"""The simulated user keeps to the paper's rules: each test fails when its rule is dropped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
import torch

from sam_model import Sam
from sam_model.training.config import PromptSettings
from sam_model.training.interaction import Wanted, converse, first_prompts, silent_rounds
from sam_model.training.losses import dice_loss, focal_loss, logits_iou

PAPER = PromptSettings()
CELLS = 32
CELL = 2
"""Pixels of the square along a side of a logit cell."""


@dataclass
class Question:
    """What `decode` was asked."""

    points: tuple[torch.Tensor, torch.Tensor] | None
    boxes: torch.Tensor | None
    masks: torch.Tensor | None
    logits: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    iou: torch.Tensor = field(default_factory=lambda: torch.empty(0))


class Oracle(Sam):
    """A network whose decoder notes what it is asked and answers with noise."""

    def __init__(self, config) -> None:
        super().__init__(config)
        self.asked: list[Question] = []
        self.generator = torch.Generator().manual_seed(5)

    def decode(self, image_embeddings, *, points=None, boxes=None, masks=None):
        count = len(boxes) if boxes is not None else len(points[0])
        question = Question(points, boxes, masks)
        question.logits = (3 * torch.randn(count, 4, CELLS, CELLS, generator=self.generator)).requires_grad_()
        question.iou = torch.rand(count, 4, generator=self.generator).requires_grad_()
        self.asked.append(question)
        return question.logits, question.iou


def block(top: int, left: int, height: int, width: int) -> torch.Tensor:
    mask = torch.zeros(CELLS, CELLS)
    mask[top : top + height, left : left + width] = 1
    return mask


def wanted_of(*masks: torch.Tensor, inner: tuple[int, int] = (64, 64)) -> Wanted:
    boxes = []
    for mask in masks:
        rows, columns = torch.nonzero(mask, as_tuple=True)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return Wanted(torch.stack(masks), CELL * torch.tensor(boxes).float(), inner)


WANTED = wanted_of(block(4, 6, 10, 8), block(10, 12, 16, 9), block(20, 3, 6, 20))


@pytest.fixture
def talk(small):
    """Hold a conversation with an oracle: what it was asked, and what came of each round."""

    def hold(wanted: Wanted = WANTED, *, seed: int = 0, **changes):
        oracle, generator = Oracle(small), torch.Generator().manual_seed(seed)
        settings = replace(PAPER, **changes)
        rounds = list(converse(oracle, torch.zeros(1, 32, 8, 8), wanted, settings, generator=generator))
        return oracle.asked, rounds

    return hold


@pytest.fixture
def first(small):
    """The first prompts for many copies of one mask."""

    def ask(wanted: Wanted, **changes):
        return first_prompts(
            Oracle(small), wanted, replace(PAPER, **changes), generator=torch.Generator().manual_seed(0)
        )

    return ask


def cell_of(pixels: torch.Tensor) -> torch.Tensor:
    return ((pixels + 0.5) / CELL - 0.5).long()


def test_the_paper_has_eleven_rounds_with_eight_corrections(talk):
    asked, _ = talk(boxes=0.0)
    counts = [question.points[0].shape[1] for question in asked]
    added = [after - before for before, after in pairwise(counts)]
    assert counts[0] == 1
    assert sorted(added) == [0, 0, *[1] * 8]
    assert added[-1] == 0, "the last round brings a new click"


def test_the_other_silent_round_stands_everywhere_between_the_first_and_the_last():
    generator = torch.Generator().manual_seed(0)
    drawn = [silent_rounds(11, generator=generator) for _ in range(400)]
    assert {len(silent) for silent in drawn} == {2}
    places = Counter(place for silent in drawn for place in silent)
    assert set(places) == set(range(1, 11))
    assert places[10] == 400
    assert min(places.values()) > 20


@pytest.mark.parametrize(("rounds", "silent"), [(1, set()), (2, set()), (3, {2})])
def test_short_conversations_still_correct_once(rounds, silent):
    assert silent_rounds(rounds) == silent


def test_a_first_click_is_uniform_in_the_mask_and_says_foreground(first):
    prompts = first(wanted_of(*[block(4, 6, 3, 2)] * 600), boxes=0.0)
    cells = Counter(tuple(place) for place in cell_of(prompts.clicks[:, 0]).tolist())
    assert set(cells) == {(x, y) for x in (6, 7) for y in (4, 5, 6)}
    assert min(cells.values()) > 60
    assert (prompts.labels == 1).all()
    assert not prompts.by_box.any()


def test_half_of_the_masks_are_asked_for_by_a_box(first):
    assert first(wanted_of(*[block(4, 6, 3, 2)] * 2000)).by_box.float().mean() == pytest.approx(0.5, abs=0.04)


def test_boxes_are_noisy_by_a_tenth_of_their_side_and_stay_in_the_picture(first):
    wide = wanted_of(*[block(8, 4, 10, 20)] * 2000)
    moved = first(wide).boxes - wide.boxes
    assert moved.std(dim=0).tolist() == pytest.approx([4, 2, 4, 2], rel=0.1)
    assert first(wide, box_noise_limit=1.0).boxes.sub(wide.boxes).abs().max() == 1
    cut = replace(wide, inner=(36, 48))
    assert first(cut).boxes.amax(dim=0).tolist() == pytest.approx([18, 22, 48, 36], abs=8)
    assert (first(cut).boxes[:, 2] <= 48).all()
    assert (first(cut).boxes[:, 3] <= 36).all()


def test_corrections_lie_in_the_error_of_the_mask_shown_last_and_say_which_error(talk):
    for seed in range(4):
        _, rounds = talk(seed=seed, boxes=0.0)
        for before, after in pairwise(rounds):
            if after.prompts.labels.shape == before.prompts.labels.shape:
                continue
            for row, (x, y) in enumerate(cell_of(after.prompts.clicks[:, -1]).tolist()):
                shown, inside = before.logits[row, y, x] > 0, WANTED.targets[row, y, x] > 0.5
                assert shown != inside
                assert after.prompts.labels[row, -1] == inside.long()


def test_corrections_are_drawn_from_the_whole_error(talk):
    wanted = wanted_of(*[block(4, 6, 20, 20)] * 300)
    _, rounds = talk(wanted, boxes=0.0, rounds=2)
    assert set(rounds[1].prompts.labels[:, 1].tolist()) == {0, 1}
    places = cell_of(rounds[1].prompts.clicks[:, 1]).float()
    assert places.mean(dim=0).tolist() == pytest.approx([15.5, 15.5], abs=2)
    assert places.std(dim=0).tolist() == pytest.approx([9.2, 9.2], abs=1.5)


def test_logits_are_fed_back_as_they_are_and_without_gradient(talk):
    asked, rounds = talk(boxes=0.0)
    assert asked[0].masks is None
    for before, question in zip(rounds, asked[1:], strict=False):
        assert torch.equal(question.masks[:, 0], before.logits)
        assert not question.masks.requires_grad
        assert len(question.masks.unique()) > 100


def test_after_the_first_round_the_mask_of_highest_predicted_iou_of_three_is_shown(talk):
    for seed in range(5):
        (question, *_), (answered, *_) = talk(seed=seed, boxes=0.0)
        best = 1 + question.iou[:, 1:].argmax(dim=1)
        for row, choice in enumerate(best.tolist()):
            assert torch.equal(answered.logits[row], question.logits[row, choice])


def test_later_the_single_mask_is_shown(talk):
    asked, rounds = talk(boxes=0.0)
    for question, answered in zip(asked[1:], rounds[1:], strict=True):
        assert torch.equal(answered.logits, question.logits[:, 0])


def learners(question: Question) -> list[set[int]]:
    """Which of the four masks of each prompt got a gradient, and with the same answer their IoU."""
    by_mask = [set(torch.nonzero(row).flatten().tolist()) for row in question.logits.grad.abs().sum(dim=(2, 3))]
    assert by_mask == [set(torch.nonzero(row).flatten().tolist()) for row in question.iou.grad]
    return by_mask


def test_of_the_first_three_masks_the_one_of_least_focal_and_dice_learns(talk):
    (question, *_), (answered, *_) = talk(boxes=0.0)
    torch.autograd.backward(answered.loss.sum())
    wanted = WANTED.targets[:, None].expand(-1, 3, -1, -1)
    losses = 20 * focal_loss(question.logits[:, 1:], wanted) + dice_loss(question.logits[:, 1:], wanted)
    assert learners(question) == [{1 + best} for best in losses.argmin(dim=1).tolist()]


def test_later_only_the_single_mask_learns(talk):
    asked, rounds = talk(boxes=0.0)
    for question, answered in zip(asked[1:], rounds[1:], strict=True):
        torch.autograd.backward(answered.loss.sum())
        assert learners(question) == [{0}] * 3


def test_the_single_mask_may_learn_at_once_too(talk):
    (question, *_), (answered, *_) = talk(boxes=0.0, single_at_once=True)
    torch.autograd.backward(answered.loss.sum())
    assert all(0 in masks and len(masks) == 2 for masks in learners(question))


def test_a_round_reports_the_true_iou_of_what_is_shown(talk):
    _, rounds = talk()
    for answered in rounds:
        assert torch.equal(answered.iou, logits_iou(answered.logits, WANTED.targets))


def test_boxes_and_points_are_mixed_and_each_answer_goes_to_its_prompt(talk):
    wanted = wanted_of(*[block(2 * n, 3, 6, 8) for n in range(8)])
    asked, rounds = talk(wanted, rounds=3)
    by_box = rounds[0].prompts.by_box
    assert 0 < by_box.sum() < 8
    for turn, answered in enumerate(rounds):
        boxed, pointed = asked[2 * turn : 2 * turn + 2]
        assert torch.equal(boxed.boxes, rounds[0].prompts.boxes[by_box])
        assert pointed.boxes is None
        assert torch.equal(pointed.points[0], answered.prompts.clicks[~by_box])
        if turn:
            assert torch.equal(boxed.points[0], answered.prompts.clicks[by_box, 1:])
            assert torch.equal(answered.logits[by_box], boxed.logits[:, 0])
            assert torch.equal(answered.logits[~by_box], pointed.logits[:, 0])
        else:
            assert boxed.points is None, "the stopgap click is shown to the network"


def test_the_same_generator_holds_the_same_conversation(talk):
    (_, first), (_, again), (_, other) = talk(seed=3), talk(seed=3), talk(seed=4)
    assert all(torch.equal(a.prompts.clicks, b.prompts.clicks) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[-1].prompts.clicks, other[-1].prompts.clicks)
