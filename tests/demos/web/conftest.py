"""A real server on a free port, and a real browser in front of it; neither may talk to anybody else."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import shutil
import socket
import threading
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
HERE = ("127.0.0.1", "::1", "localhost")
# Milliseconds for what takes the page a moment. A first edit loads torch, diffusers and four models: half a minute of
# processor time, and many minutes of the clock where others want the processor too (see `page_steps.finished`).
PATIENCE = 300_000


# Nothing pulses while a test waits: without a graphics card that costs the run a good part of a processor.
QUIET = {"reduced_motion": "reduce"}


class Clock:
    """A clock that stands until a test moves it."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def pytest_collection_modifyitems(items):
    """Clients go while the server still writes to them, and the page's library leaves files to the collector: what
    Python says of that is told to whatever test comes next."""
    serving = {item.path for item in items if "served" in getattr(item, "fixturenames", ())}
    for item in items:
        if item.path in serving:
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


class Lost(logging.Handler):
    """Keeps what asyncio says of tasks that died where nobody looked: of such a one a page may wait in vain."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.said = []

    def emit(self, record):
        if "never retrieved" in record.getMessage():
            self.said.append(record.getMessage())


@dataclass(frozen=True)
class Served:
    """The page at work: its address, the services behind it, and whom this process has tried to reach."""

    url: str
    studio: object
    reached: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def page_settings():
    """What the module's server is started with; a module may have its own."""
    from demos.web.settings import Settings

    return Settings(offline=True, port=0)


@pytest.fixture(scope="module")
def served(page_settings):
    import uvicorn

    from demos.web.server import create_app

    with warnings.catch_warnings():
        # Building a page, gradio leaves event loops behind: they are collected here, where nobody minds.
        warnings.simplefilter("ignore", ResourceWarning)
        app = create_app(page_settings)
        asyncio.set_event_loop(None)
        gc.collect()
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.MonkeyPatch.context() as patch:
        logging.getLogger("asyncio").addHandler(lost := Lost())
        served = Served(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.studio)
        _watch_sockets(patch, served.reached)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.05)
        yield served
        server.should_exit = True
        thread.join(timeout=20)
        logging.getLogger("asyncio").removeHandler(lost)
    assert lost.said == []
    assert not app.state.studio.root.exists(), "the server left files behind"
    assert served.reached == []


def _watch_sockets(patch, reached):
    """Note every connection and every look-up of a name that leaves this machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connecting(sock, address):
        if isinstance(address, tuple) and address[0] not in HERE:
            reached.append(str(address[0]))
        return connect(sock, address)

    def looking_up(host, *args, **kwargs):
        if host not in (*HERE, None):
            reached.append(str(host))
        return look_up(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", connecting)
    patch.setattr(socket, "getaddrinfo", looking_up)


@pytest.fixture(scope="session")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api", reason="the tests of the page need playwright")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"the tests of the page need a browser: {' or '.join(CHROMIUM)}")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, served):
    """Opens the page for one more visitor, in a browser that has not been here before.

    Whatever the browser complains of, or asks anybody else for, fails the test, but for complaints in which one of
    `tolerated` stands.
    """
    contexts, complaints = [], []

    def complain(message, tolerated):
        if message.type == "error" and not any(part in message.text for part in tolerated):
            complaints.append(message.text)

    def opened(*, tolerated=(), **options):
        context = chromium.new_context(**{**QUIET, "viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.set_default_navigation_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complain(message, tolerated))
        page.on("request", lambda request: complaints.append(request.url) if _is_elsewhere(request.url) else None)
        page.goto(served.url)
        page.wait_for_selector("#tabs button")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def browser_page(open_page):
    """The page, opened and ready."""
    return open_page()


@pytest.fixture
def shoot():
    """Takes a picture of the page for the docs: only where SAMLOOM_SCREENSHOTS names a folder."""
    folder = os.environ.get("SAMLOOM_SCREENSHOTS")

    def shot(page, name, *, full=False):
        if folder:
            page.wait_for_timeout(600)
            page.screenshot(path=Path(folder) / f"{name}.jpg", type="jpeg", quality=82, full_page=full)

    return shot


def _is_elsewhere(url):
    parts = urlsplit(url)
    return parts.scheme.startswith(("http", "ws")) and parts.hostname not in HERE
