"""Words for a place: a side of the picture, or where a thing stands as seen from another."""

from __future__ import annotations

from pipelines.plans import Relation, Side
from plugins.instructions import words
from plugins.instructions.tokens import Phrase

_SIDE_LINKS = frozenset({"on", "at", "to", "in", "from"})
_SIDE_NOUNS = frozenset({"side", "corner", "edge", "end", "half", "part"})
_INTENSIFIERS = frozenset({"the", "very", "far"})


def side_at(phrase: Phrase, place: int) -> tuple[str, tuple[Side, ...], int] | None:
    """Read "on the left side": its link, its sides (none is the middle) and the place behind it."""
    link = phrase.low(place)
    if link not in _SIDE_LINKS:
        return None
    place += 1
    while phrase.low(place) in _INTENSIFIERS:
        place += 1
    sides: tuple[Side, ...]
    if phrase.low(place) in words.MIDDLES:
        sides, place = (), place + 1
    else:
        sides, place = sides_from(phrase, place)
        if not sides:
            return None
    return link, sides, place + (phrase.low(place) in _SIDE_NOUNS)


def sides_from(phrase: Phrase, place: int) -> tuple[tuple[Side, ...], int]:
    """Read the words for sides at a place, such as "top left": at most two sides, and the place behind the words."""
    sides: list[Side] = []
    while parts := _sides_of(phrase.low(place)):
        sides += parts
        place += 1
    return tuple(sides[:2]), place + (phrase.low(place) == "hand")


def relation_in(phrase: Phrase) -> tuple[int, int, Relation] | None:
    """The first words that say where a thing stands: where they and the other thing begin, and the relation."""
    begin = phrase.start
    while phrase.low(begin) in words.DETERMINERS:
        begin += 1
    for place in range(begin + 1, phrase.stop - 1):
        if (found := words.RELATIONS.at(phrase, place)) and found[1] < phrase.stop:
            return place, found[1], found[0]
        if phrase.low(place) in words.DEFINITE_RELATIONS and phrase.low(place + 1) in words.DEFINITE:
            return place, place + 1, "near"
    return None


def _sides_of(low: str) -> list[Side]:
    """The sides that a word names: "top-left" is two."""
    if low in words.SIDES:
        return [words.SIDES[low]]
    parts = low.split("-")
    return [words.SIDES[part] for part in parts] if all(part in words.SIDES for part in parts) else []
