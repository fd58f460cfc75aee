"""Gradio's named endpoints, for gradio_client and for other Gradio pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from demos.web.parts import picture_input
from demos.web.programs.service import Pictured, Service
from demos.web.studio import Studio
from demos.web.words import told
from pipelines.errors import SamloomError
from pipelines.images import write_image


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
    """What the endpoints do. Raises `gr.Error` with one line for what the caller can put right."""

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
        photo = _told(self._studio.read_picture, picture)
        found = _told(self._service.edit, photo, instruction, seed=int(seed), shadows=shadows)
        return self._written(found, "edited.png", request), dict(found.report)

    def segment(self, picture: str, words: str, request: gr.Request) -> tuple[str, Any]:
        """Find things by name; gives the picture with them outlined, and COCO JSON."""
        found = _told(self._service.segment, _told(self._studio.read_picture, picture), words)
        return self._written(found, "segmented.png", request), found.coco

    def everything(self, picture: str, points: int, request: gr.Request) -> tuple[str, Any]:
        """Outline everything; gives the picture with all masks in colour, and COCO JSON."""
        found = _told(self._service.everything, _told(self._studio.read_picture, picture), points=int(points))
        return self._written(found, "everything.png", request), found.coco

    def _written(self, found: Pictured, name: str, request: gr.Request) -> str:
        write_image(found.image, path := self._studio.visit(request).file(name))
        return str(path)


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


def _told(work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return work(*arguments, **options)
    except SamloomError as error:
        raise gr.Error(told(error), print_exception=False) from error
