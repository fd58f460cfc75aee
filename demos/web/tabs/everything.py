"""Everything: all masks of a picture without a word, in colour, filtered as sliders move."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from demos.web.parts import Mood, picture_input, status, when_over
from demos.web.running import News, Waiting
from demos.web.studio import Studio
from demos.web.tabs.click import example_pictures, lend, shown_picture, take_example
from demos.web.visits import Visit
from demos.web.words import counted, told
from pipelines.builder import Pipeline
from pipelines.events import ModelLoading, NodeProgress
from pipelines.graph import Graph
from pipelines.values import Detections, Image

Said: TypeAlias = tuple[str, Any, Any, Any]
"""The line that says how things stand, what was found, and the buttons that start and stop."""

READY = "Give a picture, or choose an example, and find everything in it."
_HOST = """<div class="explorer-host"><ol class="welcome">
<li><b>Give a picture.</b> A grid of points asks about every part of it.</li>
<li><b>Move over the colours</b> to see how large and how sure each mask is.</li>
<li><b>Filter</b> by area, confidence and stability, and take home what is left as COCO or SA-1B.</li>
</ol></div>"""
_MOUNT = """import("/samloom/everything/mount.js").then(({ mount }) => mount(element));"""
_TELL = """(found) => { window.dispatchEvent(new CustomEvent("samloom-everything-found", { detail: found })); }"""


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(scale=3, min_width=260):
            picture = picture_input(elem_id="everything-picture")
            with gr.Row(elem_classes="buttons"):
                find = gr.Button("Find everything", variant="primary", elem_id="everything-go")
                stop = gr.Button("Stop", variant="stop", visible=False, elem_id="everything-stop")
            examples = example_pictures("everything-examples")
            with gr.Accordion("More choices", open=False):
                points = gr.Slider(
                    4, 64, 16, step=4, label="Points a side", info="More find smaller things, and take longer."
                )
                fast = gr.Checkbox(value=True, label="Fast", info="Filter masks before they are brought to full size.")
        with gr.Column(scale=7, min_width=320):
            said = gr.HTML(status("idle", READY), elem_id="everything-status")
            gr.HTML(html_template=_HOST, js_on_load=_MOUNT, elem_id="everything-pad")
    found = gr.JSON(visible=False)

    def search(path: str | None, points: float, fast: bool, request: gr.Request) -> Iterator[Said]:  # noqa: FBT001
        yield from _search(studio, path, {"points": int(points), "fast": fast}, studio.visit(request))

    def halt(request: gr.Request) -> None:
        studio.visit(request).cancel()

    event = find.click(
        search,
        [picture, points, fast],
        [said, found, find, stop],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    event.then(None, found, None, js=_TELL, api_visibility="private")
    when_over(event, {find: {"visible": True}, stop: {"visible": False}})
    stop.click(halt, None, None, show_progress="hidden", queue=False, api_visibility="private")
    examples.select(take_example, None, picture, show_progress="hidden", queue=False, api_visibility="private")


@cache
def search_graph() -> Graph:
    """A picture → the masks of everything in it."""
    from plugins.sam.nodes import everything

    pipeline = Pipeline("everything")
    photo = pipeline.input("photo", Image)
    points, fast = pipeline.input("points", int), pipeline.input("fast", bool)
    pipeline.output("masks", pipeline.add("found", everything, image=photo, points_per_side=points, fast=fast))
    return pipeline.build()


def _search(studio: Studio, path: str | None, wanted: dict[str, Any], visit: Visit) -> Iterator[Said]:
    """Look for everything; what was found before stays until there is something new."""
    if path is None:
        yield _ended(status("error", "There is no picture yet. Give one, or choose an example."))
        return
    try:
        image = studio.read_picture(path)
        with studio.start(search_graph(), {"photo": image, **wanted}, visit) as run:
            yield _busy("Loading the model …")
            for news in run:
                for words in _words(news):
                    yield _busy(words)
            masks = run.result().outputs["masks"]
        mood: Mood = "done" if len(masks) else "nothing"
        said = status(mood, f"{counted(len(masks), 'mask')} found.")
        yield said, _found(studio, image, masks, visit), gr.skip(), gr.skip()
    except Exception as error:  # noqa: BLE001 - `told` logs what is no mistake of the visitor's
        yield _ended(status("error", told(error)))


def _words(news: News) -> Iterator[str]:
    """What the newest event that matters means to the visitor, if there is one."""
    for event in reversed(news):
        match event:
            case Waiting(ahead):
                yield f"{ahead} ahead of you …"
            case ModelLoading():
                yield "Loading the model …"
            case NodeProgress(_, done, total):
                yield f"Asked about {done:,} of {total:,} points …"
            case _:
                continue
        return


def _busy(words: str) -> Said:
    return status("busy", words), gr.skip(), gr.update(visible=False), gr.update(visible=True)


def _ended(said: str) -> Said:
    return said, gr.skip(), gr.skip(), gr.skip()


def _found(studio: Studio, image: Image, masks: Detections, visit: Visit) -> dict[str, Any]:
    """What `static/everything/explorer.js` shows; the files are for this visitor alone."""
    from pipelines.nodes.export import coco
    from plugins.sam.nodes import sa1b

    return {
        "picture": lend(studio, shown_picture(image, visit)),
        "coco": lend(studio, coco(image, masks, visit.file("coco.json"))),
        "sa1b": lend(studio, sa1b(image, masks, visit.file("sa1b.json"))),
        "name": Path(image.source or "picture").stem,
    }
