"""Click: Segment Anything by hand. The server looks at the picture once, the browser answers every click."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
from fastapi import APIRouter, HTTPException
from fastapi import Path as Parameter
from fastapi.responses import FileResponse

from demos.web.decoder import Seen, graph_file, see
from demos.web.handover import Handover
from demos.web.parts import Mood, picture_input, status
from demos.web.running import Run, Waiting
from demos.web.studio import Studio
from demos.web.visits import Visit
from demos.web.words import told
from pipelines.errors import Cancelled
from pipelines.images import write_image
from pipelines.scope import Scope, use_scope
from pipelines.values import Image

Said: TypeAlias = tuple[str, Any, Any]
"""The line that says how things stand, what the page's clicker needs, and the button that stops."""

PICTURES = Path(__file__).parents[2] / "images"
EXAMPLES = ("street.png", "dog.png", "fruit.png", "beach.png", "snow.png")
READY = "Give a picture, or choose an example."
_LOOKING = "Looking at the picture …"
_SHOWN = {".png", ".jpg", ".jpeg", ".webp"}
"""What a browser opens as it is."""
_ROUTE = "/click/decoder"
_NAME = Parameter(pattern=r"^[0-9a-f]{32}$")

_HOST = """<div class="clicker-host"><ol class="welcome">
<li><b>Give a picture.</b> It is looked at once.</li>
<li><b>Move over it</b> to see what a click would take. Everything from here on is computed in your browser.</li>
<li><b>Click, click again, draw a box</b> until the outline fits.</li>
<li><b>Take it home</b>: cut out on a transparent ground, as a mask, or on to Edit.</li>
</ol></div>"""
_MOUNT = """import("/samloom/click/mount.js").then(({ mount }) => mount(element, (event) => trigger("edit", event)));"""
_TELL = """(opened) => { window.dispatchEvent(new CustomEvent("samloom-click-opened", { detail: opened })); }"""
_TO_EDIT = """() => {
  const tabs = [...document.querySelectorAll("#tabs button[role=tab]")];
  tabs.find((tab) => tab.textContent.trim() === "Edit")?.click();
  document.querySelector("#edit-take-over")?.click();
}"""


@dataclass
class Clicked:
    """What the tab remembers of a visitor: the picture that lies under the clicks."""

    path: str | None = None


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(scale=3, min_width=260):
            picture = picture_input(elem_id="click-picture")
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="click-stop")
            examples = example_pictures("click-examples")
        with gr.Column(scale=7, min_width=320):
            said = gr.HTML(status("idle", READY), elem_id="click-status")
            pad = gr.HTML(html_template=_HOST, js_on_load=_MOUNT, elem_id="click-pad")
    opened = gr.JSON(visible=False)

    def open_picture(path: str | None, request: gr.Request) -> Iterator[Said]:
        yield from _open(studio, path, studio.visit(request))

    def halt(request: gr.Request) -> None:
        studio.visit(request).cancel()

    def hand_over(request: gr.Request, event: gr.EventData) -> None:
        _hand_over(studio.visit(request), name=event.name, points=event.points, box=event.box)

    picture.change(
        open_picture,
        picture,
        [said, opened, stop],
        show_progress="hidden",
        concurrency_limit=None,
        trigger_mode="always_last",
        api_visibility="private",
    ).then(None, opened, None, js=_TELL, api_visibility="private")
    stop.click(halt, None, None, show_progress="hidden", queue=False, api_visibility="private")
    examples.select(take_example, None, picture, show_progress="hidden", queue=False, api_visibility="private")
    pad.edit(hand_over, None, None, show_progress="hidden", queue=False, api_visibility="private").success(
        None, None, None, js=_TO_EDIT, api_visibility="private"
    )


def example_pictures(elem_id: str) -> gr.Gallery:
    """Small pictures to choose from, for `take_example`."""
    return gr.Gallery(
        [str(PICTURES / name) for name in EXAMPLES],
        label="Or try one of these",
        columns=3,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="choices",
    )


def take_example(event: gr.SelectData) -> str:
    """The file of the chosen example."""
    return str(PICTURES / EXAMPLES[int(event.index)])


def router() -> APIRouter:
    """Where browsers fetch the decoder."""
    routes = APIRouter()

    @routes.get(_ROUTE + "/{name}.onnx", include_in_schema=False)
    def decoder(name: str = _NAME) -> FileResponse:
        file = graph_file(name)
        if not file.is_file():
            raise HTTPException(404, "There is no such decoder.")
        forever = {"cache-control": "public, max-age=31536000, immutable"}
        return FileResponse(file, media_type="application/octet-stream", headers=forever)

    return routes


def _open(studio: Studio, path: str | None, visit: Visit) -> Iterator[Said]:
    """Look at a picture; gives what is said of it, and what the page's clicker needs. Whatever goes wrong is said."""
    visit.recall(Clicked).path = None
    if path is None:
        yield _over(status("idle", READY))
        return
    yield _busy(_LOOKING)
    try:
        image, begun = studio.read_picture(path), threading.Event()

        def look(cancel: threading.Event) -> Seen:
            begun.set()
            with use_scope(Scope(pool=studio.pool)):
                return see(image, cancel)

        with studio.watch(look, visit) as run:
            yield from map(_busy, _waited(run, begun))
            opened = _opened(studio, image, run.result(), visit)
        visit.recall(Clicked).path = path
        size = f"{image.width:,} × {image.height:,} pixels"
        yield _over(status("done", f"{size}. Your browser answers from here on."), opened)
    except Exception as error:  # noqa: BLE001 - `told` logs what is no mistake of the visitor's
        mood: Mood = "idle" if isinstance(error, Cancelled) else "error"
        yield _over(status(mood, told(error)))


def _waited(run: Run[Seen], begun: threading.Event) -> Iterator[str]:
    """What a run is at, whenever that changes."""
    said = _LOOKING
    for news in run:
        ahead = [event.ahead for event in news if isinstance(event, Waiting)]
        words = _LOOKING if begun.is_set() else f"{ahead[-1]} ahead of you …" if ahead else said
        if words != said:
            yield (said := words)


def _busy(words: str) -> Said:
    return status("busy", words), None, gr.update(visible=True)


def _over(said: str, opened: dict[str, Any] | None = None) -> Said:
    return said, opened, gr.update(visible=False)


def _hand_over(visit: Visit, *, name: object, points: Any, box: Any) -> None:
    """Leave a thing for the tab Edit, as the clicks and the box that outline it; what a page makes up is not taken."""
    path = visit.recall(Clicked).path
    try:
        clicks = [(float(x), float(y), bool(label)) for x, y, label in points]
        left, top, right, bottom = map(float, box or (0, 0, 0, 0))
    except (TypeError, ValueError) as error:
        raise gr.Error("This thing is described in a way that is not understood.") from error
    if path is None or not (clicks or box):
        raise gr.Error("There is nothing to hand to Edit yet.")
    visit.recall(Handover).offer(path, clicks, (left, top, right, bottom) if box else None, str(name)[:80])


def shown_picture(image: Image, visit: Visit) -> Path:
    """A file with all of a picture's pixels that browsers open: its own one, if they do."""
    suffix = Path(image.source or "").suffix.lower()
    file = visit.file(f"picture{suffix if suffix in _SHOWN else '.png'}")
    write_image(image, file)
    return file


def lend(studio: Studio, file: Path) -> dict[str, str]:
    """Put a file where the page can fetch it, and say where that is: the one who is told so may, nobody else."""
    place = studio.uploads.resolve() / secrets.token_hex(32)
    place.mkdir()
    return {"path": str(file.rename(place / file.name))}


def _opened(studio: Studio, image: Image, seen: Seen, visit: Visit) -> dict[str, Any]:
    """What `static/click/clicker.js` calls `Opened`."""
    look = visit.file("look.safetensors")
    look.write_bytes(seen.look)
    return {
        "frame": asdict(seen.frame),
        "graph": f"{_ROUTE}/{seen.graph}.onnx",
        "look": lend(studio, look),
        "picture": lend(studio, shown_picture(image, visit)),
        "name": Path(image.source or "picture").stem,
    }
