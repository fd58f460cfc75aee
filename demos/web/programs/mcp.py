"""An MCP server, so that an assistant can edit pictures: over HTTP beside the page, or as a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ImageContent, TextContent, ToolAnnotations
from pydantic import Field
from starlette.requests import Request

from demos.web.programs.service import Pictured, Service
from demos.web.programs.threads import watched
from demos.web.words import told
from pipelines.errors import UserError
from pipelines.images import check_writable, encode, write_image
from pipelines.values import Image

_INSTRUCTIONS = """Samloom edits pictures as sentences say, and finds and cuts out things in them.
Outside of what an edit paints, not one pixel changes; its report proves it.
Ask `plan` first if you are not sure that a sentence is understood."""
_READS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_WRITES = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=False)

T = TypeVar("T")
Call: TypeAlias = Context[Any, Any, Any]
Contents: TypeAlias = list[ImageContent | TextContent]
SaveAs = Annotated[str, Field(description="The path of a new file for the picture; nothing is overwritten.")]
Instruction = Annotated[str, Field(description='Such as "replace the dog with a cat and remove the ball".')]
Words = Annotated[str, Field(description='What to find, each phrase ended by a dot: "dog. traffic light."')]


class Tools:
    """The tools. With `files` a picture may be named by its path, and results may be saved: only where the assistant
    runs as the user, since whoever can reach a port could read every picture of the user by it otherwise."""

    def __init__(self, service: Service, *, files: bool) -> None:
        self._service = service
        self._files = files

    async def plan(self, instruction: Instruction) -> str:
        """Read a sentence and say what it asks for, as JSON. No picture is needed and nothing is changed."""
        return json.dumps(await _done(self._service.plan, instruction), ensure_ascii=False)

    async def edit(
        self, call: Call, picture: str, instruction: Instruction, seed: int = 0, save_as: SaveAs = ""
    ) -> Contents:
        """Change a picture as a sentence says: replace, remove, add, recolour things, or change the background."""
        found = await self._run(call, partial(self._service.edit, instruction=instruction, seed=seed), picture, save_as)
        return await _done(self._contents, found, save_as, dict(found.report or {}))

    async def segment(self, call: Call, picture: str, words: Words, save_as: SaveAs = "") -> Contents:
        """Find things by name; gives the picture with them outlined, and boxes and masks as COCO JSON."""
        found = await self._run(call, partial(self._service.segment, words=words), picture, save_as)
        return await _done(self._contents, found, save_as, found.coco)

    async def everything(self, call: Call, picture: str, points: int = 32, save_as: SaveAs = "") -> Contents:
        """Outline every thing in a picture; gives the picture with all masks in colour, and COCO JSON."""
        found = await self._run(call, partial(self._service.everything, points=points), picture, save_as)
        return await _done(self._contents, found, save_as, found.coco)

    async def _run(self, call: Call, work: Callable[..., Pictured], picture: str, save_as: str) -> Pictured:
        """Do `work` when it is the caller's turn; it stops when the assistant gives up the call or hangs up."""
        await _done(self._check_place, save_as)
        photo = partial(self._read, picture)
        with _telling():
            return await watched(lambda cancel: work(photo, cancel=cancel), _request(call))

    def _check_place(self, save_as: str) -> None:
        """Raise `UserError` for a place where the picture could not be saved, or would replace something."""
        if not save_as:
            return
        if not self._files:
            raise UserError("save_as works over stdio only (`samloom mcp`). Leave it out here.")
        place = os.path.expanduser(save_as)  # noqa: PTH111 - that of pathlib raises where there is no such user
        if os.path.lexists(place):
            raise UserError(f"{save_as} is there already, and nothing is overwritten. Give another name.")
        check_writable(place)

    def _read(self, picture: str) -> Image:
        place = os.path.expanduser(picture)  # noqa: PTH111 - of base64, pathlib says that the name is too long
        if self._files and os.path.isdir(place):  # noqa: PTH112
            raise UserError(f"{picture} is a folder, not a picture. Give one picture file in it.")
        if self._files and os.path.isfile(place):  # noqa: PTH113
            return self._service.picture_file(Path(place))
        try:
            data = base64.b64decode(picture.partition("base64,")[2] or picture, validate=True)
        except ValueError as error:
            ways = "the path of a file, base64 or a data: URL" if self._files else "base64 or a data: URL"
            raise UserError(f"'{picture[:60]}' is no picture. Give {ways}.") from error
        return self._service.picture(data, "the picture")

    def _contents(self, found: Pictured, save_as: str, told: Mapping[str, Any]) -> Contents:
        """The picture, for the assistant to see, and what there is to say of it."""
        notes = []
        if save_as:
            self._check_place(save_as)  # again: the run took its time
            write_image(found.image, os.path.expanduser(save_as))  # noqa: PTH111
            notes.append(TextContent(type="text", text=f"Saved as {save_as}."))
        picture = base64.b64encode(encode(found.image)).decode()
        text = TextContent(type="text", text=json.dumps(told, ensure_ascii=False))
        return [ImageContent(type="image", data=picture, mimeType="image/png"), *notes, text]


def mcp_server(service: Service, *, hosts: frozenset[str] | None = None, files: bool = False) -> FastMCP:
    """The server, with every tool; `hosts` are the names under which it may be addressed, None for any."""
    allowed = [f"[{host}]:*" if ":" in host else f"{host}:*" for host in sorted(hosts or ())]
    server = FastMCP(
        "Samloom",
        instructions=_INSTRUCTIONS,
        log_level="WARNING",
        stateless_http=True,
        json_response=True,
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=hosts is not None,
            allowed_hosts=allowed,
            allowed_origins=[f"http://{host}" for host in allowed],
        ),
    )
    tools = Tools(service, files=files)
    annotations = _WRITES if files else _READS
    server.add_tool(tools.plan, annotations=_READS)
    for tool in (tools.edit, tools.segment, tools.everything):
        server.add_tool(tool, annotations=annotations, structured_output=False)
    return server


def _request(call: Call) -> Request | None:
    """The HTTP request of a call; over stdio there is none."""
    try:
        request = call.request_context.request
    except ValueError:  # the call came by no transport at all
        return None
    return request if isinstance(request, Request) else None


async def _done(work: Callable[..., T], *arguments: Any) -> T:
    """Do `work` that never waits in the line in a thread; what goes wrong becomes the tool's answer."""
    with _telling():
        return await asyncio.to_thread(work, *arguments)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise ToolError(told(error)) from error
