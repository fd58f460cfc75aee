"""`samloom demo`, the page in the browser, and `samloom mcp`, the same for an assistant."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.errors import UserError


def demo(
    *,
    preset: Annotated[
        str, typer.Option("--preset", metavar="P", help="Which weights: bundled, base or large (see `samloom models`).")
    ] = "bundled",
    host: Annotated[
        str, typer.Option("--host", metavar="H", help="Who can reach the page: 127.0.0.1 this machine, 0.0.0.0 all.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", help="Where it listens; 0: any that is free.")] = 7860,
    offline: Annotated[
        bool, typer.Option("--offline", help="Never touch the network; a missing checkpoint is an error at once.")
    ] = False,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1 or mps. Default: the best there is.")
    ] = None,
    max_upload: Annotated[int, typer.Option("--max-upload", metavar="MB", help="Largest file that is taken.")] = 50,
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", help="Runs at the same time; others wait.")] = 2,
    run_minutes: Annotated[
        float, typer.Option("--run-minutes", metavar="M", help="Longest that one run may take; then it is stopped.")
    ] = 30,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", help="Processor threads of a run. Default: torch decides.")
    ] = None,
) -> None:
    """Open the page in a browser: edit, click, find everything, run pipelines.

    Nothing leaves this machine. Needs the extra `demo`: pip install "samloom[demo]".
    """
    from demos.web.settings import Settings

    settings = Settings(
        preset=_known(preset),
        host=host,
        port=port,
        offline=offline,
        device=device,
        max_upload_mb=max_upload,
        at_once=at_once,
        run_minutes=run_minutes,
        threads=threads,
    )
    try:
        from demos.web.server import serve
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    serve(settings)


def mcp(
    *,
    preset: Annotated[
        str, typer.Option("--preset", metavar="P", help="Which weights: bundled, base or large (see `samloom models`).")
    ] = "bundled",
    offline: Annotated[
        bool, typer.Option("--offline", help="Never touch the network; a missing checkpoint is an error at once.")
    ] = False,
    device: Annotated[
        str | None, typer.Option("--device", metavar="D", help="cpu, cuda, cuda:1 or mps. Default: the best there is.")
    ] = None,
) -> None:
    """Let an assistant edit pictures: an MCP server on standard input and output.

    The assistant starts it, names pictures by their paths and saves results. Needs the extra `demo`.
    """
    from demos.web.settings import Settings

    settings = Settings(preset=_known(preset), offline=offline, device=device)
    try:
        from demos.web.server import serve_assistant
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    serve_assistant(settings)


def _known(preset: str) -> str:
    from plugins.presets import PRESETS

    if preset not in PRESETS:
        raise UserError(f"--preset is '{preset}'. Choose from: {', '.join(PRESETS)}.")
    return preset


def _not_installed(error: ModuleNotFoundError) -> UserError:
    return UserError(f'this needs {error.name}: pip install "samloom[demo]".')
