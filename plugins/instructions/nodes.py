"""The node that reads an instruction."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.signature import node
from pipelines.values import EditPlan, Text
from plugins.instructions.grammar import parse_instruction


class Parsed(NamedTuple):
    """What the sentence asks for, and what must be found in the picture for that."""

    plan: EditPlan
    targets: Text


@node("instructions/parse", version=1)
def parse(text: Text) -> Parsed:
    """Read an instruction such as "replace the dog with a cat and remove the leash".

    Things can be replaced, removed, added to others and recoloured, and the background can be changed. Raises
    InstructionError, which quotes the words that were not understood.

    Args:
        text: one or several edits in English, at most 1,000 characters.
    """
    plan = parse_instruction(text)
    return Parsed(plan=plan, targets=plan.targets)
