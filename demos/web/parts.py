"""Pieces of the page that several tabs use."""

from __future__ import annotations

from html import escape
from typing import Literal, TypeAlias

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
