"""The detector's loss: each test fails if the rule it names is dropped."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recipes.grounding_dino.losses import Predictions, Targets, cells_of, focal, giou, match, proposal_loss, query_loss

LOW, HIGH = -6.0, 6.0


def targets(*boxes: tuple[float, float, float, float], tokens: int = 4) -> Targets:
    """One picture; object i is named by token i."""
    named = torch.eye(tokens, dtype=torch.bool)[: len(boxes)]
    return Targets.stacked([(torch.tensor(boxes).reshape(-1, 4), named)])


def predictions(
    boxes: list[tuple[float, float, float, float]], tokens: list[int | None], width: int = 4
) -> Predictions:
    """One picture; query i is sure of token i, or of none."""
    logits = torch.full((1, len(boxes), width), LOW)
    for query, token in enumerate(tokens):
        if token is not None:
            logits[0, query, token] = HIGH
    return Predictions(logits, torch.tensor([boxes]))


def everything(width: int = 4) -> Tensor:
    return torch.ones(1, width, dtype=torch.bool)


LEFT, RIGHT = (0.25, 0.5, 0.3, 0.3), (0.75, 0.5, 0.3, 0.3)


def test_each_object_is_answered_by_the_query_that_names_and_frames_it() -> None:
    owners = match(predictions([RIGHT, LEFT, RIGHT], [None, 0, 1]), targets(LEFT, RIGHT), everything())
    assert owners.tolist() == [[-1, 0, 1]]


def test_words_decide_where_boxes_do_not() -> None:
    owners = match(predictions([LEFT, LEFT], [1, 0]), targets(LEFT, LEFT), everything())
    assert owners.tolist() == [[1, 0]]


def test_boxes_decide_where_words_do_not() -> None:
    owners = match(predictions([RIGHT, LEFT], [0, 0]), targets(LEFT), everything())
    assert owners.tolist() == [[-1, 0]]


def test_padded_objects_are_never_matched() -> None:
    named = torch.eye(4, dtype=torch.bool)
    both = Targets.stacked([(torch.tensor([LEFT]), named[:1]), (torch.tensor([LEFT, RIGHT]), named[:2])])
    queries = predictions([LEFT, RIGHT, RIGHT], [0, 1, 1])
    pair = Predictions(queries.logits.expand(2, -1, -1), queries.boxes.expand(2, -1, -1))
    owners = match(pair, both, everything().expand(2, -1))
    assert (owners >= 0).sum(1).tolist() == [1, 2]


def test_a_second_query_on_the_same_object_is_wrong() -> None:
    alone = query_loss(predictions([LEFT, LEFT], [0, None]), targets(LEFT), everything())
    twice = query_loss(predictions([LEFT, LEFT], [0, 0]), targets(LEFT), everything())
    assert twice.tokens > alone.tokens + 1


def test_many_cells_may_answer_for_one_object() -> None:
    centres = torch.tensor([[0.2, 0.5], [0.3, 0.5], [0.9, 0.9]])
    once = proposal_loss(predictions([LEFT] * 3, [0, None, None]), targets(LEFT), everything(), centres)
    both = proposal_loss(predictions([LEFT] * 3, [0, 0, None]), targets(LEFT), everything(), centres)
    assert both.tokens < once.tokens


def test_a_word_for_nothing_that_is_there_costs() -> None:
    quiet = query_loss(predictions([LEFT], [None]), targets(), everything())
    loud = query_loss(predictions([LEFT], [2]), targets(), everything())
    assert loud.tokens > quiet.tokens + 1
    assert quiet.l1 == quiet.giou == 0


def test_padding_of_the_prompt_costs_nothing() -> None:
    sure = predictions([LEFT], [0], width=6)
    sure.logits[..., 4:] = -torch.inf
    mask = torch.tensor([[True] * 4 + [False] * 2])
    loss = query_loss(sure, targets(LEFT, tokens=6), mask).total()
    assert torch.isfinite(loss)
    assert loss < 0.01


def test_gradients_stay_finite_where_the_model_masks_with_infinity() -> None:
    logits = torch.full((1, 1, 6), LOW)
    logits[..., 4:] = -torch.inf
    logits.requires_grad_()
    mask = torch.tensor([[True] * 4 + [False] * 2])
    query_loss(Predictions(logits, torch.tensor([[LEFT]])), targets(LEFT, tokens=6), mask).total().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_the_loss_is_per_object() -> None:
    wrong = (0.3, 0.55, 0.3, 0.3)
    one = query_loss(predictions([wrong], [0]), targets(LEFT), everything())
    shifted = tuple(value + 0.5 if axis == 0 else value for axis, value in enumerate(wrong))
    two = query_loss(predictions([wrong, shifted], [0, 1]), targets(LEFT, RIGHT), everything())  # type: ignore[list-item]
    assert torch.isclose(one.l1, two.l1)
    assert torch.isclose(one.giou, two.giou)


def test_a_cell_answers_for_the_smallest_object_around_it() -> None:
    large, small = (0.5, 0.5, 1.0, 1.0), (0.5, 0.5, 0.2, 0.2)
    owners = cells_of(torch.tensor([[0.5, 0.5], [0.3, 0.5], [0.05, 0.5]]), targets(large, small))
    assert owners[0, :2].tolist() == [1, 0]


def test_cells_outside_the_core_are_background() -> None:
    owners = cells_of(torch.tensor([[0.5, 0.5], [0.68, 0.5], [0.9, 0.9]]), targets((0.5, 0.5, 0.4, 0.4)))
    assert owners.tolist() == [[0, -1, -1]]


def test_no_object_is_too_small_for_a_cell() -> None:
    owners = cells_of(torch.tensor([[0.1, 0.1], [0.4, 0.4], [0.9, 0.9]]), targets((0.46, 0.45, 0.01, 0.01)))
    assert owners.tolist() == [[-1, 0, -1]]


@pytest.mark.parametrize(
    ("other", "value"),
    [(LEFT, 1.0), ((0.25, 0.5, 0.3, 0.15), 0.5), (RIGHT, -0.25)],
    ids=["the same", "half of it", "a gap of two thirds"],
)
def test_giou(other: tuple[float, ...], value: float) -> None:
    assert giou(torch.tensor(LEFT), torch.tensor(other)).item() == pytest.approx(value, abs=1e-4)


def test_focal_loss_forgives_what_is_nearly_right() -> None:
    easy, hard = focal(torch.tensor([4.0, -4.0]), torch.tensor([True, True]))
    plain_ratio = torch.nn.functional.softplus(torch.tensor(4.0)) / torch.nn.functional.softplus(torch.tensor(-4.0))
    assert hard / easy > 100 * plain_ratio
