"""Pipelines: write one or take a ready-made one, see it drawn, fill in its form, run it, see where the time went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import gradio as gr

from demos.web.bench.checked import Checked, Checker
from demos.web.bench.completion import Completer, ready_made_names
from demos.web.bench.confined import Rules
from demos.web.bench.desk import Shown, folder_of, perform
from demos.web.bench.drawing import draw, legend
from demos.web.bench.editor import completions, marks, pipeline_editor
from demos.web.bench.forms import Field, fields_of, values_of
from demos.web.bench.markup import tag, words
from demos.web.parts import status, when_over
from demos.web.studio import Studio
from demos.web.words import counted, told
from pipelines.errors import SamloomError, UserError
from pipelines.graph import Graph
from pipelines.spec.loader import ready_made

FIRST = "segment"
_EMPTY = "Write a pipeline, or start from a ready-made one. It is drawn here."
_NO_RESULTS = "What comes of the run is shown here."
_READY = "Fill in the form and press Run."
_STALE = "This is the last version without mistakes."
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_AT_ONCE: dict[str, Any] = {**_QUIET, "queue": False}

Updates: TypeAlias = dict[Any, Any]


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    tab = _Tab(studio)
    tab.lay_out()
    tab.connect()


class _Tab:
    """The components of the tab, and the functions behind them."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.rules = Rules(presets_of(studio))
        self.checker = Checker(self.rules)

    def lay_out(self) -> None:
        text = ready_made(FIRST).read_text(encoding="utf-8")
        with gr.Column(elem_id="bench"):
            self.start = gr.Dropdown([*ready_made_names()], value=FIRST, label="Start from", elem_id="bench-start")
            with gr.Row(elem_classes="bench-row"):
                complete = completions(Completer(self.rules.presets))
                self.editor = pipeline_editor(text, complete=complete, elem_id="bench-editor")
                self.drawing = _html(board(Checked(None, is_empty=True)), "bench-drawing")
            with gr.Row(elem_classes="bench-row"):
                with gr.Column(elem_id="bench-form", min_width=280):
                    self.form = gr.Column()
                    with gr.Row():
                        self.run_button = gr.Button("Run", variant="primary", elem_id="bench-run")
                        self.stop_button = gr.Button("Stop", interactive=False, elem_id="bench-stop")
                    self.status = gr.HTML(status("idle", _READY), elem_id="bench-status")
                with gr.Column(elem_id="bench-results", min_width=280):
                    self.results = _html(_hint(_NO_RESULTS), "bench-outputs")
                    self.files = gr.File(label="Files", visible=False, interactive=False, elem_id="bench-files")
            self.timeline = _html("", "bench-timeline")
            self.trace = gr.DownloadButton("Download the trace (Perfetto)", visible=False, size="sm")
            # The last text without mistakes: the form and the drawing are those of it.
            self.good = gr.State("")
            # The text of the run that is drawn: a look at the same text leaves the states of its steps in sight.
            self.drawn = gr.State("")

    def connect(self) -> None:
        seen = [self.editor, self.drawing, self.good, self.drawn]
        asked = [self.editor, self.good, self.drawn]
        self.editor.edit(self.look, asked, seen, trigger_mode="always_last", **_AT_ONCE)
        self.start.input(self.take, self.start, seen, **_AT_ONCE)
        self.stop_button.click(self.stop, None, self.stop_button, **_AT_ONCE)
        with self.form:
            gr.render(self.good, triggers=[self.editor.apply], queue=False, show_progress="hidden")(self.fill)

    def look(self, text: str, good: str, drawn: str = "") -> Updates:
        """What a text turns out to be: marks in the editor, a drawing, another form where the inputs are others."""
        checked = self.checker.check(text)
        if checked.graph is not None:
            said = gr.update(problems=[], signature=signature_of(checked.graph))
            drawing: Updates = {} if text == drawn else {self.drawing: board(checked), self.drawn: ""}
            return {self.editor: said, self.good: text, **drawing}
        before = checked if checked.is_empty else self.checker.check(good)
        said = gr.update(problems=marks(checked.problems))
        return {self.editor: said, self.drawing: board(before, stale=not checked.is_empty), self.drawn: ""}

    def take(self, name: str) -> Updates:
        """A ready-made pipeline, into the editor."""
        text = ready_made(name).read_text(encoding="utf-8")
        seen = self.look(text, text)
        return seen | {self.editor: {**seen[self.editor], "value": text}}

    def stop(self, request: gr.Request) -> Any:
        self.studio.visit(request).cancel()
        return gr.update(interactive=False)

    def fill(self, good: str) -> None:
        """The form of the last good text."""
        graph = self.checker.check(good).graph
        if graph is None:
            return
        try:
            fields = fields_of(graph)
        except UserError as error:
            gr.HTML(status("error", str(error)))
            return
        if graph.doc:
            gr.Markdown(graph.doc)
        components = [field.component(self.rules.presets) for field in fields]
        if not fields:
            gr.HTML(_hint("This pipeline has no inputs."))
        shown = [self.status, self.drawing, self.drawn, self.results, self.files, self.timeline, self.trace]
        buttons = [self.run_button, self.stop_button]
        # The keys join the events of all forms: a run goes on, and has its end, when another form comes meanwhile.
        event = self.run_button.click(
            self.runner(fields),
            [self.editor, *components],
            [*shown, *buttons],
            concurrency_limit=None,
            key="run",
            **_QUIET,
        )
        buttons_back = {self.run_button: {"interactive": True}, self.stop_button: {"interactive": False}}
        when_over(event, buttons_back, key="run is over")

    def runner(self, fields: list[Field]) -> Any:
        """What the run button does while the form has these fields."""
        keys = [field.key for field in fields]

        def run(text: str, request: gr.Request, *raw: Any) -> Iterator[Updates]:
            for shown in self.perform(text, dict(zip(keys, raw, strict=True)), request):
                yield self.updates(shown) | ({self.drawn: text} if shown.drawing else {})

        return run

    def perform(self, text: str, filled: dict[str, Any], request: gr.Request) -> Iterator[Shown]:
        visit = self.studio.visit(request)
        try:
            checked = self.checker.check(text)
            graph = _without_mistakes(checked)
            inputs = values_of(fields_of(graph), filled, self.studio, folder_of(visit), self.rules)
        except SamloomError as error:
            yield Shown("error", told(error))
            return
        for shown in perform(self.studio, visit, graph, inputs):
            yield replace(shown, drawing=shown.drawing and framed(shown.drawing, legend(graph)))

    def updates(self, shown: Shown) -> Updates:
        updates: Updates = {
            self.status: status(shown.mood, shown.words),
            self.run_button: gr.skip() if shown.is_over else gr.update(interactive=False),
            self.stop_button: gr.skip() if shown.is_over else gr.update(interactive=True),
        }
        parts = {self.drawing: shown.drawing, self.results: shown.results, self.timeline: shown.timeline}
        updates |= {component: value for component, value in parts.items() if value is not None}
        if shown.files is not None:
            updates[self.files] = gr.update(value=[*shown.files], visible=bool(shown.files))
        if shown.trace is not None:
            updates[self.trace] = gr.update(value=shown.trace, visible=True)
        return updates


def presets_of(studio: Studio) -> tuple[str, ...]:
    """The weights that a pipeline may name on this server: its own, and the bundled ones."""
    return tuple(dict.fromkeys((studio.settings.preset, "bundled")))


def signature_of(graph: Graph) -> str:
    """What the form depends on."""
    parts = [(name, port.type.name, str(port.default), port.doc) for name, port in graph.inputs.items()]
    return repr((graph.doc, parts))


def board(checked: Checked, *, stale: bool = False) -> str:
    """The drawing of what was checked, in its frame."""
    if checked.graph is None:
        return framed(tag("p", words(_EMPTY), class_="nothing"), "")
    return framed(draw(checked.graph), legend(checked.graph), stale=stale)


def framed(drawing: str, below: str, *, stale: bool = False) -> str:
    note = tag("p", words(_STALE), class_="note") if stale else ""
    inner = tag("div", drawing, class_="canvas", tabindex=0, role="region", aria_label="Drawing of the pipeline")
    return tag("div", note, inner, below, class_=f"bench board{' stale' * stale}")


def _without_mistakes(checked: Checked) -> Graph:
    if checked.graph is not None:
        return checked.graph
    if checked.is_empty:
        raise UserError("There is no pipeline yet. Write one, or start from a ready-made one.")
    first = checked.problems[0]
    count = counted(len(checked.problems), "mistake")
    raise UserError(f"The pipeline has {count}. Line {first.line or 1}: {first.message}")


def _hint(text: str) -> str:
    return tag("div", tag("p", words(text), class_="nothing"), class_="bench hint")


def _html(value: str, elem_id: str) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, elem_id=elem_id)
