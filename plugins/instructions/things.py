"""Names in a sentence: lists of them, and which of the things that each stands for are meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.errors import InstructionError
from pipelines.plans import Selector, Span
from plugins.instructions import words
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.tokens import Phrase
from plugins.instructions.where import side_at
from plugins.instructions.which import Signs, colour_at, name_of, read_before, read_behind, undecidable

_HEAD_ENDS = frozenset({"of", "with", "wearing", "holding", "in", "on", "without"})


@dataclass(frozen=True, slots=True)
class Thing:
    """What a name says: the name itself, where it stands, and which of the things it stands for."""

    name: str
    span: Span
    which: tuple[Selector, ...]


def read_things(phrase: Phrase, before: str | None) -> Iterator[Thing]:
    """The members of a list; "the black and white cat" is one. `before` is what "one" stands for, if anything.

    Raises `InstructionError` where a member names nothing, or chooses by what cannot be seen.
    """
    _refuse_what_cannot_be_seen(phrase)
    members = list(_members(phrase))
    shared = _shared(members)
    for member in members:
        if len(members) > 1 and member.low(member.start) == "both":
            member = member.part(member.start + 1, member.stop)  # noqa: PLW2901 - "both the dog and the cat" are two
        thing = _read_thing(member, shared, before)
        before = thing.name
        yield thing


def read_new(phrase: Phrase) -> Phrase:
    """The words for a new thing, without determiners and quotes. Raises `InstructionError` where they name nothing."""
    name = name_of(without_picture(phrase))
    if not len(name) or words.PLACES.at(name, name.start):
        raise _unresolved(phrase)
    if said := _pronoun(name):
        raise _unresolved(said)
    return name


def without_picture(phrase: Phrase) -> Phrase:
    """A phrase without "in the picture" at its end."""
    stop = phrase.stop
    while stop > phrase.start and phrase.low(stop - 1) in words.MARKS:
        stop -= 1
    start = words.PICTURE.before(phrase, stop)
    return phrase if start is None or start == phrase.start else phrase.part(phrase.start, start)


def _read_thing(phrase: Phrase, shared: Phrase | None, before: str | None) -> Thing:
    signs = Signs()
    rest = read_behind(without_picture(phrase), signs)
    if shared and not signs.said:
        read_behind(shared, signs)
    while rest.low(rest.start) in words.QUOTES and len(rest):
        rest = rest.part(rest.start + 1, rest.stop)
    name = name_of(rest.part(read_before(rest, signs), rest.stop))
    which = signs.selectors(plural=_is_plural(name))
    stands_for_another = name.lows in ([], ["one"], ["ones"])
    if stands_for_another and which and before:
        return Thing(before, name.span, which)
    if not len(name):
        raise _unresolved(phrase)
    if said := _pronoun(name):
        raise _unresolved(said)
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
        if low in words.SUPERLATIVES or low == "between":
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
