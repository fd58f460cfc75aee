"""The server of the page: one FastAPI app with the page, its files, and the ways in for programs."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from mcp.server.fastmcp import FastMCP
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from demos.web.guard import Guard
from demos.web.programs import reference, rest
from demos.web.programs.mcp import mcp_server
from demos.web.programs.service import Service
from demos.web.settings import LOOPBACK, Settings
from demos.web.studio import Studio
from pipelines.command.terminal import say
from pipelines.errors import UserError

STATIC = Path(__file__).parent / "static"
_SWEEP_SECONDS = 30.0
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
}


class Packed(StaticFiles):
    """Static files; where only NAME.gz is there, it is sent as NAME, to be unpacked by the browser."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        packed, found = self.lookup_path(f"{path}.gz")
        if found is None or self.lookup_path(path)[1] is not None:
            return await super().get_response(path, scope)
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return FileResponse(packed, stat_result=found, media_type=kind, headers={"content-encoding": "gzip"})


def create_app(settings: Settings) -> FastAPI:
    """The server, ready to be run; its lifespan removes every file at the end."""
    for suffix, kind in _TYPES.items():
        mimetypes.add_type(kind, suffix)  # what the machine's own tables say differs from machine to machine
    studio = Studio(settings)
    _keep_gradio_local(studio)
    from demos.web.app import build_page, mount_page
    from demos.web.tabs.click import router as decoders

    hosts = LOOPBACK if settings.is_local else None
    service = Service(studio)
    assistants = mcp_server(service, hosts=hosts)
    app = FastAPI(
        title="Samloom",
        version=version("samloom"),
        summary="Text in, masks and edited pictures out.",
        docs_url=None,
        redoc_url=None,
        lifespan=partial(_lifespan, studio, assistants),
    )
    app.mount("/samloom", Packed(directory=STATIC))  # gradio has a /static of its own
    app.include_router(rest.router(service))
    rest.tell_errors(app)
    app.include_router(reference.router())
    app.include_router(decoders())
    app.router.routes.extend(assistants.streamable_http_app().routes)
    mount_page(app, build_page(studio, service), settings)
    studio.ledger.publish()
    app.add_middleware(Guard, ledger=studio.ledger, visits=studio.visits, hosts=hosts, max_mb=settings.max_upload_mb)
    app.state.studio = studio
    return app


def serve(settings: Settings) -> None:
    """Serve until interrupted."""
    import uvicorn

    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)
    with _listening(settings) as listener:
        app = create_app(settings)
        address = f"[{settings.host}]" if ":" in settings.host else settings.host
        say(f"samloom: http://{address}:{listener.getsockname()[1]} (Ctrl+C ends it)")
        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)).run(sockets=[listener])


def _listening(settings: Settings) -> socket.socket:
    """The socket of the page, taken before anything heavy is loaded. Raises `UserError` where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise UserError(f"the page cannot be served at {where}: {error.strerror}. Give another --port.") from error


def serve_assistant(settings: Settings) -> None:
    """Serve one assistant over standard input and output, until it hangs up."""
    studio = Studio(settings)
    try:
        mcp_server(Service(studio), files=True).run("stdio")
    finally:
        studio.close()


def _keep_gradio_local(studio: Studio) -> None:
    """Read by gradio when it is imported: no telemetry, no look for updates, and files where we clean up.

    Nor does it sum up in a table, after every event, all events so far: nobody is shown that.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(sys.maxsize)
    os.environ["GRADIO_TEMP_DIR"] = str(studio.uploads.resolve())
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


@asynccontextmanager
async def _lifespan(studio: Studio, assistants: FastMCP, app: FastAPI) -> AsyncIterator[None]:
    del app
    async with AsyncExitStack() as stack:
        stack.callback(studio.close)
        await stack.enter_async_context(assistants.session_manager.run())
        sweeping = asyncio.create_task(_sweep(studio))
        stack.callback(sweeping.cancel)
        yield


async def _sweep(studio: Studio) -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        studio.visits.sweep()
        studio.ledger.sweep()
        await asyncio.to_thread(studio.rest)
