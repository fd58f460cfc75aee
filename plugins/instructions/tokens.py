"""A sentence as words that know where they stand, and tables of phrases to look for among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipelines.plans import Span

V = TypeVar("V")

# "T-shirt", "man's" and "jack-o'-lantern" are one word each; everything else that is no space stands alone.
_WORD = re.compile(r"\w+(?:(?:['’]-?|-)\w+)*|\S")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark: in lower case with straight apostrophes, and where it stands."""

    low: str
    start: int
    end: int
    begins_line: bool


@dataclass(frozen=True, slots=True)
class Phrase:
    """The tokens `[start, stop)` of a sentence; positions are those of the whole sentence's tokens."""

    sentence: str
    tokens: tuple[Token, ...]
    start: int
    stop: int

    def __len__(self) -> int:
        return max(0, self.stop - self.start)

    def low(self, place: int) -> str:
        """The word at a place in lower case; empty outside of the phrase."""
        return self.tokens[place].low if self.start <= place < self.stop else ""

    @property
    def lows(self) -> list[str]:
        return [token.low for token in self.tokens[self.start : self.stop]]

    def part(self, start: int, stop: int) -> Phrase:
        """Some of its tokens, by their places in the sentence."""
        return Phrase(self.sentence, self.tokens, max(start, self.start), min(stop, self.stop))

    @property
    def span(self) -> Span:
        """Characters from the first to the last token; of nothing, the place where it would stand."""
        if not len(self):
            at = self.tokens[self.start].start if self.start < len(self.tokens) else len(self.sentence)
            return at, at
        return self.tokens[self.start].start, self.tokens[self.stop - 1].end

    @property
    def text(self) -> str:
        """The user's own words, with single spaces."""
        return " ".join(self.sentence[slice(*self.span)].split())


class Table(Generic[V]):
    """Phrases and what each means: of several that fit at a place, the longest does."""

    def __init__(self, meanings: Mapping[str, V]) -> None:
        self._by_first: dict[str, list[tuple[list[str], V]]] = {}
        for text in sorted(meanings, key=len, reverse=True):
            words = text.split()
            self._by_first.setdefault(words[0], []).append((words, meanings[text]))

    @classmethod
    def of(cls, phrases: Iterable[str]) -> Table[str]:
        """A table in which each phrase means itself."""
        return Table({phrase: phrase for phrase in phrases})

    def at(self, phrase: Phrase, place: int) -> tuple[V, int] | None:
        """The meaning of the words that start at a place, and the place behind them."""
        for words, meaning in self._by_first.get(phrase.low(place), ()):
            end = place + len(words)
            if end <= phrase.stop and all(phrase.low(place + step) == word for step, word in enumerate(words)):
                return meaning, end
        return None

    def means(self, text: str) -> V | None:
        """The meaning of a text that is one of the phrases."""
        words = text.split()
        return next(
            (meaning for known, meaning in self._by_first.get(words[0] if words else "", ()) if known == words), None
        )

    def before(self, phrase: Phrase, stop: int) -> int | None:
        """Where words of the table start that end at a place."""
        longest = max((len(words) for rows in self._by_first.values() for words, _ in rows), default=0)
        for start in range(max(phrase.start, stop - longest), stop):
            if (found := self.at(phrase.part(phrase.start, stop), start)) and found[1] == stop:
                return start
        return None


def read_tokens(sentence: str) -> Phrase:
    """The whole sentence as a phrase."""
    tokens, last = [], 0
    for match in _WORD.finditer(sentence):
        low = match.group().lower().replace("’", "'")
        tokens.append(Token(low, match.start(), match.end(), "\n" in sentence[last : match.start()]))
        last = match.end()
    return Phrase(sentence, tuple(tokens), 0, len(tokens))
