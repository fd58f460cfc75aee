"""The setting of glibc that keeps freed memory; what it is worth, `benchmarks/sam.py` measures."""

from __future__ import annotations

import ctypes
import platform
import sys
from types import SimpleNamespace

import pytest

from sam_model import memory


@pytest.fixture
def settings(monkeypatch) -> dict[int, int]:
    """What glibc was told."""
    told: dict[int, int] = {}
    library = SimpleNamespace(mallopt=lambda name, value: not told.update({name: value}))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(sys, "platform", "linux")
    return told


def test_blocks_come_from_the_heap_which_keeps_its_end(settings) -> None:
    assert memory.keep_freed_memory(100 << 20)
    assert settings == {memory.M_MMAP_THRESHOLD: 32 << 20, memory.M_TRIM_THRESHOLD: 100 << 20}


@pytest.mark.parametrize(("system", "library"), [("darwin", SimpleNamespace()), ("linux", SimpleNamespace())])
def test_other_systems_and_libraries_are_left_alone(monkeypatch, system, library) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(sys, "platform", system)
    assert not memory.keep_freed_memory()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc knows the setting")
def test_the_library_of_this_machine_takes_it() -> None:
    assert memory.keep_freed_memory()
