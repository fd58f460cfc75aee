"""The editor of pipeline files: a plain text area that is painted, completed, and marked where there are mistakes.

The browser's part is `static/editor`. Its value is the text that is seen, at every key; when the typing pauses it asks
for a check (the event `edit`). It asks for completions at the cursor, shows the `problems` that it is given, and tells
when `signature` has changed (`apply`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import gradio as gr

from demos.web.bench.checked import NAME
from demos.web.bench.completion import Completer
from pipelines.errors import Problem
from pipelines.spec.document import MAX_BYTES

_TEMPLATE = """
<div class="frame">
  <div class="field">
    <pre class="gutter" aria-hidden="true"></pre>
    <div class="sheet">
      <pre class="painted" aria-hidden="true"></pre>
      <textarea spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off" aria-label="Pipeline file"
        aria-autocomplete="list" aria-controls="bench-suggestions" aria-describedby="bench-keys"></textarea>
    </div>
  </div>
  <ul class="suggestions" id="bench-suggestions" role="listbox" aria-label="Suggestions" hidden></ul>
</div>
<div class="foot">
  <p class="keys" id="bench-keys"><kbd>Ctrl</kbd> <kbd>Space</kbd> suggests</p>
  <label class="open" tabindex="0" role="button">Open a file
    <input type="file" accept=".yaml,.yml" tabindex="-1"></label>
  <button class="save" type="button">Save the file</button>
</div>
<ol class="problems" aria-live="polite" aria-label="Mistakes"></ol>
"""
_SCRIPT = """
import("/samloom/editor/mount.js").then(({ mount }) =>
  mount(element, { props, server, watch, trigger }));
"""
_MOST_PROBLEMS = 50


def pipeline_editor(text: str, *, complete: Callable[[list[Any]], dict[str, Any]], elem_id: str) -> gr.HTML:
    """A text with numbers and colours; `problems` is what is wrong with it, `signature` what its form depends on."""
    # Not a subclass: gradio writes a .pyi file beside the source of each.
    return gr.HTML(
        text,
        html_template=_TEMPLATE,
        js_on_load=_SCRIPT,
        apply_default_css=False,
        server_functions=[complete],
        elem_id=elem_id,
        elem_classes=["bench", "editor"],
        problems=[],
        signature="",
    )


def completions(completer: Completer) -> Callable[[list[Any]], dict[str, Any]]:
    """What the browser calls with a text and a cursor; of a text that is too long for a pipeline it gets nothing."""

    def complete(asked: list[Any]) -> dict[str, Any]:
        match asked:
            case [str(text), int(cursor)] if len(text) <= MAX_BYTES and len(text.encode()) <= MAX_BYTES:
                return asdict(completer.complete(text, min(max(cursor, 0), len(text))))
        return {"start": 0, "end": 0, "items": []}

    return complete


def marks(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as the editor shows them: place, path and message; those of another file stand at the first line."""
    return [
        {**_place(found), "path": _path(found), "message": found.message}
        for found, _ in zip(problems, range(_MOST_PROBLEMS), strict=False)
    ]


def _place(problem: Problem) -> dict[str, int]:
    line, column = (problem.line, problem.column) if _is_own(problem) else (None, None)
    return {"line": line or 1, "column": column or 1}


def _path(problem: Problem) -> str:
    where = problem.where[1:] if problem.where[:1] == ("nodes",) and len(problem.where) > 1 else problem.where
    file = [] if _is_own(problem) else [f"{problem.file}, line {problem.line or 1}"]
    return " › ".join([*file, *map(str, where)])


def _is_own(problem: Problem) -> bool:
    return problem.file in (None, NAME)
