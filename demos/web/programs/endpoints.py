"""Gradio's named endpoints, for gradio_client and for other Gradio pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import gradio as gr

from demos.web.parts import picture_input
from demos.web.programs.service import Pictured, Service
from demos.web.studio import Studio
from demos.web.visits import Visit
from demos.web.words import told
from pipelines.images import write_image

T = TypeVar("T")


def build_endpoints(studio: Studio, service: Service) -> None:
    """Add /plan, /edit, /segment and /everything, with components that nobody sees."""
    endpoints = Endpoints(studio, service)
    with gr.Column(visible=False):
        picture, image = picture_input(), gr.Image(type="filepath", format="png")
        sentence = gr.Textbox(label="A sentence, or the names of things")
        seed, points = gr.Number(0, precision=0), gr.Number(32, precision=0)
        shadows = gr.Checkbox(label="What goes takes its shadow with it")
        said = gr.JSON()
        call = gr.Button()
    _named(call, endpoints.plan, [sentence], said)
    _named(call, endpoints.edit, [picture, sentence, seed, shadows], [image, said])
    _named(call, endpoints.segment, [picture, sentence], [image, said])
    _named(call, endpoints.everything, [picture, points], [image, said])


class Endpoints:
    """What the endpoints do, until the caller has left. All raise `gr.Error` with one line for what goes wrong."""

    def __init__(self, studio: Studio, service: Service) -> None:
        self._studio = studio
        self._service = service

    def plan(self, instruction: str) -> Any:
        """Read a sentence; gives its edits."""
        return _told(self._service.plan, instruction)

    def edit(
        self,
        picture: str,
        instruction: str,
        seed: int,
        shadows: bool,  # noqa: FBT001 - the library passes by position
        request: gr.Request,
    ) -> tuple[str, Any]:
        """Change a picture as a sentence says; gives the picture and its report."""
        work = partial(self._service.edit, instruction=instruction, seed=int(seed), shadows=shadows)
        found, path = self._done(work, picture, "edited.png", request)
        return path, dict(found.report or {})

    def segment(self, picture: str, words: str, request: gr.Request) -> tuple[str, Any]:
        """Find things by name; gives the picture with them outlined, and COCO JSON."""
        found, path = self._done(partial(self._service.segment, words=words), picture, "segmented.png", request)
        return path, found.coco

    def everything(self, picture: str, points: int, request: gr.Request) -> tuple[str, Any]:
        """Outline everything; gives the picture with all masks in colour, and COCO JSON."""
        work = partial(self._service.everything, points=int(points))
        found, path = self._done(work, picture, "everything.png", request)
        return path, found.coco

    def _done(
        self, work: Callable[..., Pictured], picture: str, name: str, request: gr.Request
    ) -> tuple[Pictured, str]:
        """What comes of the picture in a file, and the file in which its own picture was written."""
        return _told(self._written, work, picture, name, self._studio.visit(request))

    def _written(self, work: Callable[..., Pictured], picture: str, name: str, visit: Visit) -> tuple[Pictured, str]:
        with visit.running() as cancel:
            found = work(partial(self._studio.read_picture, picture), cancel=cancel)
            write_image(found.image, path := visit.file(name))
        return found, str(path)


def _named(call: gr.Button, function: Callable[..., Any], inputs: list[Any], outputs: Any) -> None:
    call.click(
        function,
        inputs,
        outputs,
        api_name=function.__name__,
        api_description=function.__doc__,
        concurrency_limit=None,
        show_progress="hidden",
    )


def _told(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return work(*arguments)
    except Exception as error:
        raise gr.Error(told(error), print_exception=False) from error
