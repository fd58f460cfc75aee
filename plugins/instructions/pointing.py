"""Errors that point at the words: one line of text, then the sentence with carets under what was meant."""

from __future__ import annotations

import unicodedata

from pipelines.errors import InstructionError
from pipelines.plans import Span

# What is shown of a long sentence, in characters around the words.
_AROUND = 50


def refusal(message: str, sentence: str, span: Span) -> InstructionError:
    """An `InstructionError` whose second and third line show the words at `span` in the sentence."""
    return InstructionError(f"{message}\n{_pointed_at(sentence, span)}")


def quoted(text: str) -> str:
    """Words as they stand in a message: in quotes, long ones cut short."""
    text = " ".join(text.split())
    return f"'{text}'" if len(text) <= 60 else f"'{text[:59].rstrip()}…'"


def _pointed_at(sentence: str, span: Span) -> str:
    start, end = span
    end = max(min(end, start + 2 * _AROUND), start + 1)
    first, last = max(0, start - _AROUND), min(len(sentence), end + _AROUND)
    before, words, after = (_plain(sentence[slice(*part)]) for part in ((first, start), (start, end), (end, last)))
    opening, closing = "…" if first else "", "…" if last < len(sentence) else ""
    line = f"  {opening}{before}{words}{after}{closing}"
    return f"{line.rstrip()}\n{' ' * (2 + len(opening) + _columns(before))}{'^' * max(1, _columns(words))}"


def _plain(text: str) -> str:
    """The same number of characters, each of which takes its place on a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _columns(text: str) -> int:
    """How wide a text is on a terminal: wide letters take two columns, combining ones none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )
