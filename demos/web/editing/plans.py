"""A plan in plain words, and a plan that the visitor has corrected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.plans import All, Coloured, Edit, EditPlan, InHalf, Near, Ranked, Selector

_ORDERS = {
    "left": "from the left",
    "right": "from the right",
    "top": "from the top",
    "bottom": "from the bottom",
    "middle": "nearest to the middle",
    "largest": "by size, the largest first",
    "smallest": "by size, the smallest first",
    "surest": "that was found most surely",
}
_BESIDE = {"in front": "in front of", "left": "to the left of", "right": "to the right of"}
_RELATIONS = {"near": "near", "left": "to the left of", "right": "to the right of", "above": "above", "below": "below"}


@dataclass(frozen=True, slots=True)
class Correction:
    """What the visitor wrote for one edit of a plan: what it is about, and what is to be there instead."""

    target: str
    replacement: str


def in_words(edit: Edit) -> str:
    """What an edit will do: "Replace every dog with a cat"."""
    chosen = "".join(f", {_which(selector)}" for selector in edit.which if not isinstance(selector, All))
    return f"{_sentence(edit)}{' – only' + chosen[1:] if chosen else ''}"


def correctable(edit: Edit) -> tuple[bool, bool]:
    """Whether an edit has a target, and whether it has something new, that can be put into other words."""
    return edit.action != "background" and bool(edit.target), edit.replacement is not None


def corrected(plan: EditPlan, corrections: Sequence[Correction]) -> str:
    """The plan as JSON with other words in it; empty where the words are those that were read."""
    edits = [_as_json(edit, said) for edit, said in zip(plan.edits, corrections, strict=True)]
    if all(_same(edit, said) for edit, said in zip(plan.edits, corrections, strict=True)):
        return ""
    return json.dumps({"edits": edits}, ensure_ascii=False)


def _same(edit: Edit, said: Correction) -> bool:
    has_target, has_new = correctable(edit)
    return (not has_target or said.target.strip() == edit.target) and (
        not has_new or said.replacement.strip() == edit.replacement
    )


def _as_json(edit: Edit, said: Correction) -> Mapping[str, Any]:
    has_target, has_new = correctable(edit)
    parts = {
        "action": edit.action,
        "target": said.target.strip() if has_target else edit.target,
        "replacement": said.replacement.strip() if has_new else None,
        "which": [{key: part for key, part in asdict(selector).items() if key != "span"} for selector in edit.which],
        "position": edit.position,
        "attribute": edit.attribute,
        "shadow": edit.shadow or None,
    }
    return {key: part for key, part in parts.items() if part not in (None, "", [])}


def _sentence(edit: Edit) -> str:
    target = f"{'the' if edit.which else 'every'} {edit.target}{' with its shadow' if edit.shadow else ''}"
    match edit.action:
        case "replace":
            return f"Replace {target} with: {edit.replacement}"
        case "remove":
            return f"Remove {target}"
        case "keep":
            return f"Keep {target} as it is"
        case "recolour":
            return f"Make {target} {edit.replacement}"
        case "background":
            return f"Change what lies behind to: {edit.replacement}"
        case "add":
            return f"Add: {edit.replacement}{_place(edit, target)}"


def _place(edit: Edit, target: str) -> str:
    if edit.position is None:
        return ""
    if not edit.target:
        return f", {edit.position} in the picture"
    return f", {_BESIDE.get(edit.position, edit.position)} {target}"


def _which(selector: Selector) -> str:
    match selector:
        case Ranked(order, first, count):
            number = f"number {first}" if count == 1 else f"numbers {first} to {first + count - 1}"
            return f"{number} {_ORDERS[order]}"
        case InHalf(side):
            return f"in the {side} half of the picture"
        case Coloured(colour):
            return f"of the colour {colour}"
        case Near(thing, relation):
            return f"{_RELATIONS[relation]} the {thing}"
        case All():
            return "all of them"
