"""What may stand at an input in a file: a reference, the first of several, or a constant.

"${photo}"                      an input of the pipeline, or the first output of a step
"${paint.image}"                a named output of a step
{first: ["${a}", "${b}"]}       the first of these that was not skipped
0.3, fast, [1, 2], "$${price}"  a constant; `$${` is the text `${`
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import Where
from pipelines.graph import Comparison, Constant, FirstOf, Ref, Source, When
from pipelines.spec.document import UNREADABLE, Document
from pipelines.spec.shapes import COMPARISONS, WhenShape, validated

_REFERENCE = re.compile(r"\$\{\s*([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?\s*\}")
_OPENING = re.compile(r"(?<!\$)\$\{")


@dataclass(frozen=True)
class SourceReader:
    """Reads sources; `inputs` are the names of the pipeline's inputs. None stands for a mistake that has been noted."""

    document: Document
    inputs: Collection[str]

    def source(self, raw: Any, where: Where) -> Source | None:
        match raw:
            case str():
                return self.text(raw, where)
            case {"first": choices, **others} if not others:
                return self.first_of(choices, where)
            case _:
                return self.constant(raw, where)

    def reference(self, raw: Any, where: Where) -> Ref | None:
        """A reference, where nothing else will do."""
        if isinstance(raw, str) and (match := _REFERENCE.fullmatch(raw.strip())):
            name, port = match.groups()
            return Ref("", name) if port is None and name in self.inputs else Ref(name, port)
        if raw is not UNREADABLE:
            self.document.add("needs a reference, such as '${step}' or '${step.output}'.", where)
        return None

    def text(self, raw: str, where: Where) -> Source | None:
        if _REFERENCE.fullmatch(raw.strip()):
            return self.reference(raw, where)
        if _OPENING.search(raw):
            message = "a reference stands alone, as '${step}' or '${step.output}'; '$${' is the text '${'."
            self.document.add(message, where)
            return None
        return Constant(_literal(raw))

    def first_of(self, choices: Any, where: Where) -> FirstOf | None:
        if not isinstance(choices, list) or not choices:
            self.document.add("'first' takes a list of references.", where)
            return None
        refs = [self.reference(choice, (*where, "first", index)) for index, choice in enumerate(choices)]
        known = [ref for ref in refs if ref is not None]
        return FirstOf(tuple(known)) if len(known) == len(refs) else None

    def constant(self, raw: Any, where: Where) -> Constant | None:
        if not _holds_reference(raw):
            return Constant(_literal(raw))
        if raw is not UNREADABLE:
            self.document.add("a reference cannot stand inside a list or mapping; it stands alone.", where)
        return None

    def default(self, raw: Any, where: Where) -> Any:
        """A constant, where nothing else will do; None stands for a mistake too."""
        source = self.source(raw, where)
        if isinstance(source, Constant):
            return source.value
        if source is not None:
            self.document.add("a default is a constant, not a reference.", where)
        return None

    def when(self, raw: Mapping[str, Any] | None, where: Where) -> When | None:
        shape = validated(WhenShape, raw, where, self.document) if raw is not None else None
        if raw is None or shape is None:
            return None
        ref = self.reference(shape.value, (*where, "value"))
        asked = [name for name in COMPARISONS if name in shape.model_fields_set]
        if len(asked) != 1:
            if shape.model_fields_set == raw.keys():  # else the misspelt one has been noted
                self.document.add(f"needs one comparison of: {', '.join(COMPARISONS)}.", where)
            return None
        op: Comparison = asked[0]  # type: ignore[assignment]
        limit = self.limit(getattr(shape, op), (*where, op))
        return None if ref is None or limit is None else When(ref, op, limit.value)

    def limit(self, raw: Any, where: Where) -> Constant | None:
        """What a condition compares with: a constant."""
        if not _holds_reference(raw):
            value = _literal(raw)
            return Constant(tuple(value) if isinstance(value, list) else value)
        if raw is not UNREADABLE:
            self.document.add(f"'{where[-1]}' compares with a constant, not with a reference; '$${{' is '${{'.", where)
        return None


def _holds_reference(raw: Any) -> bool:
    match raw:
        case str():
            return bool(_OPENING.search(raw))
        case list():
            return any(map(_holds_reference, raw))
        case dict():
            return any(map(_holds_reference, raw.values()))
    return raw is UNREADABLE


def _literal(raw: Any) -> Any:
    """A constant with its `$${` turned into `${`, at any depth."""
    match raw:
        case str():
            return raw.replace("$${", "${")
        case list():
            return [_literal(item) for item in raw]
        case dict():
            return {key: _literal(item) for key, item in raw.items()}
    return raw
