"""The door: headers, foreign pages, foreign hosts, files, and the end of a visit."""

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demos.web.guard import COOKIE, Guard
from demos.web.ledger import Ledger
from demos.web.visits import Visits

HASH = "ab" * 32


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path / "visits", keep_seconds=60)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "uploads" / HASH / "dog.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    return path


@pytest.fixture
def door(tmp_path, visits, stored):
    """A server that stores every upload as the same file, behind the guard; gives clients that share nothing."""

    async def page(request):
        return PlainTextResponse("page")

    async def upload(request):
        return JSONResponse([str(stored)])

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/gradio_api/upload", upload, methods=["POST"]),
            Route("/gradio_api/file={path:path}", page),
            Route("/gradio_api/proxy={path:path}", page),
            Route("/gradio_api/heartbeat/{session}", page),
        ]
    )
    ledger = Ledger(tmp_path / "uploads", keep_seconds=60)
    guarded = Guard(app, ledger=ledger, visits=visits, hosts=frozenset({"127.0.0.1"}), max_mb=50)
    return lambda: TestClient(guarded, base_url="http://127.0.0.1:7860")


def test_a_page_may_load_nothing_from_elsewhere_and_has_threads(door):
    headers = door().get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"


def test_a_browser_is_known_by_a_cookie_that_no_script_reads(door):
    client = door()
    given = client.get("/").headers["set-cookie"]
    assert given.startswith(COOKIE)
    assert "HttpOnly" in given
    assert "SameSite=strict" in given.replace("Strict", "strict")
    assert "set-cookie" not in client.get("/").headers


def test_a_visitor_fetches_the_own_file_and_no_other_does(door, stored):
    anna, bert = door(), door()
    anna.get("/")
    bert.get("/")
    anna.post("/gradio_api/upload")
    assert anna.get(f"/gradio_api/file={stored}").status_code == 200
    refused = bert.get(f"/gradio_api/file={stored}")
    assert refused.status_code == 403
    assert refused.text == "This file is not yours, or it is gone."
    assert door().get(f"/gradio_api/file={stored}").status_code == 403


def test_an_encoded_address_is_no_way_around(door, stored):
    bert = door()
    bert.get("/")
    assert bert.get(f"/gradio_api/file={str(stored).replace('/', '%2F')}").status_code == 403


def test_nothing_is_fetched_from_elsewhere(door):
    assert door().get("/gradio_api/file=http://example.com/x.png").status_code == 403
    assert door().get("/gradio_api/proxy=http://example.com/").status_code == 403


def test_another_sites_page_is_refused(door):
    refused = door().post("/gradio_api/upload", headers={"origin": "http://evil.example"})
    assert (refused.status_code, refused.text) == (403, "Another site's page cannot use this one.")
    assert door().post("/gradio_api/upload", headers={"origin": "http://127.0.0.1:7860"}).status_code == 200


def test_another_name_for_this_machine_is_refused(door):
    refused = door().get("/", headers={"host": "evil.example:7860"})
    assert (refused.status_code, refused.text) == (403, "This page is not served as evil.example:7860.")


def test_when_the_last_page_of_a_browser_closes_its_files_go(door, stored, visits):
    anna = door()
    anna.get("/")
    anna.post("/gradio_api/upload")
    visit = visits.of("s1")
    anna.get("/gradio_api/heartbeat/s1")  # ends at once: the page was closed
    assert not stored.exists()
    assert not visit.folder.exists()


def test_a_large_body_is_refused_before_it_is_read(door):
    refused = door().post("/api/edit", headers={"content-length": str(10**10)})
    assert refused.status_code == 413
    assert refused.text == "The request has 10,000 MB, more than the limit of 50 MB. Give a smaller file."
