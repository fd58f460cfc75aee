"""The elements of a long JSON list, one at a time: of the file, only a piece is in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from pipelines.errors import UserError

_PIECE = 1 << 20
_AFTER = tuple(",] \t\r\n")


def elements(path: Path) -> Iterator[Any]:
    """The elements of the list that a JSON file holds; of the file, only a piece is in memory."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield from _elements(_Reader(file), path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}.") from error


def _elements(reader: _Reader, path: Path) -> Iterator[Any]:
    if not reader.takes("["):
        reader.element()
        raise UserError(f"{path} holds no results: expected a list of detections, as COCO's results files are.")
    ended = reader.takes("]")
    while not ended:
        yield reader.element()
        if not reader.takes(","):
            reader.expect("]")
            ended = True
    reader.expect("")


class _Reader:
    """JSON values from a file, one at a time."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._text, self._place, self._before = file, "", 0, 0
        self._decode = json.JSONDecoder().raw_decode

    def takes(self, sign: str) -> bool:
        """Whether the next character that is no blank is this one; it is then taken."""
        found = self._next() == sign
        self._place += found
        return found

    def expect(self, sign: str) -> None:
        """Take this character, or see that the file ends. Raises ValueError."""
        found = self._next()
        if found != sign:
            place = self._before + self._place + 1
            raise ValueError(f"expected {repr(sign) if sign else 'the end'}, found {found!r} at character {place}")
        self._place += len(sign)

    def element(self) -> Any:
        """The next value; more is read, ever more at once, until it is complete. Raises ValueError."""
        self._next()
        while True:
            try:
                element, end = self._decode(self._text, self._place)
            except json.JSONDecodeError as error:
                place = self._before + error.pos + 1
                if not self._read():
                    raise ValueError(f"{error.msg} at character {place}") from error
                continue
            # A number may go on in what has not been read yet: 4.5e and 2.
            if self._text[end : end + 1] in _AFTER or not self._read():
                self._place = end
                return element

    def _next(self) -> str:
        """The next character that is no blank, not taken; empty at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place].isspace():
                self._place += 1
            if self._place < len(self._text) or not self._read():
                return self._text[self._place : self._place + 1]

    def _read(self) -> bool:
        rest = self._text[self._place :]
        more = self._file.read(max(_PIECE, len(rest)))
        self._before += self._place
        self._text, self._place = rest + more, 0
        return bool(more)
