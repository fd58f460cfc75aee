"""The text of a file → plain data, with the place of every part.

YAML 1.2 by ruamel's safe, pure-Python parser, so `no` is text and `1e-3` a number. Only text, numbers, flags, lists and
mappings come out: any other tag is a mistake, never an object. Size, depth and repetition by aliases are capped.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from pipelines.errors import Problem, SpecError, Where

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_VALUES = 20_000  # with aliases written out

_TAG = "tag:yaml.org,2002:"
_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_SCALARS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))


class Unreadable:
    """Stands for a part of the file whose mistake has been reported."""


UNREADABLE = Unreadable()


@dataclass
class Document:
    """A file's data; `marks` gives the (line, column) of every part, from 1, by its path: for a member, of its key."""

    file: str
    data: Any = None
    marks: dict[Where, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def located(self, problem: Problem) -> Problem:
        """The problem with its place in this file: that of the nearest part around it which stands there."""
        where = problem.where
        while where and where not in self.marks:
            where = where[:-1]
        line, column = self.marks.get(where, (1, 1))
        return replace(problem, file=self.file, line=line, column=column)

    def add(self, message: str, where: Where = (), node: Node | None = None) -> None:
        """Note a mistake, at `node` or where its path stands."""
        problem = self.located(Problem(message, where))
        if node is not None:
            line, column = _place(node)
            problem = replace(problem, line=line, column=column)
        self.problems.append(problem)


def read_document(path: Path, shown: str | None = None) -> Document:
    """Read one file; what can be read in spite of a mistake is in the document, with the mistake.

    Mistakes name the file by `shown`, or else by its path. Raises SpecError when nothing can be read at all.
    """
    file = shown or str(path)
    return parse_document(_text(path, file), file)


def parse_document(text: str, file: str) -> Document:
    """The same from text."""
    document = Document(file)
    root = _compose(text, file)
    if root is None:
        raise SpecError([Problem("is empty; a pipeline starts with 'version: 1'.", file=file)])
    document.data = _Reader(document).read(root, ())
    return document


def _text(path: Path, file: str) -> str:
    try:
        if path.is_dir():
            raise SpecError([Problem("is a folder; name the pipeline's file in it.", file=file)])
        content = path.read_bytes()
    except FileNotFoundError:
        raise SpecError([Problem("there is no such file.", file=file)]) from None
    except OSError as error:
        raise SpecError([Problem(f"cannot be read: {error.strerror}.", file=file)]) from error
    if len(content) > MAX_BYTES:
        message = f"has {len(content):,} bytes; a pipeline has at most {MAX_BYTES:,}."
        raise SpecError([Problem(message, file=file)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"is not text in UTF-8 (byte {error.start}); a pipeline is a YAML file."
        raise SpecError([Problem(message, file=file)]) from error


def _compose(text: str, file: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    yaml.composer.warn_double_anchors = False
    try:
        return yaml.compose(text)  # type: ignore[no-any-return]
    except MaxDepthExceededError as error:
        raise _refused(error, file, f"is nested deeper than {MAX_DEPTH} levels.") from error
    except MarkedYAMLError as error:
        raise _refused(error, file, f"is not valid YAML: {error.problem or error.context}.") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = "holds control characters; a pipeline is a text file."
        raise SpecError([Problem(message, file=file, line=line, column=1)]) from error
    except YAMLError as error:
        raise SpecError([Problem(f"is not valid YAML: {error}", file=file)]) from error
    except (ValueError, OverflowError) as error:  # the parser makes a character of any number that an escape gives
        raise SpecError([_beyond_unicode(text, file)]) from error


def _beyond_unicode(text: str, file: str) -> Problem:
    match = _BEYOND_UNICODE.search(text)
    line = text.count("\n", 0, match.start()) + 1 if match else 1
    return Problem("holds an escape '\\U' that stands for no character.", file=file, line=line, column=1)


def _refused(error: MarkedYAMLError, file: str, message: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    return SpecError([Problem(message, file=file, line=line, column=column)])


@dataclass
class _Reader:
    """Walks the composed nodes once, noting places; `seen` counts values, each alias anew."""

    document: Document
    seen: int = 0
    constructor: Any = field(default_factory=lambda: YAML(typ="safe", pure=True).constructor)

    def read(self, node: Node, where: Where) -> Any:
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise self.refused(node, f"holds more than {MAX_VALUES:,} values once its aliases are written out.")
        if len(where) > MAX_DEPTH:  # an alias to a part that it stands in
            raise self.refused(node, f"is nested deeper than {MAX_DEPTH} levels once its aliases are written out.")
        self.document.marks.setdefault(where, _place(node))
        match node:
            case MappingNode(tag=tag) if tag == f"{_TAG}map":
                return dict(self.members(node, where))
            case SequenceNode(tag=tag) if tag == f"{_TAG}seq":
                return [self.read(item, (*where, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self.scalar(node, where)
        return self.foreign(node, where)

    def refused(self, node: Node, message: str) -> SpecError:
        line, column = _place(node)
        return SpecError([Problem(message, file=self.document.file, line=line, column=column)])

    def members(self, node: MappingNode, where: Where) -> Iterator[tuple[str, Any]]:
        places: dict[Hashable, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag != f"{_TAG}str":
                self.document.add("a key must be text: put it in quotes.", where, key_node)
            elif (key := _whole_text(key_node.value)) is None:
                self.document.add("a key holds half of a character: write the character itself.", where, key_node)
            elif key in places:
                self.document.add(f"'{key}' stands here twice: first on line {places[key]}.", (*where, key), key_node)
            else:
                places[key] = _place(key_node)[0]
                self.document.marks[*where, key] = _place(key_node)
                yield key, self.read(value_node, (*where, key))

    def scalar(self, node: ScalarNode, where: Where) -> Any:
        if node.tag == f"{_TAG}timestamp":  # a date is text here, as in YAML 1.2
            return node.value
        if node.tag not in _SCALARS:
            return self.foreign(node, where)
        try:
            value = self.constructor.construct_object(node)
        except (ValueError, LookupError, YAMLError):
            self.document.add(f"{node.value!r} is not what its tag says.", where, node)
            return UNREADABLE
        if isinstance(value, str) and (value := _whole_text(value)) is None:
            self.document.add("holds half of a character: write the character itself.", where, node)
            return UNREADABLE
        return value

    def foreign(self, node: Node, where: Where) -> Unreadable:
        tag = str(node.tag).replace(_TAG, "!!")
        message = f"the tag {tag} is refused: a pipeline holds text, numbers, flags, lists and mappings only."
        self.document.add(message, where, node)
        return UNREADABLE


def _whole_text(text: str) -> str | None:
    """Text with the halves of characters that JSON escapes one by one put together; None for a half alone."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
