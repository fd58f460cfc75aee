"""The door of the server: who may have which file, what a page may load, and who has left."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demos.web.ledger import Ledger, program
from demos.web.measured import Measured
from demos.web.visits import Visits

COOKIE = "samloom_visitor"
API = "/gradio_api/"
FILE = API + "file"
HEARTBEAT = API + "heartbeat/"
# Everything comes from this server; scripts and styles of the page's library stand in the page itself.
_SOURCES = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
    "worker-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
_HEADERS = {
    "content-security-policy": "; ".join(f"{what} {sources}" for what, sources in _SOURCES.items()),
    # These two give pages SharedArrayBuffer, and with it threads in WebAssembly.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware around the whole server.

    A browser is known by a cookie that says nothing but a random number. Whatever the server tells it about gives it
    the right to fetch the files named there, and nothing else does. Requests that another site's page has sent are
    refused, and so is everything by which the page's library would fetch something from elsewhere.
    """

    def __init__(
        self, app: ASGIApp, *, ledger: Ledger, visits: Visits, hosts: frozenset[str] | None, max_mb: int
    ) -> None:
        """`hosts`: the names under which the server may be addressed; None for any."""
        self._app = Measured(app, max_mb=max_mb)
        self._ledger = ledger
        self._visits = visits
        self._hosts = hosts
        self._pages: dict[str, set[str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        browser = _browser(headers)
        if reason := self._refusal(scope["method"], path, headers, browser):
            await PlainTextResponse(reason, status_code=403)(scope, receive, send)
            return
        is_page = path == "/" and browser is None
        answer = self._answering(scope, send, browser, new=secrets.token_urlsafe(24) if is_page else None)
        if path.startswith(HEARTBEAT):
            await self._stay(scope, receive, answer, browser, path.removeprefix(HEARTBEAT))
        else:
            await self._app(scope, receive, answer)

    def _refusal(self, method: str, path: str, headers: Headers, browser: str | None) -> str:
        """Why a request is not answered; empty if it is."""
        host = headers.get("host", "")
        if self._hosts is not None and (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return f"This page is not served as {host}."
        origin = headers.get("origin")
        if origin is not None and method not in _SAFE_METHODS and urlsplit(origin).netloc != host:
            return "Another site's page cannot use this one."
        if path.startswith(API + "proxy="):
            return "Nothing is fetched from elsewhere."
        return self._file_refusal(path.removeprefix(FILE), browser) if path.startswith(FILE) else ""

    def _file_refusal(self, rest: str, browser: str | None) -> str:
        """The same for a file; the library has a second address for each, which nothing needs."""
        if not rest.startswith("="):
            return "No file is given at this address. It starts with /gradio_api/file=."
        # As the library takes it: the server has decoded the address already.
        if not self._ledger.may_fetch(rest.removeprefix("="), browser):
            return "This file is not yours, or it is gone."
        return ""

    async def _stay(self, scope: Scope, receive: Receive, send: Send, browser: str | None, session: str) -> None:
        """The connection that a page holds while it is open: when it ends, the visitor has left."""
        pages = self._pages.setdefault(browser or program(session), set())
        pages.add(session)
        try:
            await self._app(scope, receive, send)
        finally:
            pages.discard(session)
            self._visits.leave(session)
            if not pages:
                self._pages.pop(browser or program(session), None)
                self._ledger.release(browser or program(session))

    def _answering(self, scope: Scope, send: Send, browser: str | None, *, new: str | None) -> Send:
        """`send` with our headers, which notes whose the files are that an answer names."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        holder = browser or program(query.get("session_hash", [""])[0])
        notes_files = scope["path"].startswith(API)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if new is not None:
                    headers.append("set-cookie", f"{COOKIE}={new}; Path=/; HttpOnly; SameSite=Strict")
            elif notes_files and (body := message.get("body")):
                self._ledger.grant(body, holder)
            await send(message)

        return answer


def _browser(headers: Headers) -> str | None:
    """The number in the cookie of a request."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found and found.value else None
