"""REST: typed endpoints below /api, described by /openapi.json and shown at /docs."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, File, Form, Header, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from demos.web.line import BusyError
from demos.web.programs.service import Opening, Pictured, Service
from demos.web.programs.threads import watched
from demos.web.words import told
from pipelines.errors import RunError, SamloomError, UserError
from pipelines.images import encode

Upload = Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF, GIF, BMP or PPM.")]
Wanted = Annotated[str, Header(alias="accept", description="image/png for the picture itself; JSON otherwise.")]


class RunLengths(BaseModel):
    """A mask in COCO's compressed form."""

    size: tuple[int, int] = Field(description="Height and width.")
    counts: str


class Thing(BaseModel):
    """One thing in a picture."""

    name: str
    score: float
    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 in pixels.")
    segmentation: RunLengths


class EditStep(BaseModel):
    """One edit of a plan."""

    action: Literal["replace", "remove", "add", "recolour", "background", "keep"]
    target: str
    replacement: str | None
    position: str | None
    words: str = Field(description="The edit in plain words.")


class Plan(BaseModel):
    """What a sentence asks for."""

    edits: Sequence[EditStep]


class Outlined(BaseModel):
    """What was found in a picture, and the picture with it drawn in."""

    picture: str = Field(description="A PNG file as base64.")
    things: Sequence[Thing]


class Edited(Outlined):
    """An edited picture; `things` are those that were edited."""

    changed: bool
    report: Mapping[str, Any] = Field(description="What was found, painted and proven.")


class Refusal(BaseModel):
    """Why a request was not carried out."""

    detail: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    422: {"model": Refusal, "description": "Something that the caller can put right."},
    503: {"model": Refusal, "description": "Too many are waiting; try again later."},
}
_PICTURES: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}, **_REFUSALS}


def router(service: Service) -> APIRouter:
    """The endpoints."""
    routes = APIRouter(prefix="/api", tags=["samloom"])

    @routes.post("/plan", responses=_REFUSALS)
    def plan(instruction: Annotated[str, Form(description="Such as “replace the dog with a cat”.")]) -> Plan:
        """Read a sentence; no picture is needed."""
        return Plan.model_validate({"edits": service.plan(instruction)})

    @routes.post("/edit", responses=_PICTURES, response_model=Edited)
    async def edit(  # noqa: PLR0917 - the fields of a form
        request: Request,
        picture: Upload,
        instruction: Annotated[str, Form(description="Such as “replace the dog with a cat”.")],
        accept: Wanted = "application/json",
        seed: Annotated[int, Form(description="The same seed paints the same picture.")] = 0,
        shadows: Annotated[bool, Form(description="What goes takes its shadow with it.")] = False,  # noqa: FBT002
    ) -> Any:
        """Change a picture as a sentence says; not one pixel changes outside of what is painted."""
        photo = _opening(service, picture)
        work = partial(service.edit, photo, instruction, seed=seed, shadows=shadows)
        return await _answer(request, work, accept, Edited)

    @routes.post("/segment", responses=_PICTURES, response_model=Outlined)
    async def segment(
        request: Request,
        picture: Upload,
        words: Annotated[str, Form(description="What to find, such as “dog. cat.”")],
        accept: Wanted = "application/json",
    ) -> Any:
        """Find things by name and cut them out."""
        photo = _opening(service, picture)
        return await _answer(request, partial(service.segment, photo, words), accept, Outlined)

    @routes.post("/everything", responses=_PICTURES, response_model=Outlined)
    async def everything(
        request: Request,
        picture: Upload,
        accept: Wanted = "application/json",
        points: Annotated[int, Form(description="Points along each side of the picture.", ge=1, le=64)] = 32,
    ) -> Any:
        """Outline everything, whatever it is."""
        photo = _opening(service, picture)
        return await _answer(request, partial(service.everything, photo, points=points), accept, Outlined)

    return routes


def tell_errors(app: FastAPI) -> None:
    """Answer what Samloom raises with one line as `detail`: 422 for a mistake, 503 when busy, else 500."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        del request
        mistake = isinstance(error, UserError) or (isinstance(error, RunError) and isinstance(error.cause, UserError))
        status = 503 if isinstance(error, BusyError) else 422 if mistake else 500
        headers = {"retry-after": "60"} if status == 503 else None
        return JSONResponse({"detail": told(error)}, status, headers)

    app.add_exception_handler(SamloomError, answer)


def _opening(service: Service, upload: UploadFile) -> Opening:
    """Reads the upload when it is its turn; until then it lies on the disk."""
    return lambda: service.picture(upload.file.read(), upload.filename or "the picture")


async def _answer(request: Request, work: Callable[..., Pictured], accept: str, kind: type[Outlined]) -> Any:
    def answered(cancel: threading.Event) -> Any:
        found = work(cancel=cancel)
        png = encode(found.image)
        return Response(png, media_type="image/png") if accept.startswith("image/") else _said(found, png, kind)

    return await watched(answered, request)


def _said(found: Pictured, png: bytes, kind: type[Outlined]) -> Outlined:
    said: dict[str, Any] = {"picture": base64.b64encode(png).decode(), "things": found.things}
    if found.report is not None:
        said |= {"changed": bool(found.report["verify"]["changed_pixels"]), "report": found.report}
    return kind.model_validate(said)
