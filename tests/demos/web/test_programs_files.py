"""An assistant that runs as the user: how pictures are named, and where results are saved."""

import asyncio
import base64
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("mcp", reason="the ways in for programs need mcp")

from loops import run_apart
from mcp.server.fastmcp.exceptions import ToolError

from demos.web.programs.mcp import Tools, mcp_server
from demos.web.programs.service import Service
from demos.web.settings import Settings
from demos.web.studio import Studio

DOG = Path("demos/images/dog.png")
DOG_TEXT = base64.b64encode(DOG.read_bytes()).decode()


@pytest.fixture
def studio():
    studio = Studio(Settings(offline=True, at_once=1))
    yield studio
    studio.close()


def read(studio, picture):
    return Tools(Service(studio), files=True)._read(str(picture))


def refused(studio, *, files=True, **asked):
    """What an edit is told while nobody's run can begin."""
    asked = {"picture": str(DOG), "instruction": "remove the dog", **asked}
    called = mcp_server(Service(studio), files=files).call_tool("edit", asked)
    with studio.line.turn(threading.Event()), pytest.raises(ToolError) as raised:
        run_apart(asyncio.wait_for(called, 60))
    return str(raised.value)


@pytest.mark.parametrize("picture", [DOG, DOG_TEXT, f"data:image/png;base64,{DOG_TEXT}"], ids=["path", "base64", "url"])
def test_a_picture_is_named_by_its_path_or_sent(studio, picture):
    assert read(studio, picture).size == (512, 384)


def test_what_is_no_picture_is_told_in_a_line(studio, tmp_path):
    with pytest.raises(Exception, match=r"is a folder, not a picture\. Give one picture file in it\."):
        read(studio, tmp_path)
    with pytest.raises(Exception, match=r"'Bücher/Hund\.png' is no picture\. Give the path of a file, base64 or"):
        read(studio, "Bücher/Hund.png")
    with pytest.raises(Exception, match="is no picture") as raised:
        read(studio, "?" * 100_000)
    assert len(str(raised.value)) < 200


def test_a_file_that_is_too_large_is_not_read(studio, tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(Exception, match=r"huge\.png has 100 MB, more than the limit of 50 MB"):
        read(studio, tmp_path / "huge.png")


def test_what_is_there_already_is_not_overwritten(studio, tmp_path):
    (there := tmp_path / "dog.png").write_bytes(DOG.read_bytes())
    told = refused(studio, picture=str(there), save_as=str(there))
    assert f"{there} is there already, and nothing is overwritten. Give another name." in told
    assert there.read_bytes() == DOG.read_bytes()


def test_what_came_to_be_there_during_the_run_is_not_overwritten(studio, tmp_path):
    (there := tmp_path / "dog.png").write_bytes(b"mine")
    found = SimpleNamespace(image=read(studio, DOG))
    with pytest.raises(Exception, match="nothing is overwritten"):
        Tools(Service(studio), files=True)._contents(found, str(there), {})
    assert there.read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_told_before_the_run(studio, tmp_path):
    assert "'.doc' is no supported picture type" in refused(studio, save_as=str(tmp_path / "dog.doc"))
    (tmp_path / "file").touch()
    assert "is a file, not a folder" in refused(studio, save_as=str(tmp_path / "file" / "dog.png"))
    assert "save_as works over stdio only" in refused(studio, files=False, picture=DOG_TEXT, save_as="dog.png")


def test_what_is_no_mistake_of_the_assistants_is_told_without_its_innards(studio):
    def plan(_):
        raise RuntimeError("innards")

    with pytest.raises(ToolError) as raised:
        run_apart(mcp_server(SimpleNamespace(plan=plan)).call_tool("plan", {"instruction": "remove the dog"}))
    assert "Something went wrong here" in str(raised.value)
    assert "innards" not in str(raised.value)
