"""How much of a request is read: what is longer than the limit is refused, whether it says so itself or not."""

from __future__ import annotations

from math import ceil

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demos.web.settings import MEGABYTE

_UPLOAD = "/gradio_api/upload"
_IN_WORDS = "/mcp"
_BASE64 = 4 / 3


class Measured:
    """ASGI middleware which answers 413 to a body of more than `max_mb`; as base64 it may be longer by a third.

    A body that tells its length is refused unread, another one as soon as it turns out to be too long. What the page
    uploads is measured by the page's library, each file by itself.
    """

    def __init__(self, app: ASGIApp, *, max_mb: int) -> None:
        self._app = app
        self._max_mb = max_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_UPLOAD):
            await self._app(scope, receive, send)
            return
        most = ceil(self._max_mb * _BASE64) if scope["path"].startswith(_IN_WORDS) else self._max_mb
        size = Headers(scope=scope).get("content-length", "0")
        if size.isdecimal() and int(size) > most * MEGABYTE:
            refusal = _refusal(f"The request has {int(size) / MEGABYTE:,.0f} MB, more than the limit of {most} MB.")
            await refusal(scope, receive, send)
            return
        reading = _Reading(scope, receive, send, most)
        await self._app(scope, reading.receive, reading.send)


class _Reading:
    """A request whose bytes are counted. Once there are too many it is answered, and to the app it seems hung up."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, most: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._most = most
        self._read = 0
        self._is_over = False
        self._has_begun = False

    async def receive(self) -> Message:
        if self._is_over:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read <= self._most * MEGABYTE:
            return message
        self._is_over = True
        if not self._has_begun:
            refusal = _refusal(f"The request has more than the limit of {self._most} MB.")
            await refusal(self._scope, self._receive, self._send)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self._is_over:
            self._has_begun = True
            await self._send(message)


def _refusal(reason: str) -> Response:
    return PlainTextResponse(f"{reason} Give a smaller file.", status_code=413)
