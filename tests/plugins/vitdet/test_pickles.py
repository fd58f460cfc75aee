"""Pickles of arrays are read without running anything in them."""

from __future__ import annotations

import collections
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from pipelines.errors import ModelError
from plugins.vitdet.pickles import read_arrays


class Calls:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *arguments, state=None):
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.reduced


def write(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_come_back_as_they_were(tmp_path, protocol):
    weights = {
        "float": np.arange(6, dtype=np.float32).reshape(2, 3),
        "half": np.array([1.5, -2], np.float16),
        "columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "big": np.arange(3, dtype=">i4"),
        "one": np.float32(7),
        "none": np.zeros((0, 4), bool),
    }
    content = {"model": collections.OrderedDict(weights), "__author__": "someone", "matching_heuristics": True}
    read = read_arrays(write(tmp_path / "weights.pkl", content, protocol))
    assert list(read) == list(weights)
    for name, value in weights.items():
        np.testing.assert_array_equal(read[name], value)
        assert read[name].shape == np.shape(value)


def test_files_of_old_numpy_are_read(tmp_path):
    old = pickle.dumps({"weight": np.ones(3, np.float32)}, 2).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core." in old
    assert read_arrays(write(tmp_path / "old.pkl", old))["weight"].tolist() == [1, 1, 1]


@settings(max_examples=50)
@given(
    arrays_of.arrays(st.sampled_from([np.float32, np.uint8, np.int64, np.bool_]), arrays_of.array_shapes(min_dims=0))
)
def test_any_array_of_numbers_comes_back(tmp_path_factory, array):
    path = write(tmp_path_factory.mktemp("any") / "any.pkl", {"array": array}, 4)
    np.testing.assert_array_equal(read_arrays(path)["array"], array)


def marker_payloads(marker: Path):
    """Ways to run code when a file is loaded; each would make the marker."""
    touch = f"touch {marker}"
    source = f"open({str(marker)!r}, 'w').close()"
    yield "os.system", Calls(os.system, touch)
    yield "builtins.exec", Calls(exec, source)
    yield "inside the model", {"model": {"weight": Calls(os.system, touch)}}
    yield "as a state", {"weight": Calls(collections.OrderedDict, state=Calls(os.system, touch))}
    yield "by old opcodes", b"(S'" + touch.encode() + b"'\nios\nsystem\n."
    yield "by a dotted name", b"\x80\x04\x8c\x0bcollections\x8c\x11abc.sys.modules.x\x93."
    yield "numpy's own loader", b"cnumpy\nload\n(S'x.npy'\nS'r'\nI01\ntR."
    yield "numpy's test runner", b"cnumpy.testing._private.utils\nrunstring\n(S'" + source.encode() + b"'\n}tR."
    yield "a persistent id", b"Pwhatever\n."
    yield "a binary persistent id", b"\x80\x02X\x01\x00\x00\x00xQ."
    yield "a getattr", b"cbuiltins\ngetattr\n(cos\n__dict__\nS'x'\ntR."


@pytest.mark.parametrize("name", [name for name, _ in marker_payloads(Path("x"))])
def test_code_is_refused_before_it_runs(tmp_path, name):
    marker = tmp_path / "ran"
    path = write(tmp_path / "bad.pkl", dict(marker_payloads(marker))[name])
    with pytest.raises(ModelError, match=r"bad\.pkl would run code when loaded \(.+\): only arrays are accepted\."):
        read_arrays(path)
    assert not marker.exists()


def test_the_refused_name_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"would run code when loaded \(posix\.system\)"):
        read_arrays(write(tmp_path / "bad.pkl", Calls(os.system, "true")))


@pytest.mark.parametrize(
    "array",
    [
        np.array([print], object),
        np.array(["text"]),
        np.zeros(2, [("x", "f4")]),
        np.array([1j]),
        np.array(["2020"], "M8"),
    ],
    ids=["objects", "text", "records", "complex", "dates"],
)
def test_arrays_of_other_things_than_numbers_are_refused(tmp_path, array):
    with pytest.raises(ModelError):
        read_arrays(write(tmp_path / "other.pkl", {"weight": array}))


def test_a_file_cannot_change_the_reader_for_the_next_one(tmp_path):
    # BUILD with a pair of states sets attributes of whatever lies on the stack: here, of a name that was looked up.
    patch = b"cnumpy\ndtype\n(N}S'_make'\nNstb."
    with pytest.raises(ModelError):
        read_arrays(write(tmp_path / "patch.pkl", patch))
    good = {"weight": np.ones(2)}
    assert read_arrays(write(tmp_path / "good.pkl", good))["weight"].tolist() == [1, 1]


def huge_shape() -> bytes:
    content = pickle.dumps({"weight": np.ones((3, 1), np.float32)}, 2)
    return content.replace(b"K\x03K\x01\x86", b"J" + struct.pack("<i", 2**31 - 1) + b"K\x01\x86")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a pickle",
        b"PK\x03\x04rest of a zip",
        pickle.dumps({"weight": np.ones(100)}, 2)[:-40],
        b"\x80\x02]q\x00r\xff\xff\xff\x0f.",
        huge_shape(),
    ],
    ids=["empty", "text", "zip", "cut off", "odd", "shape of more than its bytes"],
)
def test_a_damaged_file_is_one_clear_line(tmp_path, content):
    with pytest.raises(ModelError) as caught:
        read_arrays(write(tmp_path / "damaged.pkl", content))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "damaged.pkl") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([1, 2], "holds no arrays by name"),
        ({"weight": [1.0, 2.0]}, "holds list under 'weight', expected an array"),
        ({3: np.ones(2)}, "holds an unfinished array under 3|under 3"),
        ({"weight": Calls(np.ndarray, (3,))}, "holds an unfinished array under 'weight'"),
    ],
)
def test_a_pickle_of_something_else_says_what_it_holds(tmp_path, content, said):
    with pytest.raises(ModelError, match=said):
        read_arrays(write(tmp_path / "other.pkl", content))


@settings(max_examples=200)
@given(st.data())
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(tmp_path_factory, data):
    content = bytearray(pickle.dumps({"model": {"a": np.ones((2, 2), np.float32)}, "__author__": "x"}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 127))
    path = write(tmp_path_factory.mktemp("fuzz") / "fuzz.pkl", bytes(content))
    try:
        read = read_arrays(path)
    except ModelError:
        return
    assert all(isinstance(value, np.ndarray) for value in read.values())
