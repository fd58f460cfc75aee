"""Names in a sentence: lists of them, and which of the things that each stands for are meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pipelines.errors import InstructionError
from pipelines.plans import Coloured, Selector, Span
from plugins.instructions import words
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.tokens import Phrase
from plugins.instructions.where import side_at
from plugins.instructions.which import (
    Signs,
    colour_at,
    name_of,
    read_before,
    read_behind,
    undecidable,
    without_marks,
)

ONLY_CHANGES = "Say only what to change; 'keep the dog' protects a thing."
_HEAD_ENDS = frozenset({"of", "with", "wearing", "holding", "in", "on", "without"})


@dataclass(frozen=True, slots=True)
class Thing:
    """What a name says: the name itself, where it stands, and which of the things it stands for.

    `shadow`: where it is said that the thing's shadow is meant as well.
    """

    name: str
    span: Span
    which: tuple[Selector, ...]
    shadow: Span | None = None


def read_things(phrase: Phrase, before: str | None, *, shadows: bool = False) -> Iterator[Thing]:
    """The members of a list; "the black and white cat" is one. `before` is what "one" stands for, if anything.

    With `shadows`, "its shadow" is no thing of its own but part of the one before.

    Raises `InstructionError` where a member names nothing, or chooses by what cannot be seen.
    """
    _refuse_what_cannot_be_seen(phrase)
    members, cast = _without_shadows(list(_members(phrase))) if shadows else (list(_members(phrase)), {})
    readings = [_read_member(member, _shared(members), alone=len(members) == 1) for member in members]
    for reading, following in reversed(list(pairwise(readings))):
        _borrow(reading, following)
    for number, reading in enumerate(readings):
        thing = _thing(reading, before)
        before = thing.name
        yield replace(thing, shadow=cast.get(number))


def read_list(phrase: Phrase) -> list[Phrase]:
    """The members of a list of new things that each have an article: "a horse, a cow and a pig"; else the phrase."""
    members = list(_members(phrase))
    return members if all(member.low(member.start) in words.ARTICLES for member in members) else [phrase]


def read_new(phrase: Phrase) -> Phrase:
    """The words for a new thing, without determiners and quotes. Raises `InstructionError` where they name nothing."""
    name = name_of(without_picture(phrase))
    if not len(name) or words.PLACES.at(name, name.start):
        raise _unresolved(phrase)
    if said := _pronoun(name):
        raise _unresolved(said)
    refuse_new_sentence(name)
    return name


def refuse_new_sentence(name: Phrase) -> None:
    """Raise `InstructionError` where a name runs on into words without a verb: "a cat. Also the car"."""
    if not words.QUOTES - {"'", "’"} & set(name.lows):
        for place in range(name.start + 1, name.stop - 1):
            if name.low(place) in words.ENDS:
                rest = name.part(place + 1, name.stop)
                message = f"cannot understand {quoted(rest.text)}. Say what to do with it, as in 'remove the dog'."
                raise refusal(message, rest.sentence, rest.span)


def without_picture(phrase: Phrase) -> Phrase:
    """A phrase without "in the picture" at its end."""
    stop = phrase.stop
    while stop > phrase.start and phrase.low(stop - 1) in words.MARKS:
        stop -= 1
    start = words.PICTURE.before(phrase, stop)
    return phrase if start is None or start == phrase.start else phrase.part(phrase.start, start)


@dataclass
class _Reading:
    """A member of a list while it is being read; `noun` is its name, or where it has none another's."""

    phrase: Phrase
    signs: Signs
    noun: Phrase


def _without_shadows(members: list[Phrase]) -> tuple[list[Phrase], dict[int, Span]]:
    """The members without "its shadow" and "with its shadow", and where that was said of which."""
    things: list[Phrase] = []
    cast: dict[int, Span] = {}
    for member in members:
        end = without_marks(member)
        begins = max(end.stop - 2, end.start)
        if end.low(begins) not in words.OWNERS or end.low(end.stop - 1) not in words.SHADOWS:
            things.append(member)
            continue
        said = end.part(begins, end.stop)
        if begins > end.start + 1 and end.low(begins - 1) in ("with", "and"):
            things.append(end.part(end.start, begins - 1))
        elif begins > end.start or not things:
            things.append(member)
            continue
        first = 0 if end.low(begins) == "their" else len(things) - 1
        cast |= dict.fromkeys(range(first, len(things)), said.span)
    return things, cast


def _read_member(phrase: Phrase, shared: Phrase | None, *, alone: bool) -> _Reading:
    if not alone and phrase.low(phrase.start) == "both":  # "both the dog and the cat" are two
        phrase = phrase.part(phrase.start + 1, phrase.stop)
    signs = Signs()
    rest = read_behind(without_picture(phrase), signs)
    if shared and not signs.said:
        read_behind(shared, signs)
    while rest.low(rest.start) in words.QUOTES and len(rest):
        rest = rest.part(rest.start + 1, rest.stop)
    behind = len(signs.halves)
    name = name_of(rest.part(read_before(rest, signs), rest.stop))
    if (signs.order or signs.first or signs.halves[behind:]) and any(low.endswith("'s") for low in name.lows):
        raise undecidable(phrase)  # "the left dog's collar": which of the two words is on the left?
    return _Reading(phrase, signs, name)


def _borrow(reading: _Reading, following: _Reading) -> None:
    """Give a member without a name that of the next one: "the blue and the red balloon", "the first and last dog"."""
    if not len(reading.noun) and reading.signs.said:
        reading.noun = following.noun
    elif following.signs.colour and _is_colour(reading.noun):
        reading.signs.colour = Coloured(reading.noun.text, reading.noun.span)
        reading.noun = following.noun


def _thing(reading: _Reading, before: str | None) -> Thing:
    name = reading.noun
    which = reading.signs.selectors(plural=_is_plural(name))
    if name.lows in ([], ["one"], ["ones"]) and which and before:
        return Thing(before, name.span, which)
    if not len(name) or name.low(name.start) in words.LINKS:
        raise _unresolved(reading.phrase)
    if said := _pronoun(name):
        raise _unresolved(said)
    if name.text.isdigit() and not words.QUOTES & set(reading.phrase.lows):  # "apples 2 and 3"
        raise _unresolved(name)
    if name.low(name.start) in ("only", "just") or reading.phrase.low(reading.phrase.start) == "no":
        said = name.part(name.start, name.start + 1)
        raise refusal(f"cannot follow {quoted(said.text)}. {ONLY_CHANGES}", said.sentence, said.span)
    refuse_new_sentence(name)
    return Thing(name.text, name.span, which)


def _members(phrase: Phrase) -> Iterator[Phrase]:
    start, joints = phrase.start, list(_joints(phrase))
    for joint, behind in joints:
        if joint < start or not _parts(phrase.part(start, joint), phrase.part(behind, phrase.stop), joints):
            continue
        yield phrase.part(start, joint)
        start = behind
    yield phrase.part(start, phrase.stop)


def _joints(phrase: Phrase) -> Iterator[tuple[int, int]]:
    """Where words that join names start and end; a run of them, as in ", and also", is one."""
    place = phrase.start
    while place < phrase.stop:
        behind = place
        while found := words.LIST_JOINTS.at(phrase, behind):
            behind = found[1] + (phrase.low(found[1]) == "also")
        if behind > place:
            yield place, behind
        place = max(behind, place + 1)


def _parts(left: Phrase, right: Phrase, joints: list[tuple[int, int]]) -> bool:
    """Whether what stands between two phrases joins two names, not two adjectives of one."""
    if not len(left) or not len(right):
        return False
    between = left.tokens[left.stop : right.start]
    if any(token.low != "," for token in between):
        return not _is_colour(left) or colour_at(right, right.start) is None
    if right.low(right.start) in words.DETERMINERS or left.low(left.start) not in words.DETERMINERS:
        return side_at(right, right.start) is None
    later = next((behind for joint, behind in joints if joint > right.start and right.low(joint) in ("and", ",")), None)
    return later is not None and right.low(later - 1) == "and" and right.low(later) not in words.DETERMINERS


def _is_colour(phrase: Phrase) -> bool:
    name = name_of(phrase)
    return len(name) > 0 and colour_at(name, name.start) == name.stop


def _is_plural(name: Phrase) -> bool:
    """Whether the word that a name is about looks like several: "dogs", "people", but not "glass" or "bus"."""
    head = next((place for place in range(name.start, name.stop) if name.low(place) in _HEAD_ENDS), name.stop)
    low = name.low(head - 1)
    return low in words.PLURALS or (low.endswith("s") and not low.endswith(("ss", "us", "is", "'s")))


def _refuse_what_cannot_be_seen(phrase: Phrase) -> None:
    for place in range(phrase.start, phrase.stop):
        low = phrase.low(place)
        if low in words.SUPERLATIVES or low in ("between", "other"):
            said = phrase.part(place, phrase.stop if low == "between" else place + 1)
            raise undecidable(said)


def _shared(members: list[Phrase]) -> Phrase | None:
    """The last of several members, if what stands behind it is about all: "the dogs and cats on the left"."""
    *others, last = members
    return last if others and last.low(last.start) not in words.DETERMINERS else None


def _pronoun(name: Phrase) -> Phrase | None:
    """The word of a name that stands for another: "it", "them all", "the red one"."""
    if name.low(name.start) in words.PRONOUNS - {"one", "ones"}:
        return name.part(name.start, name.start + 1)
    return name.part(name.stop - 1, name.stop) if name.low(name.stop - 1) in ("one", "ones") else None


def _unresolved(phrase: Phrase) -> InstructionError:
    message = f"cannot tell what {quoted(phrase.text)} stands for. Name it, as in 'remove the dog'."
    return refusal(message, phrase.sentence, phrase.span)
