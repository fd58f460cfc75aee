"""The ways in for programs, through the clients that programs use, with the bundled models."""

import asyncio
import base64
import io
import json
import runpy
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image as Pil

DOG = Path("demos/images/dog.png")
DOG_TEXT = base64.b64encode(DOG.read_bytes()).decode()
SENTENCE = "replace the dog with a cat"


@pytest.fixture
def rest(served):
    with httpx.Client(base_url=served.url, timeout=300) as client:
        yield client


def pixels(data):
    return np.asarray(Pil.open(io.BytesIO(data)).convert("RGB"))


def changed(data):
    return int((pixels(data) != pixels(DOG.read_bytes())).any(axis=2).sum())


def post(rest, where, **fields):
    return rest.post(where, files={"picture": ("dog.png", DOG.read_bytes())}, data=fields)


def test_rest_edits_a_picture_and_tells_all_of_it(rest):
    answer = post(rest, "/api/edit", instruction=SENTENCE, seed=7).raise_for_status().json()
    picture = base64.b64decode(answer["picture"])
    assert changed(picture) == answer["report"]["verify"]["changed_pixels"] > 0
    assert [thing["name"] for thing in answer["things"]] == ["dog"]
    assert answer["things"][0]["segmentation"]["size"] == [384, 512]
    again = rest.post(
        "/api/edit",
        files={"picture": ("dog.png", DOG.read_bytes())},
        data={"instruction": SENTENCE, "seed": 7},
        headers={"accept": "image/png"},
    )
    assert again.headers["content-type"] == "image/png"
    assert np.array_equal(pixels(again.content), pixels(picture))


def test_rest_finds_things_by_name(rest):
    answer = post(rest, "/api/segment", words="dog. ball.").raise_for_status().json()
    assert {thing["name"] for thing in answer["things"]} == {"dog", "ball"}


def test_rest_points_at_words_that_it_does_not_understand(rest):
    answer = rest.post("/api/plan", data={"instruction": "make the tallest dog red"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("cannot tell which is 'tallest'.")
    assert rest.post("/api/plan", data={"instruction": SENTENCE}).json()["edits"][0]["words"] == (
        "Replace every dog with: cat"
    )


def test_rest_refuses_a_pdf_in_one_line(rest):
    answer = rest.post("/api/edit", files={"picture": ("page.pdf", b"%PDF-1.7")}, data={"instruction": SENTENCE})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("page.pdf is not a picture that can be read.")


def test_the_description_names_every_endpoint_and_the_page_shows_it_without_help_from_elsewhere(rest):
    described = rest.get("/openapi.json").json()
    assert {"/api/plan", "/api/edit", "/api/segment", "/api/everything"} <= set(described["paths"])
    assert described["paths"]["/api/edit"]["post"]["responses"]["200"]["content"].keys() >= {"application/json"}
    page = rest.get("/docs").text
    assert "<b>POST</b> /api/edit" in page
    assert "src=" not in page
    assert rest.get("/samloom/reference.css").headers["content-type"].startswith("text/css")


def test_gradio_client_edits_a_picture(served):
    from gradio_client import Client, handle_file

    client = Client(served.url, verbose=False)
    picture, report = client.predict(handle_file(DOG), SENTENCE, 7, False, api_name="/edit")
    assert changed(Path(picture).read_bytes()) == report["verify"]["changed_pixels"] > 0
    assert client.predict(SENTENCE, api_name="/plan")[0]["replacement"] == "cat"


def test_gradio_client_is_told_what_it_can_put_right(served):
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match="cannot tell which is 'tallest'"):
        Client(served.url, verbose=False).predict("make the tallest dog red", api_name="/plan")


def test_an_assistant_lists_the_tools_edits_and_gets_a_picture(served):
    tools, contents = asyncio.run(_assist(f"{served.url}/mcp"))
    assert tools == {"plan", "edit", "segment", "everything"}
    image, report = contents
    assert image.mimeType == "image/png"
    assert changed(base64.b64decode(image.data)) == json.loads(report.text)["verify"]["changed_pixels"] > 0


def test_an_assistant_over_http_cannot_name_files(served):
    told = asyncio.run(_refused(f"{served.url}/mcp", picture=str(DOG.resolve())))
    assert "is no picture. Give base64 or a data: URL." in told


def test_an_assistant_that_runs_as_the_user_works_with_files(tmp_path):
    from demos.web.programs.mcp import mcp_server
    from demos.web.programs.service import Service
    from demos.web.settings import Settings
    from demos.web.studio import Studio

    studio = Studio(Settings(offline=True))
    out = tmp_path / "cat.png"
    asked = {"picture": str(DOG), "instruction": "make the dog blue", "save_as": str(out)}
    contents = asyncio.run(mcp_server(Service(studio), files=True).call_tool("edit", asked))
    studio.close()
    assert any(getattr(content, "text", "") == f"Saved as {out}." for content in contents)
    assert changed(out.read_bytes()) > 0


async def _assist(address):
    async with _session(address) as session:
        tools = {tool.name for tool in (await session.list_tools()).tools}
        answer = await session.call_tool("edit", {"picture": DOG_TEXT, "instruction": SENTENCE, "seed": 7})
        assert not answer.isError
        return tools, answer.content


def test_visitors_at_once_each_get_what_is_theirs_and_no_file_of_another(served):
    load = runpy.run_path("benchmarks/load.py")
    tally = load["Tally"]()
    asyncio.run(_visits([load["Visitor"](number, served.url, tally) for number in range(5)], tally, load["peep"]))
    assert tally.wrong == []
    assert set(tally.seconds) == {"edit", "embed", "everything", "plan", "segment"}


async def _visits(visitors, tally, peep):
    await asyncio.gather(*(visitor.visit(until=0) for visitor in visitors))
    await peep(visitors, tally)
    await asyncio.gather(*(visitor.client.aclose() for visitor in visitors))


async def _refused(address, **asked):
    async with _session(address) as session:
        answer = await session.call_tool("edit", {"instruction": SENTENCE, **asked})
        assert answer.isError
        return answer.content[0].text


class _session:
    """An MCP client's session, ready to be used."""

    def __init__(self, address):
        self.address = address

    async def __aenter__(self):
        from contextlib import AsyncExitStack

        from mcp import ClientSession
        from mcp.client.streamable_http import streamable_http_client

        self.stack = AsyncExitStack()
        read, write, _ = await self.stack.enter_async_context(streamable_http_client(self.address))
        session = await self.stack.enter_async_context(ClientSession(read, write))
        await session.initialize()
        return session

    async def __aexit__(self, *error):
        await self.stack.aclose()
