"""Port types: what may plug into what.

A plug fits when the base type fits and every needed capability is given. Text, numbers and flags may also stand in a
file as constants; `constant` turns what the file says into the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias

from pipelines.devices import DTYPES, is_device
from pipelines.errors import PortError
from pipelines.values import Detections, EditPlan, Embedding, Image, Mask


class Required(Enum):
    """The default of an input that has none (None is a value)."""

    REQUIRED = "required"


REQUIRED = Required.REQUIRED
Choice: TypeAlias = str | int | bool

_WORDS: Mapping[type, str] = {
    Image: "an image",
    Mask: "a mask",
    Embedding: "an embedding",
    EditPlan: "an edit plan",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    type(None): "nothing",
    dict: "a mapping",
    list: "a list",
    tuple: "a list",
}


@dataclass(frozen=True)
class PortType:
    """What one port carries.

    `has` are the capabilities of detections; `choices` the values of a `Literal`; `items` the members of a tuple, with
    `variadic` for `tuple[T, ...]`; `family` the family of a model. `many` says that the port carries a whole axis: one
    value for each key.
    """

    base: type
    has: frozenset[str] = frozenset()
    choices: tuple[Choice, ...] = ()
    items: tuple[PortType, ...] = ()
    variadic: bool = False
    family: str = ""
    optional: bool = False
    many: bool = False

    @property
    def is_model(self) -> bool:
        return bool(self.family)

    def single(self) -> PortType:
        """The type of one value, where this is the type of a whole axis."""
        return replace(self, many=False) if self.many else self

    @property
    def name(self) -> str:
        """How a file writes this type: `Image`, `Masks`, `Text?`, `Each[Image]`, `fast | slow`."""
        name = self._plain_name() + "?" * self.optional
        return f"Each[{name}]" if self.many else name

    def _plain_name(self) -> str:
        if self.choices:
            return " | ".join(map(_spelled, self.choices))
        if self.is_model:
            return f"Model[{self.family}]"
        if self.base is tuple:
            return f"tuple[{', '.join([item.name for item in self.items] + ['...'] * self.variadic)}]"
        if self.base is Detections:
            return {frozenset(): "Boxes", frozenset({"mask"}): "Masks"}.get(self.has, f"Boxes[{_listed(self.has)}]")
        return "Text" if self.base is str else self.base.__name__

    def __str__(self) -> str:
        """In words, for messages: "an image", "masks", "a number"."""
        words = self._words() + " or nothing" * self.optional
        return f"many of {words}" if self.many else words

    def _words(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(_spelled, self.choices))}"
        if self.is_model:
            return f"a model of the family {self.family}"
        if self.base is tuple:
            return f"a list of {self.items[0]}" if self.variadic else f"[{', '.join(map(str, self.items))}]"
        if self.base is Detections:
            return {frozenset(): "boxes", frozenset({"mask"}): "masks"}.get(self.has, f"boxes with {_listed(self.has)}")
        return _WORDS.get(self.base, self.base.__name__)


@dataclass(frozen=True)
class InputDecl:
    """One input of a node or of a pipeline; `default` is `REQUIRED` where there is none."""

    name: str
    type: PortType
    default: Any = REQUIRED
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    def settled(self) -> InputDecl:
        """The same input, its default turned into a value of its type."""
        return self if self.required else replace(self, default=constant(self.type, self.default))


@dataclass(frozen=True)
class OutputDecl:
    """One output of a node or of a pipeline; `axes` are those that it opens, outermost first, named within its step."""

    name: str
    type: PortType
    axes: tuple[str, ...] = ()


def fits(given: PortType, wanted: PortType) -> bool:
    """Whether every value of the type `given` may go where `wanted` is needed; axes are the graph's concern."""
    if given.optional and not wanted.optional:
        return False
    if wanted.choices:
        return bool(given.choices) and set(given.choices) <= set(wanted.choices)
    if wanted.base is tuple and given.base is tuple:
        return _tuple_fits(given, wanted)
    return _base_fits(given.base, wanted.base) and wanted.has <= given.has and wanted.family == given.family


def check_value(port: PortType, value: Any) -> None:
    """Raise PortError, which says what was needed and what came, unless `value` may cross this port."""
    if port.many:
        if not isinstance(value, Mapping):
            raise PortError(f"needs {port} (a mapping from key to value), but got {described(value)}.")
        for item in value.values():
            check_value(port.single(), item)
    elif not _holds(port, value):
        raise PortError(f"needs {port}, but got {described(value)}.")


def constant(port: PortType, written: Any) -> Any:
    """The value of a constant as a file or a plain-Python caller writes it; raises PortError when it does not fit.

    A whole number serves as a number, text as a path, a list as a tuple, and `name` or `{ref: name, device: cpu}` as a
    model.
    """
    if port.many:
        if not isinstance(written, Mapping):
            raise PortError(f"needs {port} (a mapping from key to value), but got {described(written)}.")
        return {str(key): constant(port.single(), item) for key, item in written.items()}
    value = _converted(port, written)
    check_value(port, value)
    return value


def described(value: Any) -> str:
    """A value in a few words, for messages: `text 'hot'`, `boxes`, `an image`."""
    if isinstance(value, Detections):
        return "boxes without masks" if getattr(value, "mask", None) is None else "masks"
    if isinstance(value, str):
        return f"text {_shortened(value)!r}"
    if isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else f"the number {value}"
    return _WORDS.get(type(value), f"a {type(value).__name__}")


def _base_fits(given: type, wanted: type) -> bool:
    if given is bool or wanted is bool:  # a flag is no number, whatever Python's class tree says
        return given is wanted
    return given is wanted or (wanted is float and given is int) or issubclass(given, wanted)


def _tuple_fits(given: PortType, wanted: PortType) -> bool:
    if wanted.variadic:
        return all(fits(item, wanted.items[0]) for item in given.items)
    if given.variadic or len(given.items) != len(wanted.items):
        return False
    return all(map(fits, given.items, wanted.items))


def _holds(port: PortType, value: Any) -> bool:
    if value is None:
        return port.optional
    if port.choices:
        return any(value == choice and type(value) is type(choice) for choice in port.choices)
    if port.base is tuple:
        return isinstance(value, tuple) and _items_hold(port, value)
    if port.base is Detections:
        return isinstance(value, Detections) and all(_carries(value, name) for name in port.has)
    if port.base in (bool, int, float):
        return _base_fits(type(value), port.base)
    return isinstance(value, port.base)


def _items_hold(port: PortType, value: tuple[Any, ...]) -> bool:
    if port.variadic:
        return all(_holds(port.items[0], item) for item in value)
    return len(value) == len(port.items) and all(map(_holds, port.items, value))


def _carries(detections: Any, name: str) -> bool:
    return getattr(detections, name, None) is not None or name in detections.data


def _converted(port: PortType, written: Any) -> Any:
    if port.is_model:
        return _model(port, written)
    if port.base is float and type(written) is int:
        return float(written)
    if port.base is Path and isinstance(written, str):
        return Path(written).expanduser()
    if port.base is tuple and isinstance(written, (list, tuple)):
        types_ = port.items * len(written) if port.variadic else port.items
        return tuple(map(_converted, types_, written)) if len(types_) == len(written) else tuple(written)
    return written


def _model(port: PortType, written: Any) -> Any:
    if isinstance(written, str):
        return port.base(ref=written)
    if not isinstance(written, Mapping):
        return written
    if unknown := set(written) - {"ref", "device", "dtype"}:
        raise PortError(f"takes ref, device and dtype, not {_listed(unknown)}.")
    if wrong := {name for name, part in written.items() if not isinstance(part, str)}:
        raise PortError(f"needs text as {_listed(wrong)}.")
    if not is_device(device := written.get("device", "cpu")):
        raise PortError(f"names the device '{device}', which there is not: choose cpu, cuda, cuda:1 or mps.")
    if (dtype := written.get("dtype", DTYPES[0])) not in DTYPES:
        raise PortError(f"names the dtype '{dtype}', which there is not: choose {', '.join(DTYPES)}.")
    return port.base(**written)


def _spelled(choice: Choice) -> str:
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _listed(names: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(map(str, names)))


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
