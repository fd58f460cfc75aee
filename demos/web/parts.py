"""Pieces of the page that several tabs use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any, Literal, TypeAlias

import gradio as gr
from gradio.data_classes import ImageData

Mood: TypeAlias = Literal["idle", "busy", "done", "nothing", "error"]


def picture_input(*, label: str = "Picture", elem_id: str | None = None) -> gr.Image:
    """A place to drop a picture; gives the path of the file as it came, unopened: `Studio.read_picture` judges it."""
    part = gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        elem_id=elem_id,
    )
    # Not a subclass: gradio writes a .pyi file beside the source of each.
    part.preprocess = _unopened  # type: ignore[method-assign]
    return part


def _unopened(payload: ImageData | None) -> str | None:
    return None if payload is None else payload.path


def status(mood: Mood, text: str) -> str:
    """The line that says how things stand, read out by screen readers; further lines of `text` keep their columns."""
    headline, _, rest = text.partition("\n")
    detail = f"<pre>{escape(rest)}</pre>" if rest else ""
    role = "alert" if mood == "error" else "status"
    live = "assertive" if mood == "error" else "polite"
    return f'<div class="status {mood}" role="{role}" aria-live="{live}"><p>{escape(headline)}</p>{detail}</div>'


def when_over(event: Any, updates: Mapping[Any, Mapping[str, Any]], *, key: str | None = None) -> None:
    """Set properties of components once an event is over, however it ended; `key` is for an event that has one too.

    While an event is under way the page's library drops whatever would cause it again, and it is under way for a
    moment longer than the last value of its handler is shown: a button that came back with that value could be
    pressed in vain.
    """
    changes = [{"__type__": "update", **properties} for properties in updates.values()]
    event.then(
        None,
        None,
        [*updates],
        js=f"() => {json.dumps(changes)}",
        show_progress="hidden",
        api_visibility="private",
        key=key,
    )
