"""Bad input through the page: one clear line each, never a trace of the server's innards, and the server goes on."""

import time
from pathlib import Path

import httpx
import pytest

DOG = Path("demos/images/dog.png")
SLOW = """version: 1
inputs:
  photo: {type: Image}
nodes:
  saved: {use: image/save, image: "${photo}", path: first.png}
  all:   {use: sam/everything, image: "${photo}", points_per_side: 64}
outputs:
  masks: "${all}"
  file: "${saved}"
"""
INNARDS = ("Traceback", "site-packages", 'File "', "/tmp/")


@pytest.fixture
def bench(browser_page):
    page = browser_page
    page.get_by_role("tab", name="Pipelines").click()
    page.wait_for_selector("#bench-form input[type=file]", state="attached")
    return page


def complaint(page):
    """The one line that the page says."""
    page.wait_for_selector("#bench-status .status.error")
    said = page.inner_text("#bench-status .status")
    assert not any(part in page.inner_text("body") for part in INNARDS)
    return said


def test_a_pdf_as_picture(bench, tmp_path):
    pdf = tmp_path / "paper.png"
    pdf.write_bytes(b"%PDF-1.7\n" + b"\0" * 2000)
    bench.set_input_files("#bench-form input[type=file]", str(pdf))
    bench.wait_for_selector("#bench-form img", state="attached")
    bench.click("#bench-run")
    assert complaint(bench).startswith("paper.png is not a picture that can be read.")


def test_no_picture_at_all(bench):
    bench.click("#bench-run")
    assert complaint(bench).startswith("'photo' is missing.")


def test_a_broken_pipeline(bench):
    bench.fill("#bench-editor textarea", "version: 1\nnodes: {{{\n")
    bench.wait_for_selector("#bench-editor .problems li")
    assert "is not valid YAML" in bench.inner_text("#bench-editor .problems")
    bench.click("#bench-run")
    assert complaint(bench).startswith("The pipeline has 1 mistake. Line ")


def test_an_empty_pipeline(bench):
    bench.fill("#bench-editor textarea", "  ")
    bench.wait_for_selector("#bench-drawing .nothing")
    bench.click("#bench-run")
    assert complaint(bench).startswith("There is no pipeline yet.")


def test_a_file_of_a_hundred_megabytes_is_refused_before_it_is_read(served):
    with httpx.Client(base_url=served.url, timeout=300) as client:
        client.get("/")
        sent = client.post("/gradio_api/upload", files={"files": ("huge.png", b"\0" * 100_000_000)})
        assert sent.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        assert not any(part in sent.text for part in INNARDS)
        assert client.get("/").status_code == httpx.codes.OK


@pytest.mark.browser
def test_a_picture_with_nothing_found(bench, tmp_path):
    from PIL import Image as Pil

    Pil.new("RGB", (320, 240), (120, 160, 200)).save(tmp_path / "sky.png")
    bench.set_input_files("#bench-form input[type=file]", str(tmp_path / "sky.png"))
    bench.wait_for_selector("#bench-form img")
    bench.fill("#bench-form textarea", "elephant.")
    bench.click("#bench-run")
    bench.wait_for_selector("#bench-status .status.done")
    assert "Nothing was found in this picture." in bench.inner_text("#bench-outputs")


@pytest.mark.browser
def test_a_tab_closed_in_mid_run_stops_the_work_and_takes_its_files_along(bench, served):
    studio = served.studio
    bench.fill("#bench-editor textarea", SLOW)
    bench.wait_for_selector("#bench-drawing [data-name=saved]")  # the pipeline before has a step "all" too
    bench.set_input_files("#bench-form input[type=file]", str(DOG))
    bench.wait_for_selector("#bench-form img")
    bench.click("#bench-run")
    bench.wait_for_selector("#bench-drawing [data-name=all].is-running")
    assert list((studio.root / "visits").rglob("first.png"))
    bench.close()
    until = time.monotonic() + 300
    while (len(studio.line) or list((studio.root / "visits").rglob("first.png"))) and time.monotonic() < until:
        time.sleep(0.5)
    assert len(studio.line) == 0
    assert not list((studio.root / "visits").rglob("first.png"))
    assert httpx.get(served.url).status_code == httpx.codes.OK
