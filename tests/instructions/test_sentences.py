"""Every sentence of the corpus asks for what stands beside it, or is refused pointing at these words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.errors import InstructionError
from pipelines.plans import All, Coloured, Edit, EditPlan, InHalf, Near, Ranked, Selector
from plugins.instructions.grammar import parse_instruction

FOLDER = Path(__file__).parent / "corpus"
MARKS = {"{": "}", "[": "]", "(": ")", "<": ">", "|": "|", "~": "~"}
Spans = dict[str, set[tuple[int, int]]]


@dataclass(frozen=True)
class Case:
    """A sentence without its marks, the spans of its parts by opening mark, and what is expected of it."""

    sentence: str
    spans: Spans
    expected: str

    def __str__(self) -> str:
        return self.sentence


def cases(*, refused: bool) -> list[Case]:
    """Every sentence that is refused, or every one that is not."""
    paths = [path for path in sorted(FOLDER.glob("*.txt")) if (path.stem == "refused") == refused]
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [_case(*line.rsplit("  =>  ", 1)) for line in lines if "  =>  " in line]


def _case(marked: str, expected: str) -> Case:
    sentence = ""
    spans: Spans = {}
    opened: list[tuple[str, int]] = []
    for letter in marked.replace("\\t", "\t").replace("\\n", "\n"):
        if opened and letter == MARKS[opened[-1][0]]:
            mark, start = opened.pop()
            spans.setdefault(mark, set()).add((start, len(sentence)))
        elif letter in MARKS:
            opened.append((letter, len(sentence)))
        else:
            sentence += letter
    assert not opened, marked
    return Case(sentence, spans, expected.strip())


def spans_of(plan: EditPlan) -> Spans:
    """The spans of a plan's parts, by the mark that stands for them."""
    spans: Spans = {}
    for edit in plan.edits:
        parts = {"{": edit.target_span, "[": edit.replacement_span, "<": edit.position_span, "|": edit.span}
        parts["~"] = edit.shadow_span
        for mark, span in [*parts.items(), *(("(", selector.span) for selector in edit.which)]:
            if span is not None:
                spans.setdefault(mark, set()).add(span)
    return spans


def said(plan: EditPlan) -> str:
    """A plan as the corpus writes it."""
    return "; ".join(" | ".join([_said(edit), *map(_which, edit.which)]) for edit in plan.edits)


def _said(edit: Edit) -> str:
    match edit.action:
        case "add":
            return " ".join(part for part in ("add", edit.replacement, edit.position, edit.target) if part)
        case "background":
            return f"background -> {edit.replacement}" if edit.replacement else "background"
        case "recolour":
            name = "recolour" if edit.attribute == "colour" else edit.attribute
            return f"{name} {edit.target} -> {edit.replacement}"
    shadow = " and shadow" if edit.shadow else ""
    return f"{edit.action} {edit.target}{shadow}" + (f" -> {edit.replacement}" if edit.replacement else "")


def _which(selector: Selector) -> str:
    match selector:
        case All():
            return "all"
        case Ranked(order, first, count):
            return f"{order} {first}" + (f"-{first + count - 1}" if count > 1 else "")
        case InHalf(side):
            return f"{side} half"
        case Coloured(colour):
            return f"colour {colour}"
        case Near(thing, relation):
            return f"{relation} {'of ' if relation in ('left', 'right') else ''}{thing}"


UNDERSTOOD, REFUSED = cases(refused=False), cases(refused=True)


def test_the_corpus_is_whole():
    assert len(UNDERSTOOD) >= 450
    assert len(REFUSED) >= 60


@pytest.mark.parametrize("case", UNDERSTOOD, ids=str)
def test_the_sentence_asks_for_these_edits(case):
    assert said(parse_instruction(case.sentence)) == case.expected


@pytest.mark.parametrize("case", UNDERSTOOD, ids=str)
def test_every_part_was_said_at_its_span(case):
    found = spans_of(parse_instruction(case.sentence))
    marked = {**case.spans, "|": case.spans.get("|", found["|"])}
    assert found == marked


@pytest.mark.parametrize("case", UNDERSTOOD, ids=str)
def test_a_clause_holds_its_parts(case):
    for edit in parse_instruction(case.sentence).edits:
        start, end = edit.span
        parts = [edit.target_span, edit.position_span, *(selector.span for selector in edit.which)]
        for part in filter(None, parts):
            assert start <= part[0] < part[1] <= end


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_the_sentence_is_refused_pointing_at_the_words(case):
    with pytest.raises(InstructionError) as caught:
        parse_instruction(case.sentence)
    message, shown, carets = str(caught.value).split("\n")
    assert message == case.expected
    assert shown == f"  {case.sentence}"
    (span,) = case.spans["["]
    assert (carets.index("^") - 2, len(carets) - 2) == span
