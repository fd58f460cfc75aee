"""What people get wrong: exit code 2, one line that says what would work, nothing written."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

PICTURE = (np.arange(48 * 64 * 3) % 251).astype(np.uint8).reshape(48, 64, 3)


def header_bomb() -> bytes:
    """A PNG of a hundred bytes that claims 20,000 × 20,000 pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def truncated(suffix: str) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    Pil.fromarray(PICTURE).save(buffer, suffix)
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


UNREADABLE = {
    "text.png": (b"no picture at all\n" * 9, "is not a picture that can be read."),
    "zero.png": (b"", "is empty (0 bytes)."),
    "half.png": (truncated("PNG"), "is damaged or cut short."),
    "half.jpg": (truncated("JPEG"), "is damaged or cut short."),
    "bomb.png": (header_bomb(), "is 20,000 by 20,000"),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("command", [("edit", "replace the dog with a cat"), ("segment", "dog.")])
def test_a_file_that_is_no_whole_picture_is_named(samloom, tmp_path, name, command):
    data, message = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)
    result = samloom(command[0], tmp_path / name, command[1], "-o", tmp_path / "out.png")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"samloom: {tmp_path / name}")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_missing_picture_is_looked_for_nearby(samloom, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dog.png").touch()
    assert (
        samloom("edit", "dgo.png", "remove the dog").err == "samloom: dgo.png does not exist. Did you mean dog.png?\n"
    )


def test_a_folder_is_no_picture(samloom, tmp_path):
    result = samloom("edit", tmp_path, "remove the dog")
    assert result.code == 2
    assert "is a folder, not a picture" in result.err


@pytest.fixture
def picture(tmp_path):
    Pil.fromarray(PICTURE).save(tmp_path / "dog.png")
    return tmp_path / "dog.png"


@pytest.mark.parametrize(
    ("instruction", "message"),
    [("", "empty"), ("   ", "empty"), ("dog " * 5_000, "1,000"), ("sing me a song", "sing")],
)
def test_an_instruction_that_asks_for_nothing_is_explained(samloom, picture, instruction, message):
    result = samloom("edit", picture, instruction, "-o", picture.with_name("out.png"), "--no-cache", "-q")
    assert (result.code, result.out) == (2, "")
    line, *pointing = result.err.splitlines()
    assert message in line
    assert pointing == ([] if message != "sing" else ["  sing me a song", "  ^^^^"])
    assert not picture.with_name("out.png").exists()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.xyz", "'.xyz' is no supported picture type. Use .png"),
        ("dog.png/out.png", "is a file, not a folder"),
        (".", "it is a folder"),
        ("/proc/out.png", "cannot write /proc/out.png"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(samloom, picture, output, message):
    result = samloom("edit", picture, "remove the dog", "-o", picture.parent / output)
    assert result.code == 2
    assert message in result.err
    assert [path.name for path in picture.parent.iterdir()] == ["dog.png"]


def test_a_report_that_cannot_be_written_is_told_before_the_work(samloom, picture):
    result = samloom("edit", picture, "remove the dog", "-o", picture.with_name("o.png"), "--report", picture.parent)
    assert result.code == 2
    assert "it is a folder" in result.err
    assert not picture.with_name("o.png").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("-o", "x.png", "--report", "x.png"), "x.png is --output already, which --report would replace."),
        (("-o", "x.png", "--report", "y", "--trace", "./y"), "y is --report already, which --trace would replace."),
        (("-o", "x.png", "--events", "dog.png"), "dog.png is IMAGE already, which --events would replace."),
    ],
)
def test_no_file_is_written_over_another_of_the_same_run(samloom, picture, monkeypatch, files, message):
    monkeypatch.chdir(picture.parent)
    before = picture.read_bytes()
    result = samloom("edit", "dog.png", "remove the dog", *files, "-q", "--no-cache")
    assert (result.code, result.err) == (2, f"samloom: {message} Give each a file of its own.\n")
    assert [(path.name, path.read_bytes()) for path in Path().iterdir()] == [("dog.png", before)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("edit",), "Missing argument 'IMAGE'."),
        (("eddit", "a", "b"), "No such command 'eddit'."),
        (("edit", "a.png", "b", "--seed", "x"), "Invalid value for '--seed': Input should be a valid integer"),
        (("edit", "a.png", "b", "--memory", "-1"), "--memory is -1, which holds no model."),
        (("run", "edit", "--photto", "a.png"), "edit has no input 'photto'. Did you mean 'photo'?"),
        (("run", "edit"), "edit needs --photo."),
        (("run", "edti"), "edti"),
        (("check", "missing.yaml"), "missing.yaml"),
        (("segment", "a.png", " . "), "' . ' names nothing to find. Say what, such as 'dog. cat.'."),
        (("nodes", "sam/mask"), "Did you mean 'sam/masks'?"),
        (("nodes", "samm"), "there is no namespace 'samm'. Did you mean 'sam'?"),
    ],
)
def test_a_wrong_command_line_is_one_line(samloom, arguments, message):
    result = samloom(*arguments)
    assert result.code == 2
    assert message in result.err
    assert result.err.startswith("samloom: ")


SENTENCE = "replace the dog with a cat " * 12


@pytest.mark.parametrize(
    "arguments",
    [
        ("edit", SENTENCE, "dog.png"),
        ("segment", "dog.png", "dog.", "-o", SENTENCE),
        ("edit", "dog.png", "remove the dog", "-o", f"{SENTENCE}.png"),
        ("edit", "dog.png", "remove the dog", "--report", SENTENCE),
        ("run", SENTENCE),
        ("check", SENTENCE),
        ("check", f"{SENTENCE}.yaml"),
        ("check", "uses.yaml"),
        ("batch", "edit", SENTENCE, "-o", "out", "-i", "instruction=remove the dog"),
        ("rerun", SENTENCE),
    ],
)
def test_a_sentence_in_the_place_of_a_file_is_told(samloom, picture, monkeypatch, arguments):
    monkeypatch.chdir(picture.parent)
    Path("uses.yaml").write_text(f"version: 1\nnodes: {{a: {{use: '{SENTENCE}.yaml'}}}}\noutputs: {{x: '${{a}}'}}\n")
    result = samloom(*arguments)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert SENTENCE in result.err


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "--device gpu is no device. Choose cpu, cuda, cuda:1 or mps."),
        ("cuda", "--device cuda: PyTorch is installed without CUDA here. Choose cpu, or install it with CUDA."),
    ],
)
def test_a_device_that_there_is_not_is_told_before_the_work(samloom, picture, monkeypatch, device, message):
    monkeypatch.setattr("pipelines.devices._torch_is_built_for", lambda platform: False)
    result = samloom("edit", picture, "remove the dog", "--device", device)
    assert (result.code, result.out, result.err) == (2, "", f"samloom: {message}\n")


def test_a_device_of_the_environment_that_there_is_not_is_told(samloom, picture, monkeypatch):
    monkeypatch.setenv("SAMLOOM_DEVICE", "gpu")
    result = samloom("edit", picture, "remove the dog", "-o", picture.with_name("o.png"), "-q", "--no-cache")
    assert (result.code, result.err) == (
        2,
        "samloom: SAMLOOM_DEVICE=gpu is no device. Choose cpu, cuda, cuda:1 or mps.\n",
    )


def test_a_picture_that_its_format_cannot_hold_is_told_before_the_work(samloom, tmp_path):
    Pil.new("RGB", (17_000, 2)).save(tmp_path / "wide.png")
    result = samloom("edit", tmp_path / "wide.png", "remove the dog", "-o", tmp_path / "out.webp")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "samloom: a picture of 17,000 by 2 cannot be written as WEBP: a side has at most 16,383 pixels there. "
        "Use .png.\n"
    )
