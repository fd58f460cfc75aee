"""Programs in the line: told at once that it is full, opened in their turn, and not waited for when they have left."""

import asyncio
import base64
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from loops import run_apart

DOG = Path("demos/images/dog.png")
ASKED = {"picture": base64.b64encode(DOG.read_bytes()).decode(), "instruction": "remove the dog"}
REQUEST = SimpleNamespace(session_hash="somebody")


@pytest.fixture(scope="module")
def page_settings():
    from demos.web.settings import Settings

    return Settings(offline=True, port=0, at_once=1, waiting=40)


@pytest.fixture
def held(served):
    """Somebody is at work for as long as the test goes on."""
    with served.studio.line.turn(threading.Event()):
        yield served


@pytest.fixture
def studio():
    pytest.importorskip("gradio", reason="the page needs gradio")
    from demos.web.settings import Settings
    from demos.web.studio import Studio

    studio = Studio(Settings(offline=True, at_once=1))
    yield studio
    studio.close()


@pytest.fixture
def at_work(studio):
    """The same without a server."""
    with studio.line.turn(threading.Event()):
        yield studio


def until(holds):
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    pytest.fail("it never came to that")


def segment(served):
    with httpx.Client(base_url=served.url, timeout=120) as client:
        return client.post("/api/segment", files={"picture": ("page.pdf", b"%PDF-1.7")}, data={"words": "dog"})


def test_a_full_line_is_told_at_once_and_nothing_is_opened_before_its_turn(served):
    line = served.studio.line
    with ThreadPoolExecutor(40) as pool:
        with line.turn(threading.Event()):
            waiting = [pool.submit(segment, served) for _ in range(40)]
            until(lambda: len(line) == 41)
            refused = segment(served)
            assert not any(answer.done() for answer in waiting)
        answers = [answer.result() for answer in waiting]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
    assert refused.json()["detail"] == "41 runs are under way or waiting. Try again in a minute."
    assert {answer.status_code for answer in answers} == {422}


def test_who_hangs_up_over_rest_waits_no_longer(held):
    files, data = {"picture": ("dog.png", DOG.read_bytes())}, {"words": "dog"}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{held.url}/api/segment", files=files, data=data, timeout=2)
    until(lambda: len(held.studio.line) == 1)


def test_an_assistant_that_hangs_up_waits_no_longer(held):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "edit", "arguments": ASKED}}
    headers = {"accept": "application/json, text/event-stream"}
    with httpx.Client(timeout=20) as client, ThreadPoolExecutor(1) as pool:
        calling = pool.submit(client.post, f"{held.url}/mcp", json=call, headers=headers, timeout=3)
        until(lambda: len(held.studio.line) == 2)
        with pytest.raises(httpx.ReadTimeout):
            calling.result()
    until(lambda: len(held.studio.line) == 1)


def test_a_call_that_an_assistant_gives_up_waits_no_longer(at_work):
    from demos.web.programs.mcp import mcp_server
    from demos.web.programs.service import Service

    async def give_up():
        calling = asyncio.ensure_future(mcp_server(Service(at_work)).call_tool("edit", ASKED))
        await asyncio.to_thread(until, lambda: len(at_work.line) == 2)
        calling.cancel()
        await asyncio.to_thread(until, lambda: len(at_work.line) == 1)

    run_apart(give_up())


def test_a_program_of_the_pages_library_that_dies_waits_no_longer(at_work):
    import gradio as gr

    from demos.web.programs.endpoints import Endpoints
    from demos.web.programs.service import Service

    picture = at_work.uploads / "dog.png"
    picture.write_bytes(DOG.read_bytes())
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(Endpoints(at_work, Service(at_work)).segment, str(picture), "dog", REQUEST)
        until(lambda: len(at_work.line) == 2)
        at_work.visits.leave("somebody")
        until(lambda: len(at_work.line) == 1)
        with pytest.raises(gr.Error, match="Stopped"):
            calling.result()


def test_what_is_no_mistake_of_a_programs_is_told_without_its_innards(studio):
    import gradio as gr

    from demos.web.programs.endpoints import Endpoints

    def plan(_):
        raise RuntimeError("innards")

    with pytest.raises(gr.Error, match="Something went wrong here") as raised:
        Endpoints(studio, SimpleNamespace(plan=plan)).plan("remove the dog")
    assert "innards" not in str(raised.value)
