"""From a sentence to an edit plan, without a language model.

A sentence is a chain of clauses, each a verb and what goes with it. Whatever stands in a clause becomes a part of an
edit, so that nothing the user said is passed over in silence: the rest is an error that points at it. The time is
linear in the length of the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pipelines.errors import InstructionError
from pipelines.plans import WITH_SHADOW, Edit, EditPlan, Selector
from plugins.instructions import words
from plugins.instructions.clauses import TRY, Clause, Kind, read_clauses
from plugins.instructions.forms import Draft, draft_of
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.things import ONLY_CHANGES, read_list, read_new, read_things
from plugins.instructions.tokens import Phrase, read_tokens

MAX_CHARACTERS = 1000

_REPLACE, _REMOVE, _ADD = "'replace the dog with a cat'", "'remove the dog'", "'add a hat to the dog'"
_INTO: Final = ("into what", "'turn the dog into a cat' or 'make the car red'")
_COLOUR: Final = ("which colour", "'make the car red'")
# What a clause of each kind lacks when it has none of its forms, and how it could be said.
_LACKS: Final[dict[Kind, tuple[str, str]]] = {
    **dict.fromkeys(("replace", "substitute", "swap", "want"), ("with what", _REPLACE)),
    **dict.fromkeys(("turn", "make"), _INTO),
    **dict.fromkeys(("paint", "colour"), _COLOUR),
    **dict.fromkeys(("remove", "take"), ("what", _REMOVE)),
    **dict.fromkeys(("add", "put", "give", "let"), ("what", _ADD)),
    "keep": ("what", "'keep the dog'"),
}


def parse_instruction(sentence: str) -> EditPlan:
    """The edits that a sentence asks for, in its order, in the user's own words.

    Raises `InstructionError`: a line that says what was not understood, and two that point at it.
    """
    if not sentence.strip():
        raise InstructionError(f"the instruction is empty. {TRY}")
    if len(sentence) > MAX_CHARACTERS:
        raise InstructionError(
            f"the instruction is {len(sentence):,} characters long, more than the limit of {MAX_CHARACTERS:,}. {TRY}"
        )
    tokens = read_tokens(sentence)
    _refuse(tokens, words.NEGATIONS)
    edits: list[Edit] = []
    for clause in read_clauses(tokens):
        _refuse(clause.whole, frozenset({"but"}))
        for draft, said in _drafts(clause):
            edits += _edits(draft, said, edits[-1].target if edits else None)
    _refuse_contradiction(sentence, edits)
    return EditPlan(sentence=sentence, edits=tuple(edits))


def _drafts(clause: Clause) -> Iterator[tuple[Draft, Phrase]]:
    """One draft, or several where the verb is said once: "replace the dog with a cat and the car with a bus"."""
    chunks = list(_chunks(clause))
    ends = [number for number, chunk in enumerate(chunks) if _is_pair(draft_of(clause.kind, chunk))]
    begins_anew = clause.kind in ("add", "put") and chunks[-1].low(chunks[-1].start) in words.ARTICLES
    # What follows the last pair belongs to it, unless it is one more thing to add.
    ends = sorted({*(ends if begins_anew else ends[:-1]), len(chunks) - 1})
    first = 0
    for end in ends:
        body = clause.body.part(chunks[first].start, chunks[end].stop)
        draft = draft_of(clause.kind, body)
        if draft is None:
            lacks, example = _LACKS[clause.kind]
            said = clause.whole
            message = f"{quoted(said.text)} does not say {lacks}. Say it like {example}."
            raise refusal(message, said.sentence, said.span)
        start = clause.whole.start if first == 0 else body.start
        yield draft, clause.whole.part(start, body.stop)
        first = end + 1


def _is_pair(draft: Draft | None) -> bool:
    """Whether a draft says both what is new and what it goes with."""
    return draft is not None and draft.new is not None and (draft.target is not None or draft.place is not None)


def _chunks(clause: Clause) -> Iterator[Phrase]:
    """The body, parted at each joint behind which a new pair could begin."""
    body = clause.body
    telegraphic = not words.DETERMINERS & set(body.lows)
    openers = words.DEFINITE | (words.ARTICLES if clause.kind in ("add", "put") else set())
    start, place = body.start, body.start
    while place < body.stop:
        behind = place
        while body.low(behind) in words.JOINTS:
            behind += 1
        if behind > place > start and (telegraphic or body.low(behind) in openers):
            yield body.part(start, place)
            start = behind
        place = max(behind, place + 1)
    yield body.part(start, body.stop)


def _edits(draft: Draft, said: Phrase, before: str | None) -> Iterator[Edit]:
    """One edit for each thing named: "remove the dog and the leash" are two."""
    new = read_new(draft.new) if draft.new is not None else None
    edit = Edit(
        draft.action,
        "",
        new.text if new else None,
        said.span,
        position=draft.position,
        attribute=draft.attribute,
        replacement_span=new.span if new else None,
        position_span=draft.place.span if draft.place else None,
    )
    if draft.target is None:
        yield edit
        return
    things = list(read_things(draft.target, before, shadows=draft.action in WITH_SHADOW))
    for thing, own in zip(things, _each_its_own(draft, new, len(things)), strict=True):
        text, span = (own.text, own.span) if own else (None, None)
        named = replace(edit, target=thing.name, which=thing.which, target_span=thing.span)
        named = replace(named, shadow=thing.shadow is not None, shadow_span=thing.shadow)
        named = replace(named, replacement=text, replacement_span=span)
        behind = draft.action != "add" and thing.name.lower() in words.BACKGROUNDS
        yield replace(named, action="background", attribute=None) if behind else named


def _each_its_own(draft: Draft, new: Phrase | None, count: int) -> list[Phrase | None]:
    """The new thing for each target: "the dog and the cat with a horse and a cow" has one for each, in their order."""
    listed = read_list(draft.new) if draft.new is not None and draft.action == "replace" and count > 1 else []
    return [read_new(member) for member in listed] if len(listed) == count else [new] * count


def _refuse(phrase: Phrase, lows: frozenset[str]) -> None:
    """Raise `InstructionError` for a word that turns what is said into its contrary."""
    for place in range(phrase.start, phrase.stop):
        low = phrase.low(place)
        if low in lows or (lows is words.NEGATIONS and low.endswith("n't")):
            said = phrase.part(place, place + 1)
            raise refusal(f"cannot follow {quoted(said.text)}. {ONLY_CHANGES}", phrase.sentence, said.span)


def _refuse_contradiction(sentence: str, edits: Sequence[Edit]) -> None:
    """Raise `InstructionError` where a thing is dealt with and then changed again."""
    done: dict[str, set[tuple[Selector, ...]]] = {}
    for edit in edits:
        target, which = edit.target.lower(), _unplaced(edit.which)
        if () in done.get(target, ()) or which in done.get(target, ()):
            message = f"the instruction changes {quoted(edit.target)} twice. Say once what becomes of it."
            raise refusal(message, sentence, edit.target_span or edit.span)
        if edit.action in ("replace", "remove", "background", "keep"):
            done.setdefault(target, set()).add(which)


def _unplaced(which: tuple[Selector, ...]) -> tuple[Selector, ...]:
    """Selectors as they choose, wherever they were said; all are as many as no choice."""
    return tuple(replace(selector, span=(0, 0)) for selector in which if selector.kind != "all")
