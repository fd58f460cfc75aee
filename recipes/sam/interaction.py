"""The conversation between a simulated user and the network, and its loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recipes.sam.data import Batch
from recipes.sam.glance import Glance, glance_loss
from recipes.sam.texts import read_batch
from sam_model.modeling.sam import Sam
from sam_model.prompts import FOREGROUND
from sam_model.training.clicks import click_inside, correct_errors, shake_boxes
from sam_model.training.losses import logits_iou, prompt_loss

#: Boxes are anything from exact, as a good detector's are, to nearly as shaky as the paper's.
BOX_NOISE = 0.08
#: How much a text's first look counts beside a mask.
GLANCE = 0.3


@dataclass(frozen=True)
class Answer:
    """Mean loss over rounds (a scalar with gradient), the mean IoU of the first round's answers, and how much the loss
    counts beside those of the other kinds."""

    loss: Tensor
    iou: float
    weight: float = 1.0


def converse(
    sam: Sam, embedding: Tensor, batch: Batch, *, clicked: Tensor, rounds: int, generator: torch.Generator
) -> dict[str, Answer]:
    """Ask for every mask of the batch by its box, where `clicked` (N,) says so once more by a click, and where it has
    a crop or a name once more by CLIP's embedding of that; then correct. Where a text looks first is judged as well.

    The kinds are decoded apart, because a box replaces the padding token that ends a row of clicks.
    """
    shown = clicked.new_tensor([meaning is not None for meaning in batch.meanings])
    answers: dict[str, Answer] = {}
    for kind, chosen in (("box", torch.ones_like(clicked)), ("click", clicked), ("text", shown)):
        if chosen.any():
            part = batch.part(chosen)
            pictures = embedding[part.index]
            if kind == "text":
                answers |= _ask_in_words(sam, pictures, part, rounds=rounds, generator=generator)
            else:
                answers[kind] = _ask(sam, pictures, part, kind=kind, rounds=rounds, generator=generator)
    return answers


def _ask_in_words(
    sam: Sam, embedding: Tensor, part: Batch, *, rounds: int, generator: torch.Generator
) -> dict[str, Answer]:
    """The answer to texts, and where they look first. Corrections of it are few: a name alone and a name with a click
    are what is asked."""
    with Glance(sam) as glance:
        answer = _ask(sam, embedding, part, kind="text", rounds=min(rounds, 2), generator=generator)
    return {"text": answer, "glance": Answer(*glance_loss(glance.shares(), part.targets), GLANCE)}


def _ask(sam: Sam, embedding: Tensor, part: Batch, *, kind: str, rounds: int, generator: torch.Generator) -> Answer:
    wanted = part.targets > 0.5
    size = sam.config.image_size
    boxes = _shaken(part.boxes, size, generator) if kind == "box" else None
    clicks = _first_click(sam, wanted, generator) if kind == "click" else None
    texts = read_batch(part.meanings).to(embedding.device) if kind == "text" else None
    hint: Tensor | None = None
    losses, first_iou = [], 0.0
    for turn in range(rounds):
        logits, iou = sam.decode(embedding, points=clicks, boxes=boxes, masks=hint, texts=texts)
        logits, iou = logits.float(), iou.float()
        losses.append(_loss(logits, iou, part.targets, ambiguous=turn == 0))
        best = _preferred(logits, iou, ambiguous=turn == 0)
        if turn == 0:
            first_iou = float(logits_iou(best, part.targets).mean())
        if turn + 1 < rounds:
            hint = best[:, None].detach()
            place, label = correct_errors(best.detach() > 0, wanted, generator=generator)
            clicks = _append(clicks, _to_model(sam, place), label)
    return Answer(torch.stack(losses).mean(), first_iou)


def _shaken(boxes: Tensor, size: int, generator: torch.Generator) -> Tensor:
    shaken = shake_boxes(boxes, size=(size, size), share=BOX_NOISE, generator=generator)
    return torch.lerp(boxes, shaken, torch.rand(len(boxes), 1, generator=generator, device=boxes.device))


def _loss(logits: Tensor, iou: Tensor, targets: Tensor, *, ambiguous: bool) -> Tensor:
    """The single mask always learns, so that it serves boxes too; the other three learn from ambiguous prompts."""
    loss = prompt_loss(logits[:, :1], iou[:, :1], targets).total
    if ambiguous:
        loss = loss + prompt_loss(logits[:, 1:], iou[:, 1:], targets).total
    return loss.mean()


def _preferred(logits: Tensor, iou: Tensor, *, ambiguous: bool) -> Tensor:
    """What the user is shown: the mask of highest predicted IoU after one prompt, the single mask later."""
    if not ambiguous:
        return logits[:, 0]
    return logits[torch.arange(len(logits)), 1 + iou[:, 1:].argmax(dim=1)]


def _first_click(sam: Sam, wanted: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    place = _to_model(sam, click_inside(wanted, generator=generator))
    return place[:, None], torch.full((len(wanted), 1), FOREGROUND, device=wanted.device)


def _append(clicks: tuple[Tensor, Tensor] | None, place: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    if clicks is None:
        return place[:, None], label[:, None]
    return torch.cat((clicks[0], place[:, None]), dim=1), torch.cat((clicks[1], label[:, None]), dim=1)


def _to_model(sam: Sam, cells: Tensor) -> Tensor:
    """Centres of logit cells as pixel indices of the model's square."""
    scale = sam.config.image_size / sam.config.logits_size
    return (cells + 0.5) * scale - 0.5
