"""What the server at work takes in and gives out: files that were uploaded, to whom they belong, and not too much."""

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from demos.web.settings import MEGABYTE, Settings

DOG = Path(__file__).parents[3] / "demos" / "images" / "dog.png"
ELSEWHERE = "Nothing is fetched from elsewhere. Give the file itself, not its address."
PART = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
NOT_UPLOADED = "This file was not uploaded here, or it is gone. Give it again."


@pytest.fixture(scope="module")
def page_settings():
    return Settings(offline=True, port=0, max_upload_mb=1)


@pytest.fixture
def visitor(served):
    """Opens the page for one more browser."""
    clients = []

    def opened():
        clients.append(client := httpx.Client(base_url=served.url, timeout=300))
        client.get("/")
        return client

    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def anna(visitor):
    return visitor()


@pytest.fixture
def program(served):
    with httpx.Client(base_url=served.url, timeout=300) as client:
        yield client


def file_data(path):
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def answer(client, endpoint, *data):
    """What a named endpoint says in the end: the kind of event, and its data."""
    event = client.post(f"/gradio_api/call/{endpoint}", json={"data": data}).raise_for_status().json()["event_id"]
    said = client.get(f"/gradio_api/call/{endpoint}/{event}").text
    return re.findall(r"^event: (.*)\ndata: (.*)$", said, re.MULTILINE)[-1]


def refusal(client, endpoint, *data):
    kind, told = answer(client, endpoint, *data)
    assert kind == "error"
    return json.loads(told)["error"]


def upload(client, name="dog.png", data=None):
    sent = {"files": (name, DOG.read_bytes() if data is None else data)}
    return client.post("/gradio_api/upload", files=sent).raise_for_status().json()[0]


def stored(served):
    return {entry.name for entry in served.studio.uploads.iterdir()}


@pytest.mark.parametrize("endpoint", ["segment", "edit", "everything"])
def test_a_picture_of_the_servers_disk_is_refused_and_not_copied(program, served, tmp_path, endpoint):
    (private := tmp_path / "private.png").write_bytes(DOG.read_bytes() + b"private")
    before = stored(served)
    rest = {"segment": ["dog."], "edit": ["remove the dog", 0, False], "everything": [4]}[endpoint]
    assert refusal(program, endpoint, file_data(private), *rest) == NOT_UPLOADED
    assert stored(served) == before


@pytest.mark.parametrize("address", ["http://192.0.2.1/x.png", "https://example.com/x.png", "file:///etc/passwd"])
def test_a_picture_from_elsewhere_is_refused_and_nobody_is_asked(program, served, address):
    assert refusal(program, "segment", file_data(address), "dog.") == ELSEWHERE
    assert refusal(program, "plan", {"hidden": [file_data(address)]}) == ELSEWHERE
    assert served.reached == []


def test_gradio_client_is_told_that_an_address_is_not_taken(served):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(served.url, verbose=False)
    with pytest.raises(AppError, match="Nothing is fetched from elsewhere"):
        client.predict(handle_file("https://example.com/x.png"), "dog.", api_name="/segment")


def test_an_example_is_shown_wherever_the_server_was_started(anna, monkeypatch, tmp_path):
    called = [found for found in anna.get("/config").json()["dependencies"] if found["api_name"] == "take_example"]
    monkeypatch.chdir(tmp_path)
    # What lies in either folder the library gives out anyhow, and this checkout may lie in the usual one.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    asked = {"data": [], "event_data": {"index": 0, "value": None}, "session_hash": "example"}
    anna.post("/gradio_api/queue/join", json={**asked, "fn_index": called[0]["id"]}).raise_for_status()
    said = anna.get("/gradio_api/queue/data", params={"session_hash": "example"}).text
    ended = json.loads(said.split("data: ")[-2] if "close_stream" in said else said.split("data: ")[-1])
    assert ended["success"]
    assert ended["output"]["data"][0]["path"].endswith(".png")


def test_a_file_has_one_address_and_only_its_owner_gets_it(anna, program):
    path = upload(anna)
    assert anna.get(f"/gradio_api/file={path}").content == DOG.read_bytes()
    for client in (anna, program):
        for address in (f"/gradio_api/file/{path}", "/gradio_api/file/http://192.0.2.1/x.png", "/gradio_api/file"):
            refused = client.get(address)
            told = "No file is given at this address. It starts with /gradio_api/file=."
            assert (refused.status_code, refused.text) == (403, told)


@pytest.mark.parametrize("way", ["%2e%2e/", "a%252fb/%2e%2e/%2e%2e/"])
def test_the_own_folder_is_no_way_to_another_visitors(visitor, way):
    anna, bert = visitor(), visitor()
    mine, theirs = Path(upload(anna, data=b"mine")), Path(upload(bert, data=b"theirs"))
    assert bert.get(f"/gradio_api/file={theirs}").status_code == httpx.codes.OK
    refused = anna.get(f"/gradio_api/file={mine.parent}/{way}{theirs.parent.name}/{theirs.name}")
    assert (refused.status_code, refused.text) == (403, "This file is not yours, or it is gone.")


def test_a_name_with_a_percent_sign_is_no_hindrance(anna):
    path = upload(anna, name="50%20 grey.png")
    address = "/gradio_api/file=" + path.replace("%", "%25")
    assert anna.get(address).content == DOG.read_bytes()


@pytest.mark.parametrize(
    ("where", "kind", "limit"),
    [
        ("/api/edit", "multipart/form-data; boundary=b", 1),
        ("/api/plan", "application/x-www-form-urlencoded", 1),
        ("/mcp", "application/json", 2),
        ("/gradio_api/queue/join", "application/json", 1),
    ],
)
def test_a_body_without_a_length_is_refused_before_its_end(served, where, kind, limit):
    with closing(HTTPConnection(urlsplit(served.url).netloc, timeout=60)) as sending:
        sending.putrequest("POST", where)
        sending.putheader("content-type", kind)
        sending.putheader("accept", "application/json, text/event-stream")
        sending.putheader("transfer-encoding", "chunked")
        sending.endheaders()
        for part in (PART, *[b"x" * MEGABYTE] * limit):
            sending.send(b"%x\r\n%s\r\n" % (len(part), part))
        refused = sending.getresponse()
        said = f"The request has more than the limit of {limit} MB. Give a smaller file."
        assert (refused.status, refused.read().decode()) == (413, said)


def test_a_length_is_enough_for_an_assistant_to_be_refused(program):
    refused = program.post("/mcp", content=b"x" * 3 * MEGABYTE, headers={"content-type": "application/json"})
    said = "The request has 3 MB, more than the limit of 2 MB. Give a smaller file."
    assert (refused.status_code, refused.text) == (413, said)


def test_a_body_without_a_length_that_is_short_enough_is_answered(program):
    def chunks():
        yield b"instruction=replace+the+dog"
        yield b"+with+a+cat"

    kind = {"content-type": "application/x-www-form-urlencoded"}
    said = program.post("/api/plan", content=chunks(), headers=kind).raise_for_status().json()
    assert said["edits"][0]["replacement"] == "cat"
