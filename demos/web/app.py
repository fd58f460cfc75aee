"""The page: a tab for each way to use Samloom."""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from demos.web.editing.layout import PICTURES
from demos.web.intake import Page
from demos.web.programs.endpoints import build_endpoints
from demos.web.programs.service import Service
from demos.web.settings import Settings
from demos.web.studio import Studio
from demos.web.tabs import click, edit, everything, pipelines
from demos.web.theme import theme

TITLE = "Samloom"
TABS = {"Edit": edit.build, "Click": click.build, "Everything": everything.build, "Pipelines": pipelines.build}
STYLES = ("style.css", "bench.css", "click/click.css", "everything/everything.css")


def build_page(studio: Studio, service: Service) -> gr.Blocks:
    """All tabs, in their order, and the endpoints for programs."""
    page = Page(title=TITLE, analytics_enabled=False)
    with page:
        gr.HTML(_header(studio.settings), elem_id="header")
        with gr.Tabs(elem_id="tabs"):
            for name, build in TABS.items():
                with gr.Tab(name, id=name.lower(), elem_id=f"{name.lower()}-tab"):
                    build(studio)
        build_endpoints(studio, service)
    page.queue(max_size=studio.settings.waiting, default_concurrency_limit=studio.settings.at_once)
    return page


def mount_page(app: FastAPI, page: gr.Blocks, settings: Settings) -> None:
    """Serve the page at the root of `app`; all that is mounted later would never be reached."""
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=settings.host,
        server_port=settings.port,
        footer_links=[],
        run_history=False,
        allowed_paths=[str(PICTURES)],
        max_file_size=settings.max_upload_mb << 20,  # in its messages the library counts so; see `Studio.check_size`
        ssr_mode=False,
        theme=theme(),
        head=_head(),
    )
    # Said by `launch` alone, which is not how this page is served: without it the library takes any path for a file
    # that was uploaded, and gives out any that a function returns.
    page.has_launched = True


def _header(settings: Settings) -> str:
    return (
        '<a class="skip" href="#tabs">Skip to the tabs</a><a class="programs" href="/docs">For programs</a>'
        f"<h1>{TITLE}</h1><p>Text in, masks and edited pictures out."
        f'<span class="preset">{settings.preset} models, on this machine</span></p>'
    )


def _head() -> str:
    """Styles and a script of our own, which the browser keeps between visits."""
    styles = "".join(f'<link rel="stylesheet" href="/samloom/{name}">' for name in STYLES)
    script = '<script type="module" src="/samloom/slider.js"></script>'
    return f'{styles}{script}<meta name="color-scheme" content="light dark">'
