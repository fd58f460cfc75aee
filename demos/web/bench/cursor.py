"""Where in a pipeline file a cursor stands, read from a text that may be half written.

A file that is being typed is seldom valid YAML, so what stands before the cursor is followed by its indentation,
brackets and quotes alone: enough for mappings, flow mappings and lists, which is all that a pipeline is made of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["key", "value"]

_KEY = re.compile(r"""(?:"([^"]*)"|'([^']*)'|([A-Za-z_]\w*))[ ]*:(?=\s|$)""")
_OPEN_REFERENCE = re.compile(r"\$\{\s*([\w.]*)$")
_CLOSING = {"block": "", "{": "}", "[": "]"}
_REST_OF_WORD = re.compile(r"[\w./]*")


@dataclass(frozen=True)
class Place:
    """What a completion at the cursor would be part of.

    `path` names the keys around the cursor, with that of the value itself where `role` is "value". `start` to `end` is
    the word that a completion replaces, `word` its part before the cursor. `quote` is the quote that the cursor stands
    in, `opening` where the `${` is that it stands behind, `closing` what would close all brackets and quotes around it.
    `siblings` are the keys before it in the same mapping.
    """

    path: tuple[str, ...]
    role: Role
    start: int
    end: int
    word: str
    quote: str = ""
    opening: int | None = None
    siblings: frozenset[str] = frozenset()
    closing: str = ""


@dataclass
class _Frame:
    """A mapping or list that is open at the cursor; `indent` is -1 for one in brackets."""

    kind: Literal["block", "{", "["]
    indent: int = -1
    key: str | None = None
    keys: set[str] = field(default_factory=set)

    def begin(self, key: str) -> None:
        self.key = key
        self.keys.add(key)


def place_of(text: str, cursor: int) -> Place | None:
    """The place of a cursor, given as an offset into the text; None inside a comment."""
    scanner = _Scanner()
    begin = 0
    for line in text[:cursor].split("\n"):
        scanner.line(line, begin)
        begin += len(line) + 1
    return None if scanner.in_comment else scanner.place(text, cursor)


@dataclass
class _Scanner:
    """Reads line by line; afterwards it is where the last line ended."""

    frames: list[_Frame] = field(default_factory=list)
    role: Role = "key"
    quote: str = ""
    token: int = 0
    in_comment: bool = False

    def line(self, line: str, begin: int) -> None:
        self.in_comment = False
        at = 0
        if not self.quote and not self.in_flow:
            at = self.enter(line)
        self.token = begin + at if not self.quote else self.token
        while at < len(line) and not self.in_comment:
            at = self.character(line, at, begin)

    @property
    def in_flow(self) -> bool:
        return bool(self.frames) and self.frames[-1].kind != "block"

    def enter(self, line: str) -> int:
        """Find the mapping that a line outside of brackets belongs to, by its indentation; where its content starts."""
        indent = len(line) - len(line.lstrip(" "))
        if line[indent:].startswith("#"):
            return indent
        while self.frames and self.frames[-1].indent > indent:
            self.frames.pop()
        if not self.frames or self.frames[-1].indent < indent:
            self.frames.append(_Frame("block", indent))
        self.frames[-1].key = None
        self.role = "key"
        return self.after_key(line, indent)

    def after_key(self, line: str, at: int) -> int:
        match = _KEY.match(line, at)
        if match is None:
            return at
        self.frames[-1].begin(next(name for name in match.groups() if name is not None))
        self.role = "value"
        return match.end()

    def character(self, line: str, at: int, begin: int) -> int:
        letter = line[at]
        if self.quote:
            if letter == self.quote:
                self.quote = ""
        elif letter in "\"'" and not line[:at].rstrip(" ")[-1:].isalnum():
            self.quote, self.token = letter, begin + at + 1
        elif letter == "#" and line[at - 1 : at] in ("", " "):
            self.in_comment = True
        elif letter in "{}[]," and not line[:at].endswith("$"):
            return self.bracket(line, at, begin)
        elif letter == " ":
            self.token = begin + at + 1
        return at + 1

    def bracket(self, line: str, at: int, begin: int) -> int:
        letter = line[at]
        if letter in "{[":
            self.frames.append(_Frame("{" if letter == "{" else "["))
        elif letter in "}]" and self.in_flow:
            self.frames.pop()
        top = self.frames[-1] if self.frames else None
        at += 1
        if top is not None and top.kind == "{" and letter in "{,":
            top.key, self.role = None, "key"
            at += len(line[at:]) - len(line[at:].lstrip(" "))
            at = self.after_key(line, at)
        elif letter in "{[":
            self.role = "value"
        self.token = begin + at
        return at

    def place(self, text: str, cursor: int) -> Place:
        top = self.frames[-1] if self.frames else _Frame("block", 0)
        path = tuple(frame.key for frame in self.frames if frame.key is not None)
        start = min(self.token, cursor)
        reference = _OPEN_REFERENCE.search(text[start:cursor])
        opening = start + reference.start() if reference else None
        start += reference.start(1) if reference else len(text[start:cursor]) - len(text[start:cursor].lstrip())
        rest = _REST_OF_WORD.match(text, cursor)
        return Place(
            path=path,
            role=self.role,
            start=start,
            end=rest.end() if rest else cursor,
            word=text[start:cursor],
            quote=self.quote,
            opening=opening,
            siblings=frozenset(top.keys),
            closing=self.quote + "".join(_CLOSING[frame.kind] for frame in reversed(self.frames)),
        )
