"""What the page takes as a file: one that was uploaded to it, nothing else of this machine, and nothing of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

ELSEWHERE = "Nothing is fetched from elsewhere. Give the file itself, not its address."
NOT_UPLOADED = "This file was not uploaded here, or it is gone. Give it again."


class Page(gr.Blocks):
    """All that comes in for a component, from a browser or from a program, comes through here.

    By itself the page's library fetches what is named by an address, and tells nobody why it refuses a file.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **options: Any) -> Any:
        """Raises `gr.Error`, in one line, for files that are not taken."""
        if any("://" in path for path in _paths(inputs)):
            raise gr.Error(ELSEWHERE, print_exception=False)
        try:
            return await super().preprocess_data(block_fn, inputs, *rest, **options)
        except InvalidPathError as error:
            raise gr.Error(NOT_UPLOADED, print_exception=False) from error


def _paths(sent: Any) -> Iterator[str]:
    """The paths of all files in what was sent, however deep: where the library looks for them, too."""
    match sent:
        case {"path": str(path), "meta": _}:
            yield path
        case dict():
            for value in sent.values():
                yield from _paths(value)
        case list() | tuple():
            for value in sent:
                yield from _paths(value)
