"""What the studio says of files that are no pictures, or too large."""

import threading

import numpy as np
import pytest

from demos.web.ledger import Ledger
from demos.web.settings import Settings
from demos.web.studio import Studio
from pipelines.errors import UserError
from pipelines.graph import Graph, Ref
from pipelines.images import write_image
from pipelines.ports import InputDecl, PortType
from pipelines.values import Image

GONE = "The file is not here any more. Give it again."


@pytest.fixture
def studio():
    studio = Studio(Settings(max_upload_mb=1, max_pixels=10_000))
    yield studio
    studio.close()
    assert not studio.root.exists()


def test_a_studio_rests_once_after_its_runs_and_never_during_one(studio, monkeypatch):
    given = []
    monkeypatch.setattr("sam_model.memory.give_back_freed_memory", lambda: given.append(True))
    assert not studio.rest()
    words = {"words": InputDecl("words", PortType(str))}
    echo = Graph("echo", inputs=words, steps={}, outputs={"said": Ref("", "words")})
    studio.perform(echo, {"words": "a"}, threading.Event())
    with studio.line.turn(threading.Event()):
        assert not studio.rest()
    assert studio.rest()
    assert not studio.rest()
    assert given == [True]


def told(studio, path):
    with pytest.raises(UserError) as raised:
        studio.read_picture(str(path))
    return str(raised.value)


def test_a_pdf_is_no_picture(studio):
    (studio.uploads / "page.pdf").write_bytes(b"%PDF-1.7 ...")
    said = "page.pdf is not a picture that can be read. Give a PNG, JPEG, WebP, TIFF, GIF, BMP or PPM file."
    assert told(studio, studio.uploads / "page.pdf") == said


def test_a_file_that_is_too_large_is_not_opened(studio):
    with (studio.uploads / "huge.png").open("wb") as file:
        file.truncate(100_000_000)
    said = "huge.png has 100 MB, more than the limit of 1 MB. Give a smaller file."
    assert told(studio, studio.uploads / "huge.png") == said


def test_a_picture_of_too_many_pixels_is_not_decoded(studio):
    write_image(Image(np.zeros((200, 100, 3), np.uint8)), studio.uploads / "wide.png")
    said = "wide.png is 100 by 200: 20,000 pixels, more than the limit of 10,000. Scale it down."
    assert told(studio, studio.uploads / "wide.png") == said


def test_a_picture_that_is_gone(studio):
    assert told(studio, studio.uploads / "gone.png") == GONE


def test_a_file_of_the_servers_disk_is_none_of_a_visitor(studio, tmp_path):
    write_image(Image(np.zeros((10, 10, 3), np.uint8)), tmp_path / "private.png")
    assert told(studio, tmp_path / "private.png") == GONE
    assert told(studio, f"{studio.uploads}/../../../{tmp_path}/private.png") == GONE
    (studio.uploads / "link.png").symlink_to(tmp_path / "private.png")
    assert told(studio, studio.uploads / "link.png") == GONE


@pytest.mark.parametrize("given", [0.5, None, [], "\0", ""])
def test_what_is_no_path_is_no_file(studio, given):
    with pytest.raises(UserError, match=GONE):
        studio.given_file(given)


def test_a_picture_that_is_read_is_kept(studio, clock):
    studio.ledger = Ledger(studio.uploads.resolve(), keep_seconds=60, clock=clock)
    file = studio.uploads.resolve() / ("ab" * 32) / "black.png"
    file.parent.mkdir()
    write_image(Image(np.zeros((10, 10, 3), np.uint8)), file)
    studio.ledger.grant(str(file).encode(), "anna")
    clock.now = 50
    studio.read_picture(str(file))
    clock.now = 100
    studio.ledger.sweep()
    assert file.exists()


def test_settings_that_serve_nobody():
    with pytest.raises(UserError, match="at_once is 0, which serves nobody"):
        Settings(at_once=0)
