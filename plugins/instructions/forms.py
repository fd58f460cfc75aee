"""The forms of a clause: which words behind a verb are the target, which the new thing, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pipelines.plans import Action, Attribute, Position
from plugins.instructions import words
from plugins.instructions.clauses import Kind
from plugins.instructions.looks import look_at_end, look_by_name, refuse_moves, refuse_sizes
from plugins.instructions.tokens import Phrase
from plugins.instructions.where import side_at
from plugins.instructions.which import Signs, read_before


@dataclass(frozen=True, slots=True)
class Draft:
    """A clause taken apart; names are still to be read. `target` is None for what goes anywhere."""

    action: Action
    target: Phrase | None
    new: Phrase | None = None
    position: Position | None = None
    place: Phrase | None = None
    attribute: Attribute | None = None


Form: TypeAlias = Callable[[Phrase], Draft | None]


def exchange(*links: str) -> Form:
    """Read "X with a Y". The new thing tends to be "a …", what is in the picture already "the …".

    "The girl with the red hat with a boy" therefore parts before "a boy", and before "the boy" where all are "the".
    """

    def form(body: Phrase) -> Draft | None:
        places = [place for place in range(body.start + 1, body.stop - 1) if _links(body, place, links)]
        fresh = [place for place in places if body.low(place + 1) not in words.DEFINITE]
        if not places:
            return None
        place = fresh[0] if fresh else places[-1]
        target, new = _without_out(body.part(body.start, place)), body.part(place + 1, body.stop)
        return Draft("remove", target) if new.lows == ["nothing"] else Draft("replace", target, new)

    return form


def for_another(body: Phrase) -> Draft | None:
    """Read "a Y for the X"."""
    place = _find(body, "for")
    return Draft("replace", body.part(place + 1, body.stop), body.part(body.start, place)) if place else None


def instead(body: Phrase) -> Draft | None:
    """Read "a Y instead of the X"."""
    for place in range(body.start + 1, body.stop):
        if (found := words.INSTEAD.at(body, place)) and found[1] < body.stop:
            return Draft("replace", body.part(found[1], body.stop), body.part(body.start, place))
    return None


def look(body: Phrase) -> Draft | None:
    """Read "the X red", "the colour of the X to red"."""
    found = look_by_name(body) or look_at_end(body)
    return Draft("recolour", found.target, found.value, attribute=found.attribute) if found else None


def size(body: Phrase) -> Draft | None:
    """Raises `InstructionError` for "the X smaller"."""
    refuse_sizes(body)
    return None


def vanish(body: Phrase) -> Draft | None:
    """Read "the X disappear"."""
    for ending in (["disappear"], ["vanish"], ["go", "away"], ["invisible"]):
        if body.lows[-len(ending) :] == ending and len(body) > len(ending):
            return Draft("remove", body.part(body.start, body.stop - len(ending)))
    return None


def remove(body: Phrase) -> Draft | None:
    """Read "the X", "the X away"."""
    target = _without_out(body)
    return Draft("remove", target) if len(target) else None


def take_out(body: Phrase) -> Draft | None:
    """Read "the X out"."""
    return Draft("remove", _without_out(body)) if _without_out(body).stop < body.stop else None


def wear(body: Phrase) -> Draft | None:
    """Read "the X wear a Y"."""
    place = _find(body, "wear")
    return Draft("add", body.part(body.start, place), body.part(place + 1, body.stop), "on") if place else None


def give(body: Phrase) -> Draft | None:
    """Read "the X a Y" or "a Y to the X"."""
    if body.low(body.start) in words.ARTICLES and (to := _find(body, "to")):
        return Draft("add", body.part(to + 1, body.stop), body.part(body.start, to), "on", body.part(to, to + 1))
    place = _new_article(body)
    return Draft("add", body.part(body.start, place), body.part(place, body.stop), "on") if place else None


def become(body: Phrase) -> Draft | None:
    """Read "the X a Y", X being one word: "the dog hold a balloon" is something else."""
    place = _new_article(body)
    if not place:
        return None
    target = body.part(body.start, place)
    begin = read_before(target, Signs())
    if target.stop - begin > 1 and " ".join(target.lows[begin - target.start :]) not in words.BACKGROUNDS:
        return None
    return Draft("replace", target, body.part(place, body.stop))


def add(body: Phrase) -> Draft | None:
    """Read "a Y on the X", "a Y in the top left corner", "a Y"."""
    places = list(_places(body))
    definite = [found for found in places if body.low(found[1]) in words.DEFINITE]
    if places:
        start, stop, position = (definite or places)[0]
        new, place = body.part(body.start, start), body.part(start, stop)
        return Draft("add", body.part(stop, body.stop), new, position, place)
    for start in range(body.start + 1, body.stop):
        if (found := side_at(body, start)) and found[2] == body.stop:
            return Draft("add", None, body.part(body.start, start), _in_picture(found[1]), body.part(start, body.stop))
    return Draft("add", None, body) if len(body) else None


def put(body: Phrase) -> Draft | None:
    """As `add`, but "put the X on a Y" moves what is there already, which raises `InstructionError`."""
    draft = add(body)
    if draft and draft.new and draft.target:
        refuse_moves(draft.new)
    return draft if draft and draft.place else None


def paint(body: Phrase) -> Draft | None:
    """As `add`, for "paint a Y on the X" only."""
    return add(body) if body.low(body.start) not in words.DEFINITE and next(_places(body), None) else None


def keep(body: Phrase) -> Draft | None:
    """Read "the X", "the X as it is"."""
    for ending in (["as", "it", "is"], ["as", "they", "are"], ["as", "is"], ["alone"], ["unchanged"], ["untouched"]):
        if body.lows[-len(ending) :] == ending:
            body = body.part(body.start, body.stop - len(ending))
    return Draft("keep", body) if len(body) else None


FORMS: dict[Kind, tuple[Form, ...]] = {
    "replace": (exchange("with", "by"),),
    "substitute": (instead, exchange("with", "by"), for_another),
    "swap": (exchange("for", "with", "by", "to"),),
    "turn": (size, look, exchange("into", "to", "for")),
    "make": (size, vanish, wear, look, exchange("into", "to"), become),
    "paint": (look, instead, paint),
    "colour": (look,),
    "remove": (remove,),
    "take": (take_out,),
    "add": (instead, add),
    "put": (instead, put),
    "give": (give,),
    "let": (wear,),
    "keep": (keep,),
    "want": (instead,),
}


def draft_of(kind: Kind, body: Phrase) -> Draft | None:
    """The first form that the words behind a verb of this kind have."""
    drafts = (form(body) for form in FORMS[kind])
    return next((draft for draft in drafts if draft), None)


def _links(body: Phrase, place: int, links: tuple[str, ...]) -> bool:
    """Whether a word parts the old from the new; "to the left" and "next to" say where."""
    if body.low(place) not in links or body.low(place - 1) in words.LINKS | {"next", "close", "together", "along"}:
        return False
    return side_at(body, place) is None


def _places(body: Phrase) -> Iterator[tuple[int, int, Position]]:
    """Words that say where something new goes, seen from a thing; a side of the picture is none."""
    place = body.start + 1
    while place < body.stop:
        found = words.PLACES.at(body, place)
        if found and found[1] < body.stop and body.low(place - 1) not in words.LINKS:
            side = side_at(body, place)
            if not (side and side[2] == body.stop):
                yield place, found[1], found[0]
            place = found[1]
        else:
            place += 1


def _in_picture(sides: tuple[str, ...]) -> Position:
    if not sides:
        return "centre"
    if len(sides) == 2:
        return words.CORNERS.get((sides[0], sides[1])) or words.CORNERS[sides[1], sides[0]]
    return words.PICTURE_SIDES[sides[0]]


def _find(body: Phrase, word: str) -> int | None:
    """Where a word stands between others."""
    return next((place for place in range(body.start + 1, body.stop - 1) if body.low(place) == word), None)


def _new_article(body: Phrase) -> int | None:
    """Where "a Y" begins behind a name that does not end in a link such as "with"."""
    for place in range(body.start + 1, body.stop - 1):
        if body.low(place) in words.ARTICLES and body.low(place - 1) not in words.LINKS:
            return place
    return None


def _without_out(body: Phrase) -> Phrase:
    return body.part(body.start, body.stop - (body.low(body.stop - 1) in ("out", "away", "off")))
