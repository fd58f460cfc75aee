"""A form made from a pipeline's inputs: for each a component, and how what it gives is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from demos.web.bench.confined import Rules, led_into, writes_files
from demos.web.parts import picture_input
from demos.web.studio import Studio
from pipelines.errors import PortError, UserError
from pipelines.graph import Graph
from pipelines.ports import InputDecl, constant
from pipelines.values import Image

_RANGE = re.compile(r"from (-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)\b")
_STEPS = 100
_MOST_PICTURES = 50
SERVERS_OWN = "the server's"


@dataclass(frozen=True)
class Field:
    """One input in the form; `writes` says that its path names a file that the pipeline makes."""

    declared: InputDecl
    writes: bool = False

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def key(self) -> str:
        """What fields of two forms have in common where the one takes what the other holds."""
        return f"{self.name}: {self.declared.type.name} as {self.kind}"

    @property
    def kind(self) -> str:
        """What kind of component holds such a value; empty for what only steps can make: masks, boxes, plans."""
        port = self.declared.type
        if port.many:
            return "pictures" if port.base is Image else ""
        if port.is_model or port.choices:
            return "model" if port.is_model else "choice"
        if port.base is Path:
            return "text" if self.writes else "file"
        return _KINDS.get(port.base, "")

    @property
    def default(self) -> Any:
        return None if self.declared.required else self.declared.default

    @property
    def label(self) -> str:
        return f"{self.name} (optional)" if self.declared.type.optional else self.name

    @property
    def texts(self) -> dict[str, Any]:
        """What the components of all kinds are told; the page takes those of a form that comes later for read-only."""
        return {"label": self.label, "info": self.declared.doc or None, "key": self.key, "interactive": True}

    def component(self, presets: Sequence[str]) -> Component:
        """An empty field, or one with the default."""
        return _MAKERS[self.kind](self, presets)

    def read(self, raw: Any, studio: Studio, folder: Path, rules: Rules) -> Any:
        """The value that a field holds. Raises `UserError`, in which the input is named."""
        port = self.declared.type
        if raw in (None, "", []) and (port.optional or not self.declared.required) and port.base is not str:
            return led_into(folder, self.declared.default)
        if raw in (None, []):
            raise UserError(f"'{self.name}' is missing. {self.declared.doc}".strip())
        if port.base is Image:
            return _pictures(raw, studio) if port.many else studio.read_picture(raw)
        if port.base is Path and not self.writes:
            return studio.given_file(raw)
        return self.constant(raw, folder, rules)

    def constant(self, raw: Any, folder: Path, rules: Rules) -> Any:
        port = self.declared.type
        if port.is_model and raw == SERVERS_OWN:
            return self.declared.default
        if port.base is int and isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        try:
            value = constant(port, raw)
        except PortError as error:
            raise PortError(f"'{self.name}' {error}") from error
        if reason := rules.reason(value):
            raise UserError(f"'{self.name}': {reason}")
        return led_into(folder, value)


def fields_of(graph: Graph) -> list[Field]:
    """The fields of a graph's form; what only steps can make is left out where it has a default.

    Raises `UserError` for an input without a default that no form can hold.
    """
    fields = [Field(declared, writes_files(graph, name)) for name, declared in graph.inputs.items()]
    if missing := [field for field in fields if field.declared.required and not field.kind]:
        names = ", ".join(f"'{field.name}' ({field.declared.type})" for field in missing)
        raise UserError(f"No form can hold {names}: let a step make it, or give it a default.")
    return [field for field in fields if field.kind]


def values_of(
    fields: Sequence[Field], filled: Mapping[str, Any], studio: Studio, folder: Path, rules: Rules
) -> dict[str, Any]:
    """What a form holds, by the keys of its fields, as the inputs of a run.

    The form may be that of an earlier text: what was given for another type, or for a file that was to be written,
    counts as not given. Raises `UserError` for the first value that does not fit.
    """
    return {field.name: field.read(filled.get(field.key), studio, folder, rules) for field in fields}


def _picture(field: Field, _: Sequence[str]) -> Component:
    return picture_input(label=" – ".join(filter(None, (field.label, field.declared.doc))))


def _many_pictures(field: Field, _: Sequence[str]) -> Component:
    return gr.File(label=field.label, file_count="multiple", file_types=["image"], type="filepath", interactive=True)


def _file(field: Field, _: Sequence[str]) -> Component:
    label = " – ".join(filter(None, (field.label, field.declared.doc)))
    return gr.File(label=label, type="filepath", height=120, interactive=True)


def _model(field: Field, presets: Sequence[str]) -> Component:
    offered = [*presets] if field.declared.required else [SERVERS_OWN, *presets]
    return gr.Dropdown(offered, value=getattr(field.default, "ref", None) or offered[0], **field.texts)


def _choice(field: Field, _: Sequence[str]) -> Component:
    return gr.Dropdown([*field.declared.type.choices], value=field.default, **field.texts)


def _flag(field: Field, _: Sequence[str]) -> Component:
    return gr.Checkbox(value=bool(field.default), **field.texts)


def _text(field: Field, _: Sequence[str]) -> Component:
    value = None if field.default is None else str(field.default)
    return gr.Textbox(value=value, lines=1, max_lines=6, **field.texts)


def _number(field: Field, _: Sequence[str]) -> Component:
    """A slider where the input's description says its range, as "from 0 to 1"."""
    whole = field.declared.type.base is int
    if (found := _RANGE.search(field.declared.doc)) is None or field.default is None:
        return gr.Number(value=field.default, precision=0 if whole else None, **field.texts)
    least, most = map(float, found.groups())
    step = 1 if whole else (most - least) / _STEPS
    return gr.Slider(least, most, value=field.default, step=step, **field.texts)


_KINDS: Mapping[type, str] = {Image: "picture", str: "text", int: "number", float: "number", bool: "flag"}
_MAKERS: Mapping[str, Callable[[Field, Sequence[str]], Component]] = {
    "picture": _picture,
    "pictures": _many_pictures,
    "file": _file,
    "model": _model,
    "choice": _choice,
    "flag": _flag,
    "text": _text,
    "number": _number,
}


def _pictures(raw: Any, studio: Studio) -> dict[str, Image]:
    if len(raw) > _MOST_PICTURES:
        raise UserError(f"{len(raw)} pictures are more than the {_MOST_PICTURES} that can be taken at once.")
    return {str(number): studio.read_picture(path) for number, path in enumerate(raw)}
