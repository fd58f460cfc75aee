"""What a thing can be made: a colour, a material, a pattern, at the end of a clause or named outright."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipelines.plans import Attribute
from plugins.instructions import words
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.tokens import Phrase

# "dark red and light blue" is the longest.
_LONGEST_LOOK = 5
_LOOK_LINKS = frozenset({"in", "to", "into", "of", "from"})


@dataclass(frozen=True, slots=True)
class Look:
    """A thing's new look: of which thing, what, and which attribute it changes."""

    target: Phrase
    value: Phrase
    attribute: Attribute


def look_at_end(body: Phrase) -> Look | None:
    """Read "the car red", "the door in dark blue", "the statue out of marble"."""
    stop, named = _without_colour_noun(body)
    shortest = body.start + 1
    for start in range(max(shortest, stop - _LONGEST_LOOK), stop):
        value = body.part(start, stop)
        attribute = _attribute_of(value)
        if attribute is None or (value.low(start) == "light" and body.low(start - 1) in words.LIGHTS):
            continue
        target_stop = _before_look(body, start, bare=len(value) == 1 and not named)
        if target_stop is None:
            return None
        target = body.part(body.start, target_stop)
        if any(low not in words.DETERMINERS for low in target.lows):
            return Look(target, value, attribute)
    return None


def look_by_name(body: Phrase) -> Look | None:
    """Read "the colour of the car to red", "the car's material to leather"."""
    for place in range(body.start, body.stop):
        attribute = words.ATTRIBUTES.get(body.low(place))
        if attribute is None:
            continue
        start, end = (place + 2, None) if body.low(place + 1) == "of" else (body.start, place)
        to = next((at for at in range(body.stop - 2, place, -1) if body.low(at) in ("to", "into")), None)
        if to is None:
            return None
        target = without_possessive(body.part(start, to if end is None else end))
        value = body.part(to + 1, body.stop)
        if not len(target) or (attribute == "colour" and _attribute_of(value) != "colour"):
            return None
        return Look(target, value, attribute)
    return None


def refuse_sizes(body: Phrase) -> None:
    """Raise `InstructionError` for "the dog twice as big": an edit keeps a thing's size and place."""
    start = body.stop - 1
    if body.low(start) not in words.SIZES or start <= body.start:
        return
    while body.low(start - 1) in words.MEASURES:
        start -= 1
    said = body.part(start, body.stop)
    message = f"cannot make things {said.text}: they keep their size and place. "
    raise refusal(message + "Try 'make the car red' or 'replace the dog with a cat'.", body.sentence, said.span)


def refuse_moves(new: Phrase) -> None:
    """Raise `InstructionError` for "put the dog on a beach": what is in the picture already cannot be moved."""
    if new.low(new.start) in words.DEFINITE:
        raise refusal(
            f"cannot move {quoted(new.text)}: what is added is new, as in 'add a hat to the dog'. To change what lies "
            "behind, say 'change the background to a beach'.",
            new.sentence,
            new.span,
        )


def without_possessive(phrase: Phrase) -> Phrase:
    """Leave "the car" of "the car's"."""
    if not phrase.low(phrase.stop - 1).endswith("'s"):
        return phrase
    last = phrase.tokens[phrase.stop - 1]
    owner = replace(last, low=last.low[:-2], end=last.end - 2)
    return replace(phrase, tokens=(*phrase.tokens[: phrase.stop - 1], owner))


def _without_colour_noun(body: Phrase) -> tuple[int, bool]:
    """Where a look ends, before the "colour" of "a red colour" and "red in colour", and whether that was said."""
    stop = body.stop
    if words.ATTRIBUTES.get(body.low(stop - 1)) != "colour":
        return stop, False
    stop -= 1
    return stop - (body.low(stop - 1) == "in"), True


def _before_look(body: Phrase, start: int, *, bare: bool) -> int | None:
    """Where the target ends before "a bright", "in", "out of"; None for "an orange", which is a fruit."""
    if body.low(start - 1) in ("a", "an"):
        if bare:
            return None
        start -= 1
    if body.low(start - 1) in _LOOK_LINKS:
        start -= 1
        start -= body.low(start - 1) in ("out", "made")
    return start


def _attribute_of(value: Phrase) -> Attribute | None:
    """What a run of words describes, if every one of them describes."""
    *shades, last = [part for low in value.lows for part in _parts(low)] or [""]
    plain = [shade for shade in shades if shade not in words.SHADES]
    heads: dict[Attribute, frozenset[str]] = {
        "colour": words.COLOURS,
        "material": words.MATERIALS,
        "pattern": words.PATTERNS,
    }
    attribute = next((name for name, known in heads.items() if last in known), None)
    if attribute is None or any(part not in words.COLOURS | {"and"} for part in plain) or plain[:1] == ["and"]:
        return None
    return attribute if attribute != "colour" or _is_one_or_two([*plain, last]) else None


def _is_one_or_two(colours: list[str]) -> bool:
    """Whether it is "red", "red white" or "red and white"."""
    return len([colour for colour in colours if colour != "and"]) <= 2 and "and" not in colours[-1:]


def _parts(low: str) -> list[str]:
    """Split words: "black-and-white" is three words, "polka-dot" one."""
    return [low] if low in words.PATTERNS else low.split("-")
