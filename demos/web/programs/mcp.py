"""An MCP server, so that an assistant can edit pictures: over HTTP beside the page, or as a process of its own."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ImageContent, TextContent, ToolAnnotations
from pydantic import Field

from demos.web.programs.service import Pictured, Service
from demos.web.words import told
from pipelines.errors import SamloomError, UserError
from pipelines.images import encode, write_image
from pipelines.values import Image

_INSTRUCTIONS = """Samloom edits pictures as sentences say, and finds and cuts out things in them.
Outside of what an edit paints, not one pixel changes; its report proves it.
Ask `plan` first if you are not sure that a sentence is understood."""
_READS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_WRITES = ToolAnnotations(readOnlyHint=False, destructiveHint=False, openWorldHint=False)

T = TypeVar("T")
Contents: TypeAlias = list[ImageContent | TextContent]
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

    async def edit(self, picture: str, instruction: Instruction, seed: int = 0, save_as: str = "") -> Contents:
        """Change a picture as a sentence says: replace, remove, add, recolour things, or change the background."""
        photo = await _done(self._read, picture)
        found = await _stoppable(self._service.edit, photo, instruction, seed=seed)
        return await _done(self._contents, found, save_as, dict(found.report or {}))

    async def segment(self, picture: str, words: Words, save_as: str = "") -> Contents:
        """Find things by name; gives the picture with them outlined, and boxes and masks as COCO JSON."""
        found = await _stoppable(self._service.segment, await _done(self._read, picture), words)
        return await _done(self._contents, found, save_as, found.coco)

    async def everything(self, picture: str, points: int = 32, save_as: str = "") -> Contents:
        """Outline every thing in a picture; gives the picture with all masks in colour, and COCO JSON."""
        found = await _stoppable(self._service.everything, await _done(self._read, picture), points=points)
        return await _done(self._contents, found, save_as, found.coco)

    def _read(self, picture: str) -> Image:
        if self._files and not picture.startswith("data:") and (path := Path(picture).expanduser()).exists():
            return self._service.picture(path.read_bytes(), path.name)
        try:
            data = base64.b64decode(picture.partition("base64,")[2] or picture, validate=True)
        except binascii.Error as error:
            ways = "the path of a file, base64 or a data: URL" if self._files else "base64 or a data: URL"
            raise UserError(f"'{picture[:60]}' is no picture. Give {ways}.") from error
        return self._service.picture(data, "the picture")

    def _contents(self, found: Pictured, save_as: str, told: Mapping[str, Any]) -> Contents:
        """The picture, for the assistant to see, and what there is to say of it."""
        notes = []
        if save_as:
            if not self._files:
                raise UserError("save_as works over stdio only (`samloom mcp`). Leave it out here.")
            write_image(found.image, Path(save_as).expanduser())
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


async def _done(work: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Do `work` in a thread; what the caller can put right becomes the tool's answer."""
    try:
        return await asyncio.to_thread(work, *arguments, **options)
    except SamloomError as error:
        raise ToolError(told(error)) from error


async def _stoppable(work: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """The same for a run, which stops when the call is given up."""
    cancel = threading.Event()
    try:
        return await _done(work, *arguments, cancel=cancel, **options)
    finally:
        cancel.set()
