"""What a sentence asks for: edits, and for each which things it means.

Every part knows where in the sentence it was said, as (start, end) characters, so that whoever cannot do it can point
at the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Span: TypeAlias = tuple[int, int]

Action: TypeAlias = Literal["replace", "remove", "add", "recolour", "background", "keep"]
Attribute: TypeAlias = Literal["colour", "material", "pattern"]
Side: TypeAlias = Literal["left", "right", "top", "bottom"]
Order: TypeAlias = Literal["left", "right", "top", "bottom", "middle", "largest", "smallest", "surest"]
Relation: TypeAlias = Literal["near", "left", "right", "above", "below"]
Position: TypeAlias = Literal[
    "on", "in", "beside", "behind", "in front", "left", "right", "above", "below",
    "top left", "top right", "bottom left", "bottom right", "top", "bottom", "centre",
]  # fmt: skip

WITH_SHADOW: frozenset[Action] = frozenset({"replace", "remove", "keep"})
"""What can be done to a thing together with its shadow."""


@dataclass(frozen=True)
class All:
    """Every one of them, said in so many words: "all", "every", "both"."""

    span: Span = (0, 0)
    kind: Literal["all"] = "all"


@dataclass(frozen=True)
class Ranked:
    """`count` of them, from place `first` (the first is 1) when counted in `order`.

    "left" counts from the left-most, "middle" from the middle of the row, "surest" from the highest score.
    """

    order: Order
    first: int = 1
    count: int = 1
    span: Span = (0, 0)
    kind: Literal["ranked"] = "ranked"


@dataclass(frozen=True)
class InHalf:
    """Those whose centre lies in that half of the picture: "the dogs on the left"."""

    side: Side
    span: Span = (0, 0)
    kind: Literal["half"] = "half"


@dataclass(frozen=True)
class Coloured:
    """Those that are mostly of this colour, a word such as "red"."""

    colour: str
    span: Span = (0, 0)
    kind: Literal["colour"] = "colour"


@dataclass(frozen=True)
class Near:
    """The one that is nearest to a `thing`, of those that lie in that direction of it: "the dog next to the tree"."""

    thing: str
    relation: Relation = "near"
    span: Span = (0, 0)
    kind: Literal["near"] = "near"


Selector: TypeAlias = All | Ranked | InHalf | Coloured | Near


@dataclass(frozen=True)
class Edit:
    """One thing that a sentence asks for.

    `target`: what it is about, in the user's words; empty where something is added to the picture as a whole.
    `replacement`: the new thing, colour or material. `which`: of the targets found, those that are meant; each selector
    chooses among what the one before it left, and none of them means all. `position`: of what is added, seen from the
    target or, where there is none, in the picture. `attribute`: what a recolour changes. `shadow`: the target goes, or
    is kept, with its shadow. `span`: the clause; the other spans are None for what was not said.
    """

    action: Action
    target: str
    replacement: str | None
    span: Span
    which: tuple[Selector, ...] = ()
    position: Position | None = None
    attribute: Attribute | None = None
    shadow: bool = False
    target_span: Span | None = None
    replacement_span: Span | None = None
    position_span: Span | None = None
    shadow_span: Span | None = None


@dataclass(frozen=True)
class EditPlan:
    """What a sentence asks for, in its own order."""

    sentence: str
    edits: tuple[Edit, ...]

    @property
    def targets(self) -> str:
        """What to look for, as a Grounding DINO prompt: `"dog. leash."`, lower case, each phrase once.

        The things beside which others are meant belong to it. A background is not looked for: it is what is left.
        """
        wanted = [name for edit in self.edits for name in _looked_for(edit)]
        return " ".join(f"{name}." for name in dict.fromkeys(name.lower().strip() for name in wanted) if name)


def _looked_for(edit: Edit) -> tuple[str, ...]:
    beside = tuple(selector.thing for selector in edit.which if isinstance(selector, Near))
    return beside if edit.action == "background" else (edit.target, *beside)
