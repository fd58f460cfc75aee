"""Clauses: each a verb, and what goes with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pipelines.errors import InstructionError
from plugins.instructions import words
from plugins.instructions.pointing import quoted, refusal
from plugins.instructions.things import without_picture
from plugins.instructions.tokens import Phrase, Table
from plugins.instructions.which import closes_quote

Kind = Literal[
    "replace", "substitute", "swap", "turn", "make", "paint", "colour", "remove", "take", "add", "put", "give", "let",
    "keep", "want", "cannot",
]  # fmt: skip

TRY: Final = "Try 'replace the dog with a cat' or 'remove the dog'."
_CAN: Final = "Things can be replaced, removed, added, recoloured and kept, and the background changed."
_VERBS: Final[dict[Kind, str]] = {
    "replace": "replace",
    "substitute": "substitute",
    "swap": "swap,swap out,exchange,switch,switch out,trade",
    "turn": "change,turn,transform,convert,morph",
    "make": "make,set",
    "paint": "paint",
    "colour": "colour,color,recolour,recolor,dye,tint",
    "remove": "remove,erase,delete,eliminate,discard,hide,clear,drop,get rid of,take out,take away,take off,cut out,"
    "edit out,wipe,wipe out,wipe away,wipe off,crop out,rub out",
    "take": "take,get,edit,cut,crop,rub",
    "add": "add,insert,draw",
    "put": "put,place",
    "give": "give",
    "let": "let",
    "keep": "keep,keeping,preserve,leave",
    "want": "use,show,i want,i'd like,i would like",
    "cannot": "blur,rotate,flip,mirror,move,shift,resize,scale,enlarge,shrink,zoom,sharpen,enhance,brighten,darken,"
    "lighten,upscale,copy,duplicate,clone,stretch,align,straighten,centre,center,invert,pixelate,animate,describe,"
    "count,find,select,isolate,extract",
}
VERBS: Final[Table[Kind]] = Table(
    {verb: kind for kind, verbs in reversed(_VERBS.items()) for verb in verbs.split(",")},
)
# Of these and an article no name is made: "remove the dog erase the cat" is two edits. "Who" and "to" make one of them.
_UNMISTAKABLE: Final = frozenset[Kind]({"replace", "remove", "add"})
_RELATIVES: Final = frozenset({"to", "who", "that", "which"})
_PLAIN_VERBS: Final = tuple(
    verb for kind, verbs in _VERBS.items() if kind != "cannot" for verb in verbs.split(",") if " " not in verb
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A verb's kind, the words behind it, and the whole with the verb."""

    kind: Kind
    body: Phrase
    whole: Phrase


def read_clauses(sentence: Phrase) -> Iterator[Clause]:
    """The clauses of a sentence without courtesies, joints and final punctuation.

    Raises `InstructionError` at the first word that should be a verb and is none that can be followed.
    """
    start = _skip(sentence, sentence.start)
    if start >= sentence.stop:
        raise refusal(f"cannot understand {quoted(sentence.text)}. {TRY}", sentence.sentence, sentence.span)
    within_quotes = _within_quotes(sentence)
    while start < sentence.stop:
        verb = VERBS.at(sentence, start)
        if verb is None:
            raise _no_verb(sentence.part(start, start + 1))
        kind, body = verb
        if kind == "cannot":
            said = sentence.part(start, body)
            raise refusal(f"cannot {said.text.lower()}. {_CAN}", sentence.sentence, said.span)
        end, following = _next_clause(sentence, body, within_quotes)
        stop = _without_courtesies(sentence.part(body, end))
        yield Clause(kind, sentence.part(body, stop), sentence.part(start, stop))
        start = following


def _within_quotes(sentence: Phrase) -> frozenset[int]:
    """The places between double quotes, where words are meant as words."""
    marks = [place for place in range(sentence.stop) if sentence.low(place) in ('"', "“", "”")]
    return frozenset(
        place for start, stop in zip(marks[::2], marks[1::2], strict=False) for place in range(start, stop)
    )


def _next_clause(sentence: Phrase, place: int, within_quotes: frozenset[int]) -> tuple[int, int]:
    """Where the clause ends that a place lies in, and where the next one begins."""
    while place < sentence.stop:
        begins_line = sentence.tokens[place].begins_line
        if place not in within_quotes and _runs_on(sentence, place):
            return place, place
        if (sentence.low(place) in words.JOINTS or begins_line) and place not in within_quotes:
            behind = _skip(sentence, place)
            if (behind > place or begins_line) and _begins_clause(sentence, behind):
                return place, behind
            place = max(place, behind - 1)
        place += 1
    return sentence.stop, sentence.stop


def _runs_on(sentence: Phrase, place: int) -> bool:
    """Whether a clause begins at a place within another, with nothing that joins them."""
    verb = VERBS.at(sentence, place)
    follows = verb is not None and verb[0] in _UNMISTAKABLE and sentence.low(verb[1]) in words.DETERMINERS
    return follows and sentence.low(place - 1) not in _RELATIVES


def _begins_clause(sentence: Phrase, place: int) -> bool:
    if verb := VERBS.at(sentence, place):
        return sentence.low(verb[1]) not in words.JOINTS | {""}
    # "… and replce the cat": a bare word before "the" is a verb, known or not.
    low, follows = sentence.low(place), sentence.low(place + 1)
    if words.POLITE_END.at(sentence, place):
        return False
    is_name = low in words.DETERMINERS | words.LINKS | words.MARKS or words.PLACES.at(sentence, place) is not None
    is_participle = low.endswith("ing") and len(low) > len("bring")
    is_verb = follows in (words.DEFINITE | {"a", "an"}) - words.QUANTIFIERS and not is_participle
    return is_verb and low.isalpha() and not is_name


def _skip(sentence: Phrase, place: int) -> int:
    """The place behind joints, courtesies and marks."""
    while place < sentence.stop:
        if polite := words.POLITE_START.at(sentence, place):
            place = polite[1]
        elif sentence.low(place) in words.JOINTS or sentence.low(place) in words.MARKS:
            place += 1
        else:
            break
    return place


def _without_courtesies(body: Phrase) -> int:
    """Where a clause ends without what says nothing: marks, joints, thanks, "in the picture"."""
    stop = body.stop
    while stop > body.start:
        polite = words.POLITE_END.before(body, stop)
        if polite is not None:
            stop = polite
        elif closes_quote(body.part(body.start, stop)):
            break
        elif body.low(stop - 1) in words.MARKS | words.JOINTS:
            stop -= 1
        elif (rest := without_picture(body.part(body.start, stop))).stop < stop:
            stop = rest.stop
        else:
            break
    return stop


def _no_verb(word: Phrase) -> InstructionError:
    close = difflib.get_close_matches(word.low(word.start), _PLAIN_VERBS, n=1, cutoff=0.7)
    hint = f"Did you mean '{close[0]}'?" if close else TRY
    return refusal(f"cannot understand {quoted(word.text)}. {hint}", word.sentence, word.span)
