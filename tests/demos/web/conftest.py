"""A real server on a free port, and a real browser in front of it."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from dataclasses import dataclass

import pytest

CHROMIUM = "/usr/bin/chromium"


@dataclass(frozen=True)
class Served:
    """The page at work: its address and the services behind it."""

    url: str
    studio: object


@pytest.fixture(scope="module")
def page_settings():
    """What the module's server is started with; a module may have its own."""
    from demos.web.settings import Settings

    return Settings(offline=True, port=0)


@pytest.fixture(scope="module")
def served(page_settings):
    import uvicorn

    from demos.web.server import create_app

    app = create_app(page_settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.studio)
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="session")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="the tests of the page need playwright")
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"the tests of the page need {CHROMIUM}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium, served):
    """The page, opened and ready, in a browser that has not been here before; what it complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served.url)
    page.wait_for_selector("#tabs")
    yield page
    context.close()
    assert complaints == []
