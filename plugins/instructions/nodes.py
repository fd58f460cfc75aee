"""The nodes that read an instruction, and that find out which things it means."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.errors import PortError
from pipelines.signature import node
from pipelines.values import Boxes, EditPlan, Image, Masks, Text


class Parsed(NamedTuple):
    """What the sentence asks for, and what must be found in the picture for that."""

    plan: EditPlan
    targets: Text


@node("instructions/parse", version=2)
def parse(text: Text) -> Parsed:
    """Read an instruction such as "replace the second dog from the right with a cat and remove the leash".

    Things can be replaced, removed, added, recoloured and kept, and the background can be changed. Which of several is
    meant can be said by side, order, size, colour and by what is near. Raises InstructionError, which points at the
    words that were not understood.

    Args:
        text: one or several edits in English, at most 1,000 characters.
    """
    from plugins.instructions.grammar import parse_instruction

    plan = parse_instruction(text)
    return Parsed(plan=plan, targets=plan.targets)


@node("instructions/from_json", version=1)
def from_json(text: Text, *, sentence: Text = "") -> Parsed:
    """Read a plan that a language model or another program wrote.

    Raises InstructionError with the line and column of every mistake.

    Args:
        text: such as {"edits": [{"action": "replace", "target": "dog", "replacement": "cat"}]}.
        sentence: what the plan was made from, so that later mistakes can point at its words.
    """
    from plugins.instructions.plan_json import plan_from_json

    plan = plan_from_json(text, sentence)
    return Parsed(plan=plan, targets=plan.targets)


@node("instructions/select", version=1)
def select(image: Image, boxes: Boxes, plan: EditPlan) -> Boxes:
    """Keep the boxes that the plan means: of all dogs found, the second from the right.

    They come edit by edit, and their column `edit` says whose they are: its place in the plan. A thing that two edits
    mean comes twice, unless the first of them makes an end of it. None that fits is no error.

    Args:
        image: the picture that the boxes were found in; where a colour chooses, it is that of the middle of each box.
        boxes: what was found, with the plan's targets as names.
        plan: what is to be done, and to which.
    """
    from plugins.instructions.selecting import chosen

    return chosen(image, boxes, plan)


@node("instructions/select_masks", version=1)
def select_masks(image: Image, masks: Masks, plan: EditPlan) -> Masks:
    """Keep the masks that the plan means, as instructions/select does with boxes; sizes and colours are theirs.

    Args:
        image: the picture that the masks belong to.
        masks: what was found, with the plan's targets as names.
        plan: what is to be done, and to which.
    """
    from plugins.instructions.selecting import chosen

    height, width = masks.mask.shape[1:]
    if (width, height) != image.size:
        raise PortError(f"the masks are of a picture of {width}×{height}, this one is {image.width}×{image.height}.")
    return chosen(image, masks, plan)
