"""Which of the things that a name stands for: what is said before the name and behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipelines.errors import InstructionError
from pipelines.plans import All, Coloured, InHalf, Near, Order, Ranked, Selector, Side, Span
from plugins.instructions import words
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.tokens import Phrase
from plugins.instructions.where import relation_in, side_at, sides_from

# The longest way to name a side: "in the very top left hand corner".
_LONGEST_SIDE = 7


@dataclass
class Signs:
    """What was said around a name, while it is being read."""

    every: Span | None = None
    any: Span | None = None
    colour: Coloured | None = None
    near: Near | None = None
    halves: list[tuple[Side, Span]] = field(default_factory=list)
    order: Order | None = None
    first: int | None = None
    count: int | None = None
    rank_spans: list[Span] = field(default_factory=list)

    def selectors(self, *, plural: bool) -> tuple[Selector, ...]:
        """In the order in which they choose: what a thing is like before where it stands among its like.

        "The dog on the left" is the left-most, "the dogs on the left" are those in that half of the picture.
        """
        if len(self.halves) == 1 and self.order is None and not self.every and (self.first or self.count or not plural):
            self.order, span = self.halves.pop()
            self.rank_spans.append(span)
        if self.any and plural:  # "any dogs" are all of them, "any dog" is one
            self.every = self.any
        elif self.any:
            self.rank(self.any, count=1)
        found: list[Selector | None] = [All(self.every) if self.every else None, self.colour, self.near]
        found += [InHalf(side, span) for side, span in self.halves]
        if self.rank_spans:
            order = self.order or ("left" if self.first else "surest")
            found.append(Ranked(order, self.first or 1, self.count or 1, _hull(self.rank_spans)))
        return tuple(selector for selector in found if selector)

    def rank(
        self, span: Span, *, order: Order | None = None, first: int | None = None, count: int | None = None
    ) -> None:
        """Note a word about order or number."""
        self.order, self.first, self.count = order or self.order, first or self.first, count or self.count
        self.rank_spans.append(span)

    @property
    def said(self) -> bool:
        return bool(self.every or self.any or self.colour or self.near or self.halves or self.rank_spans)


def read_before(phrase: Phrase, signs: Signs) -> int:
    """Take in what stands before a name; the place where the name begins."""
    place, among = phrase.start, False
    while place < phrase.stop:
        low = phrase.low(place)
        step = 0
        if low in words.DETERMINERS - words.QUANTIFIERS or (low == "of" and signs.said):
            among, step = among or low == "of", 1
        elif f"{low} {phrase.low(place + 1)}" in words.COMPOUNDS:
            break
        else:
            step = (
                _quantity(phrase, place, signs, among=among)
                or _corner(phrase, place, signs)
                or _order(phrase, place, signs)
                or _colour(phrase, place, signs)
            )
        if not step:
            break
        place += step
    return place


def read_behind(phrase: Phrase, signs: Signs) -> Phrase:
    """Take in what stands behind a name; what is left of the phrase."""
    rest = without_marks(phrase)
    while (start := _read_side(rest, signs)) is not None:
        rest = without_marks(rest.part(rest.start, start))
    if found := relation_in(rest):
        start, anchor_start, relation = found
        anchor = name_of(rest.part(anchor_start, rest.stop))
        where = rest.part(start, rest.stop)
        if not _is_plain(rest.part(anchor_start, rest.stop), anchor):
            raise undecidable(where)
        signs.near = Near(anchor.text, relation, where.span)
        rest = without_marks(rest.part(rest.start, start))
    return rest


def undecidable(phrase: Phrase) -> InstructionError:
    """The error for words that choose by what boxes and pixels do not tell."""
    return refusal(
        f"cannot tell which is {quoted(phrase.text)}. Choose by side, order, size, colour or what is near: 'the "
        "left-most dog', 'the second dog from the right', 'the largest dog', 'the red car', 'the dog next to the "
        "tree'.",
        phrase.sentence,
        phrase.span,
    )


def name_of(phrase: Phrase) -> Phrase:
    """A phrase without the quotes and determiners around its name."""
    start, stop = phrase.start, phrase.stop
    while start < stop and (phrase.low(start) in words.MARKS or phrase.low(start) in words.DETERMINERS):
        start += 1
    while stop > start and phrase.low(stop - 1) in words.MARKS and not closes_quote(phrase.part(start, stop)):
        stop -= 1
    return phrase.part(start, stop)


def closes_quote(name: Phrase) -> bool:
    """Whether a name ends in a quote that opens within it: 'text "hello"'."""
    opening = {'"': '"', "”": "“"}.get(name.low(name.stop - 1))
    return opening is not None and opening in name.lows[:-1]


def colour_at(phrase: Phrase, place: int) -> int | None:
    """The place behind a single colour such as "dark blue"."""
    if phrase.low(place) in words.SHADES and phrase.low(place + 1) in words.COLOURS:
        return place + 2
    return place + 1 if phrase.low(place) in words.COLOURS else None


def _is_plain(said: Phrase, name: Phrase) -> bool:
    """Whether a thing beside which another is meant is found by its name alone, and has a box."""
    signs = Signs()
    read_before(said, signs)
    return not (
        signs.rank_spans or signs.halves or relation_in(name) or set(name.lows[-1:]) & (words.PRONOUNS | words.DEPTHS)
    )


def _quantity(phrase: Phrase, place: int, signs: Signs, *, among: bool) -> int:
    """How many tokens at a place say how many things are meant."""
    if found := words.ALL.at(phrase, place):
        stop = found[1] + (phrase.low(found[1]) in words.NUMBERS and found[1] + 1 < phrase.stop)
        signs.every = phrase.part(place, stop).span
        return stop - place
    if phrase.low(place) == "any" and phrase.low(place + 1) not in ("of", ""):
        signs.any = phrase.part(place, place + 1).span
        return 1
    start = place + (phrase.low(place) in ("just", "only"))
    count = 1 if phrase.low(start) == "any" else words.NUMBERS.get(phrase.low(start))
    if count is None or start + 1 >= phrase.stop:
        return 0
    if not among:  # "the larger of the two dogs" is one
        signs.rank(phrase.part(place, start + 1).span, count=count)
    return start + 1 - place


def _corner(phrase: Phrase, place: int, signs: Signs) -> int:
    """How many tokens at a place name a corner: "top left" and "top-left" say as much as "in the top left"."""
    sides, stop = sides_from(phrase, place)
    if not sides[1:]:
        return 0
    span = phrase.part(place, stop).span
    signs.halves += [(side, span) for side in sides]
    return stop - place


def _order(phrase: Phrase, place: int, signs: Signs) -> int:
    """How many tokens at a place say which in a row is meant."""
    low, span = phrase.low(place), phrase.part(place, place + 1).span
    if last := words.LAST.at(phrase, place):
        signs.rank(phrase.part(place, last[1]).span, order="right", first=last[0] if last[0] > 1 else None)
        return last[1] - place
    ordinal, _, order = low.partition("-")
    if ordinal in words.ORDINALS and (not order or words.ORDERS.means(order)):
        signs.rank(span, first=words.ORDINALS[ordinal], order=words.ORDERS.means(order))
        return 1
    if (found := words.ORDERS.at(phrase, place)) and signs.order is None:
        signs.rank(phrase.part(place, found[1]).span, order=found[0])
        return found[1] - place
    return 0


def _colour(phrase: Phrase, place: int, signs: Signs) -> int:
    """How many tokens at a place are the one colour of what follows."""
    stop = colour_at(phrase, place)
    if stop is None or stop >= phrase.stop or signs.colour or any(low.endswith("'s") for low in phrase.lows):
        return 0
    follows = phrase.low(stop)
    if (
        follows in words.COLOURS
        or follows in ("and", ",", "&")
        or f"{phrase.low(stop - 1)} {follows}" in words.COMPOUNDS
    ):
        return 0
    said = phrase.part(place, stop)
    signs.colour = Coloured(said.text, said.span)
    return stop - place


def _read_side(phrase: Phrase, signs: Signs) -> int | None:
    """Take in a side at the end of a phrase, such as "second from the right"; the place where it begins."""
    for place in range(max(phrase.start, phrase.stop - _LONGEST_SIDE), phrase.stop):
        found = side_at(phrase, place)
        if found is None or found[2] != phrase.stop:
            continue
        link, sides, _ = found
        span = phrase.part(place, phrase.stop).span
        if link == "from" and sides:
            ordinal = words.ORDINALS.get(phrase.low(place - 1))
            start = place if ordinal is None else place - 1
            signs.rank(phrase.part(start, phrase.stop).span, order=sides[0], first=ordinal)
            return start
        if sides:
            signs.halves += [(side, span) for side in sides]
        else:
            signs.rank(span, order="middle")
        return place
    return None


def without_marks(phrase: Phrase) -> Phrase:
    """A phrase without the marks at its end, but for a quote that opens within it."""
    stop = phrase.stop
    while stop > phrase.start and phrase.low(stop - 1) in words.MARKS and not closes_quote(phrase.part(0, stop)):
        stop -= 1
    return phrase.part(phrase.start, stop)


def _hull(spans: list[Span]) -> Span:
    return min(start for start, _ in spans), max(end for _, end in spans)
