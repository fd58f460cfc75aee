"""What can go wrong, as a tree.

SamloomError
├── UserError              the user's mistake: one line, no traceback, exit status 2
│   ├── SpecError          a pipeline that cannot run; holds every mistake in it
│   ├── PortError          a value that does not fit its port
│   ├── ImageError         a picture that cannot be read or is out of bounds
│   ├── ModelError         a checkpoint that is missing or does not fit
│   ├── MemoryShortError   a picture that needs more memory than there is
│   ├── InstructionError   a sentence that asks for nothing that can be done
│   └── OutputError        a place that cannot be written
├── NodeError              a function that cannot be a node: its author's mistake
└── IncompleteRunError     a run that did not reach its end; holds what was finished
    ├── RunError           a node failed while running, exit status 1
    └── Cancelled          the run was stopped on request
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pipelines.trace import Trace


class SamloomError(Exception):
    """Root of everything that Samloom raises on purpose."""


class UserError(SamloomError):
    """The user's mistake; the message says what, where, and what would work."""


Where: TypeAlias = tuple[str | int, ...]
"""The path of a part in a pipeline's document, such as `("nodes", "cut", "boxes")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a pipeline.

    A pipeline that was built from plain Python has the same paths as a file, and no file. Lines and columns count from
    1.
    """

    message: str
    where: Where = ()
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        path = self.where[1:] if self.where[:1] == ("nodes",) and len(self.where) > 1 else self.where
        return ": ".join(part for part in (place, ", ".join(map(str, path)), self.message) if part)


class SpecError(UserError):
    """A pipeline that cannot run; `problems` holds every mistake in it, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class PortError(UserError):
    """A value that does not fit its port."""


class ImageError(UserError):
    """A picture that cannot be read, or is out of bounds."""


class ModelError(UserError):
    """A checkpoint that is missing, unreadable, or of another family."""


class MemoryShortError(UserError):
    """A picture and its models need more memory than there is, and nothing takes less of it."""


class InstructionError(UserError):
    """A sentence that asks for nothing that can be done."""


class OutputError(UserError):
    """A file or folder that cannot be written."""


class NodeError(SamloomError):
    """A function that cannot be a node: the message names the function and the parameter."""


class IncompleteRunError(SamloomError):
    """A run that did not reach its end.

    `finished` holds the outputs by port of every node that did finish, by its name in the trace; `trace` tells how far
    the run came. Both are empty until the runner has filled them in.
    """

    finished: Mapping[str, Mapping[str, Any]] = {}
    trace: Trace | None = None


class RunError(IncompleteRunError):
    """A node failed.

    `node` is the step's name, `inputs` describes what it was given, `cause` is the exception itself.
    """

    def __init__(self, node: str, inputs: Mapping[str, str], cause: BaseException) -> None:
        self.node = node
        self.inputs = dict(inputs)
        self.cause = cause
        given = ", ".join(f"{name}={text}" for name, text in self.inputs.items())
        super().__init__(f"{node}({given}): {type(cause).__name__}: {cause}")


class Cancelled(IncompleteRunError):  # noqa: N818 - stopping on request is no error
    """The run was stopped on request."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'threshold'?"`, or what there is to choose from when nothing comes close; starts with a space."""
    names = sorted(set(known))
    return similar(name, names) or (f" Choose from: {', '.join(names)}." if names else "")


def similar(name: str, known: Iterable[str]) -> str:
    """`" Did you mean 'threshold'?"`, or nothing when nothing comes close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
