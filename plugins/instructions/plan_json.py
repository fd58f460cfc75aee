"""Edit plans from JSON, as a language model or another program writes them; mistakes are told with line and column."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import InstructionError, SpecError, Where, did_you_mean
from pipelines.plans import (
    WITH_SHADOW,
    Action,
    All,
    Attribute,
    Coloured,
    Edit,
    EditPlan,
    InHalf,
    Near,
    Order,
    Position,
    Ranked,
    Relation,
    Selector,
    Side,
    Span,
)
from pipelines.spec.document import Document, parse_document

_NEEDS_NEW = ("replace", "recolour", "add")


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _All(_Shape):
    kind: Literal["all"]

    def selector(self) -> Selector:
        return All()


class _Ranked(_Shape):
    kind: Literal["ranked"]
    order: Order
    first: int = Field(default=1, ge=1)
    count: int = Field(default=1, ge=1)

    def selector(self) -> Selector:
        return Ranked(self.order, self.first, self.count)


class _Half(_Shape):
    kind: Literal["half"]
    side: Side

    def selector(self) -> Selector:
        return InHalf(self.side)


class _Colour(_Shape):
    kind: Literal["colour"]
    colour: str

    def selector(self) -> Selector:
        return Coloured(self.colour)


class _Near(_Shape):
    kind: Literal["near"]
    thing: str
    relation: Relation = "near"

    def selector(self) -> Selector:
        return Near(self.thing, self.relation)


class _Edit(_Shape):
    action: Action
    target: str = ""
    replacement: str | None = None
    which: list[Annotated[_All | _Ranked | _Half | _Colour | _Near, Field(discriminator="kind")]] = []
    position: Position | None = None
    attribute: Attribute | None = None
    shadow: bool = False


class _Plan(_Shape):
    edits: list[_Edit]


def plan_from_json(text: str, sentence: str) -> EditPlan:
    """The plan that a JSON text holds: `{"edits": [{"action": "replace", "target": "dog", "replacement": "cat"}]}`.

    `sentence` is what it was made from, in which the edits' words are looked for, to point at them later. Raises
    `InstructionError` with every mistake on a line of its own, with line and column in the text.
    """
    document = _document(text)
    try:
        plan = _Plan.model_validate(document.data)
    except ValidationError as error:
        for where, message in _messages(error):
            document.add(message, _written(where, document))
        raise _refused(document) from None
    for number, edit in enumerate(plan.edits):
        _check(edit, ("edits", number), document)
    if document.problems:
        raise _refused(document)
    return EditPlan(sentence, tuple(_edit(edit, sentence) for edit in plan.edits))


def _document(text: str) -> Document:
    try:
        json.loads(text)
        # Every JSON text is YAML, but for tabs between the parts.
        return parse_document(text.replace("\t", " "), "plan")
    except json.JSONDecodeError as error:
        raise InstructionError(f"plan:{error.lineno}:{error.colno}: is not JSON: {error.msg.lower()}.") from error
    except ValueError as error:  # a number of thousands of digits
        raise InstructionError(f"plan:1:1: is not JSON that can be read: {error}.") from error
    except RecursionError as error:
        raise InstructionError("plan:1:1: is nested too deeply.") from error
    except SpecError as error:
        raise InstructionError(str(error)) from error


def _check(edit: _Edit, where: Where, document: Document) -> None:
    """Note what an edit of its kind needs and has not."""
    if edit.action in _NEEDS_NEW and not (edit.replacement or "").strip():
        document.add(f"to {edit.action} needs a 'replacement'.", where)
    if edit.action not in ("add", "background") and not edit.target.strip():
        document.add(f"to {edit.action} needs a 'target'.", where)
    if edit.action != "add" and edit.position is not None:
        document.add("only what is added has a 'position'.", (*where, "position"))
    if edit.action not in WITH_SHADOW and edit.shadow:
        document.add("only what is replaced, removed or kept takes its 'shadow' along.", (*where, "shadow"))


def _edit(edit: _Edit, sentence: str) -> Edit:
    target = edit.target or ("background" if edit.action == "background" else "")
    attribute = (edit.attribute or "colour") if edit.action == "recolour" else None
    return Edit(
        edit.action,
        target,
        edit.replacement,
        (0, len(sentence)),
        which=tuple(shape.selector() for shape in edit.which),
        position=edit.position,
        attribute=attribute,
        shadow=edit.shadow,
        target_span=_span(target, sentence),
        replacement_span=_span(edit.replacement or "", sentence),
    )


def _span(words: str, sentence: str) -> Span | None:
    """Where words were said first, if they were."""
    start = sentence.lower().find(words.lower()) if words else -1
    return None if start < 0 else (start, start + len(words))


def _messages(error: ValidationError) -> Iterator[tuple[Where, str]]:
    for detail in error.errors(include_url=False):
        *around, last = detail["loc"] or ("",)
        if detail["type"] == "missing":
            yield tuple(around), f"needs '{last}'."
        elif detail["type"] == "extra_forbidden":
            known = _Edit.model_fields if len(around) == 2 else _Plan.model_fields
            yield detail["loc"], f"unknown key '{last}'.{did_you_mean(str(last), known) if len(around) < 3 else ''}"
        else:
            yield detail["loc"], f"{_lowered(detail['msg'])}."


def _written(where: Where, document: Document) -> Where:
    """The path as it stands in the text: pydantic puts the kind of a selector between."""
    known: Where = ()
    for part in where:
        if (*known, part) in document.marks:
            known = (*known, part)
    return known


def _lowered(message: str) -> str:
    return message.replace("Input should", "must")[:1].lower() + message.replace("Input should", "must")[1:]


def _refused(document: Document) -> InstructionError:
    return InstructionError("\n".join(map(str, document.problems)))
