"""From a sentence to an edit plan, without a language model.

A sentence is a chain of clauses, each a verb and what goes with it. A clause must match one of the `rules` as a whole,
so that nothing the user said is passed over in silence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from pipelines.errors import InstructionError
from pipelines.values import Edit, EditPlan
from plugins.instructions import words
from plugins.instructions.rules import EXAMPLES, FLAGS, RULES, VERB, Action, Rule

MAX_CHARACTERS = 1000
Span = tuple[int, int]

_TRY = f"Try {EXAMPLES['replace']} or {EXAMPLES['remove']}."
_PLAIN_VERBS = ("replace", "remove", "erase", "delete", "change", "turn", "swap", "make", "paint", "add", "put")
_STARTS = re.compile(rf"\s*{words.POLITE_START}", FLAGS)
_ENDS = re.compile(rf"{words.IN_THE_PICTURE}{words.POLITE_END}\Z", FLAGS)
_NEXT_CLAUSE = re.compile(rf"{words.JOINT}{words.POLITE_START}(?=(?:{VERB})\b)", FLAGS)
_NEXT_PAIR = re.compile(rf"{words.JOINT}(?={words.DEFINITE}\b)", FLAGS)
_NEXT_NAME = re.compile(words.LIST_JOINT, FLAGS)
_OPENING = re.compile(rf"(?:\s|{words.QUOTE})*(?:{words.DETERMINER}\s+)*{words.QUOTE}*", FLAGS)
_CLOSING = re.compile(rf"{words.MARKS}*{words.IN_THE_PICTURE}{words.MARKS}*\Z", FLAGS)
_COLOURS = re.compile(rf"\s*(?:{words.DETERMINER}\s+)*{words.COLOUR}\s*", FLAGS)
_BACKGROUND = re.compile(words.BACKGROUND, FLAGS)
_UNRESOLVED = re.compile(words.UNRESOLVED, FLAGS)
_REFUSAL = re.compile(words.REFUSAL, FLAGS)


def parse_instruction(sentence: str) -> EditPlan:
    """The edits that a sentence asks for, in its order, in the user's own words.

    An edit's `span` is its clause, in characters of the sentence. Raises `InstructionError`, which quotes the words
    that were not understood and shows some that would be.
    """
    if not sentence.strip():
        raise InstructionError(f"the instruction is empty. {_TRY}")
    if len(sentence) > MAX_CHARACTERS:
        raise InstructionError(
            f"the instruction is {len(sentence):,} characters long, more than the limit of {MAX_CHARACTERS:,}. {_TRY}"
        )
    edits = tuple(edit for clause in _clauses(sentence) for edit in _read_clause(sentence, clause))
    _refuse_contradiction(edits)
    return EditPlan(sentence=sentence, edits=edits)


def _clauses(sentence: str) -> Iterator[Span]:
    """Where each clause stands, without courtesies, joints and final punctuation."""
    courtesy, ending = _STARTS.match(sentence), _ENDS.search(sentence)
    start = courtesy.end() if courtesy else 0
    stop = ending.start() if ending else len(sentence)
    for joint in _NEXT_CLAUSE.finditer(sentence, start, stop):
        yield start, joint.start()
        start = joint.end()
    yield start, stop


def _read_clause(sentence: str, clause: Span) -> Iterator[Edit]:
    start, stop = clause
    begun: dict[int, list[Rule]] = {}
    for rule in RULES:
        if verb := rule.starts.match(sentence, start, stop):
            begun.setdefault(verb.end(), []).append(rule)
    # "take out" before "take": the longest verb that leads to a match is the one meant.
    for body_start in sorted(begun, reverse=True):
        if matches := _match_pairs(begun[body_start], sentence, (body_start, stop)):
            starts = [start, *(match.start() for _, match in matches[1:])]
            for edit_start, (rule, match) in zip(starts, matches, strict=True):
                yield from _edits(rule, match, (edit_start, match.end()))
            return
    raise _not_understood(sentence[start:stop] or sentence, {rule.action for rules in begun.values() for rule in rules})


def _match_pairs(rules: Sequence[Rule], sentence: str, body: Span) -> list[tuple[Rule, re.Match[str]]]:
    """One match, or several where the verb is said once: "replace the dog with a cat and the car with a bus"."""
    start, stop = body
    for joint in _NEXT_PAIR.finditer(sentence, start, stop):
        first = _match(rules, sentence, (start, joint.start()))
        if first and first[1].groupdict().get("new"):
            rest = _match_pairs(rules, sentence, (joint.end(), stop))
            if rest and rest[0][1].groupdict().get("new"):
                return [first, *rest]
    whole = _match(rules, sentence, body)
    return [whole] if whole else []


def _match(rules: Sequence[Rule], sentence: str, body: Span) -> tuple[Rule, re.Match[str]] | None:
    for rule in rules:
        if match := rule.body.fullmatch(sentence, *body):
            return rule, match
    return None


def _edits(rule: Rule, match: re.Match[str], span: Span) -> Iterator[Edit]:
    """One edit for each thing named: "remove the dog and the leash" are two."""
    new = _phrase(match.string, match.span("new")) if "new" in match.groupdict() else None
    for name in _names(match.string, match.span("target")):
        target = _phrase(match.string, name)
        whole = rule.action != "add" and _BACKGROUND.fullmatch(target)
        action: Action = "background" if whole else rule.action
        yield Edit(action=action, target=target, replacement=new, span=span)


def _names(sentence: str, span: Span) -> Iterator[Span]:
    """The members of a list; "the black and white cat" and "the dog between the cat and the horse" are one."""
    start, stop = span
    if re.search(r"\bbetween\b", sentence[start:stop], FLAGS):
        yield span
        return
    joints = [
        joint
        for joint in _NEXT_NAME.finditer(sentence, start, stop)
        if not _COLOURS.fullmatch(re.split(words.LIST_JOINT, sentence[start : joint.start()])[-1])
    ]
    edges = [start, *(edge for joint in joints for edge in joint.span()), stop]
    yield from list(pairwise(edges))[::2]


def _phrase(sentence: str, span: Span) -> str:
    """The words of a noun phrase without determiners, quotes and punctuation around it."""
    said = sentence[slice(*span)]
    opening, closing = _OPENING.match(said), _CLOSING.search(said)
    phrase = " ".join(said[opening.end() if opening else 0 : closing.start() if closing else len(said)].split())
    if refusal := _REFUSAL.search(phrase):
        raise InstructionError(f"cannot follow '{refusal.group()}' in '{_short(said)}'. Say what to change. {_TRY}")
    if not phrase or _UNRESOLVED.fullmatch(phrase):
        raise InstructionError(f"cannot tell what '{_short(said)}' stands for. Name it, as in {EXAMPLES['remove']}.")
    return phrase


def _refuse_contradiction(edits: Sequence[Edit]) -> None:
    gone: set[str] = set()
    for edit in edits:
        target = edit.target.lower()
        if target in gone:
            raise InstructionError(f"the instruction changes '{edit.target}' twice. Say once what becomes of it.")
        if edit.action in ("replace", "remove", "background"):
            gone.add(target)


def _not_understood(clause: str, begun: Collection[Action]) -> InstructionError:
    said = _short(clause)
    if begun:
        examples = " or ".join(example for action, example in EXAMPLES.items() if action in begun)
        return InstructionError(f"cannot understand '{said}'. Say it like {examples}.")
    first = said.partition(" ")[0]
    close = difflib.get_close_matches(first.lower(), _PLAIN_VERBS, n=1, cutoff=0.7)
    if close:
        return InstructionError(f"cannot understand '{first}' in '{said}'. Did you mean '{close[0]}'?")
    return InstructionError(f"cannot understand '{said}'. {_TRY}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59].rstrip() + "…"
