"""The conversation between a simulated user and the network (paper, appendix A, "Training algorithm")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sam_model.modeling import Sam
from sam_model.prompts import FOREGROUND
from sam_model.training.clicks import click_inside, correct_errors, shake_boxes
from sam_model.training.config import PromptSettings
from sam_model.training.losses import logits_iou, prompt_loss


@dataclass(frozen=True)
class Wanted:
    """What the user has in mind: n masks of one picture."""

    targets: Float[Tensor, "n h w"]
    """The share of each logit cell of the model's square that a mask covers."""
    boxes: Float[Tensor, "n 4"]
    """(left, top, right, bottom) in pixels of the square."""
    inner: tuple[int, int]
    """(height, width) of the picture in the square: noisy boxes do not leave it."""
    texts: Float[Tensor, "n text"] | None = None
    """CLIP's unit vectors of the masks' crops, for a network that learns to be asked so; zero for unknown ones."""


@dataclass(frozen=True)
class Prompts:
    """All that was asked so far: n masks, each by a box, a text or a first click, and the clicks that followed.

    Clicks are (x, y) in pixels of the square. Each row has as many: of those that a box or a text asked for, the first
    is a stopgap.
    """

    by_box: Bool[Tensor, " n"]
    by_text: Bool[Tensor, " n"]
    boxes: Float[Tensor, "n 4"]
    texts: Float[Tensor, "n text"] | None
    clicks: Float[Tensor, "n k 2"]
    labels: Int[Tensor, "n k"]

    def with_clicks(self, places: Float[Tensor, "n 2"], labels: Int[Tensor, " n"]) -> Prompts:
        """Add a click to each."""
        clicks = torch.cat((self.clicks, places[:, None]), dim=1)
        return replace(self, clicks=clicks, labels=torch.cat((self.labels, labels[:, None]), dim=1))


@dataclass(frozen=True)
class Round:
    """One answer of the network to each prompt."""

    loss: Float[Tensor, " n"]
    """With a gradient."""
    logits: Float[Tensor, "n h w"]
    """The masks that the user is shown, without a gradient."""
    iou: Float[Tensor, " n"]
    """Of these masks with the wanted ones."""
    prompts: Prompts


def converse(
    sam: Sam,
    embedding: Float[Tensor, "1 c grid grid"],
    wanted: Wanted,
    settings: PromptSettings,
    *,
    generator: torch.Generator | None = None,
) -> Iterator[Round]:
    """Ask for every mask, then correct the answers, round by round.

    Rounds do not pass gradients to one another, so the caller may go backward after each: that needs the memory of one
    round instead of eleven. What is shown to the user is fed back as unthresholded logits.

    Args:
        sam: the network, which is asked as it is: in training or not, under autocast or not.
        embedding: of the picture.
        wanted: the masks to ask for.
        settings: of the simulated user.
        generator: of all draws, on the device of the masks.
    """
    truth = wanted.targets > 0.5
    prompts, shown = first_prompts(sam, wanted, settings, generator=generator), None
    silent = silent_rounds(settings.rounds, generator=generator)
    for turn in range(settings.rounds):
        if shown is not None and turn not in silent:
            places, labels = correct_errors(shown > 0, truth, generator=generator)
            prompts = prompts.with_clicks(to_model(sam, places), labels)
        logits, iou = answer(sam, embedding, prompts, shown)
        loss = _loss(logits, iou, wanted.targets, ambiguous=turn == 0, single_at_once=settings.single_at_once)
        shown = preferred(logits, iou, ambiguous=turn == 0)
        yield Round(loss, shown, logits_iou(shown, wanted.targets), prompts)


def silent_rounds(rounds: int, *, generator: torch.Generator | None = None) -> frozenset[int]:
    """Say which rounds (from 0) bring no new click, so that the network learns to refine its own masks.

    They are the last one, and from four rounds on one more at a random place between the first and the last.
    """
    last = {rounds - 1} if rounds > 2 else set[int]()
    if rounds < 4:
        return frozenset(last)
    device = "cpu" if generator is None else generator.device
    between = torch.randint(1, rounds - 1, (), generator=generator, device=device)
    return frozenset(last | {int(between)})


def first_prompts(
    sam: Sam, wanted: Wanted, settings: PromptSettings, *, generator: torch.Generator | None = None
) -> Prompts:
    """Ask for some masks by their text where it is known, for some by a noisy box, for the others by a click inside."""
    noise = {"share": settings.box_noise, "limit": settings.box_noise_limit}
    places = click_inside(wanted.targets > 0.5, generator=generator)
    chance = torch.rand(len(places), generator=generator, device=places.device)
    by_text = torch.zeros(len(places), dtype=torch.bool, device=places.device)
    if wanted.texts is not None:
        drawn = torch.rand(len(places), generator=generator, device=places.device)
        by_text = (drawn < settings.texts) & wanted.texts.any(dim=1)
    return Prompts(
        by_box=(chance < settings.boxes) & ~by_text,
        by_text=by_text,
        texts=wanted.texts,
        boxes=shake_boxes(wanted.boxes, size=wanted.inner, generator=generator, **noise),
        clicks=to_model(sam, places)[:, None],
        labels=torch.full((len(places), 1), FOREGROUND, device=places.device),
    )


def answer(
    sam: Sam, embedding: Float[Tensor, "1 c grid grid"], prompts: Prompts, hints: Float[Tensor, "n h w"] | None
) -> tuple[Float[Tensor, "n 4 h w"], Float[Tensor, "n 4"]]:
    """Let the network answer, in float32; prompts by box, text and click are decoded apart, and put back in order.

    A box takes the place of the padding that ends a row of clicks, and a text stands before it, so they differ in what
    they hold.
    """
    parts = []
    for kind in (prompts.by_box, prompts.by_text, ~(prompts.by_box | prompts.by_text)):
        (rows,) = torch.nonzero(kind, as_tuple=True)
        if len(rows):
            masks = None if hints is None else hints[rows, None]
            logits, iou = sam.decode(embedding, masks=masks, **_asked(prompts, rows))
            parts.append((rows, logits.float(), iou.float()))
    rows, logits, iou = (torch.cat(part) for part in zip(*parts, strict=True))
    order = rows.argsort()
    return logits[order], iou[order]


def _asked(prompts: Prompts, rows: Int[Tensor, " rows"]) -> dict[str, Any]:
    """What the network is given of rows of one kind."""
    by_box, by_text = bool(prompts.by_box[rows[0]]), bool(prompts.by_text[rows[0]])
    first = int(by_box or by_text)
    given: dict[str, Any] = {}
    if prompts.clicks.shape[1] > first:
        given["points"] = (prompts.clicks[rows, first:], prompts.labels[rows, first:])
    if by_box:
        given["boxes"] = prompts.boxes[rows]
    if by_text and prompts.texts is not None:
        given["texts"] = prompts.texts[rows]
    return given


def preferred(
    logits: Float[Tensor, "n 4 h w"], iou: Float[Tensor, "n 4"], *, ambiguous: bool
) -> Float[Tensor, "n h w"]:
    """Choose what the user is shown: of three masks the one of highest predicted IoU; later the single one."""
    if not ambiguous:
        return logits[:, 0].detach()
    rows = torch.arange(len(logits), device=logits.device)
    return logits[rows, 1 + iou[:, 1:].argmax(dim=1)].detach()


def to_model(sam: Sam, cells: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    """Move (x, y) logit cells to the middle of the pixels that they cover in the model's square."""
    scale = sam.config.image_size / sam.config.logits_size
    return (cells + 0.5) * scale - 0.5


def _loss(
    logits: Float[Tensor, "n 4 h w"],
    iou: Float[Tensor, "n 4"],
    targets: Float[Tensor, "n h w"],
    *,
    ambiguous: bool,
    single_at_once: bool,
) -> Float[Tensor, " n"]:
    """A single prompt may mean several things, so of the three masks the best learns; later the single one does."""
    if not ambiguous:
        return prompt_loss(logits[:, :1], iou[:, :1], targets).total
    loss = prompt_loss(logits[:, 1:], iou[:, 1:], targets).total
    if single_at_once:
        loss = loss + prompt_loss(logits[:, :1], iou[:, :1], targets).total
    return loss
