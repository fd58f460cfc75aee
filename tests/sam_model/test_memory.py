"""The setting of glibc that keeps freed memory; what it is worth, `benchmarks/sam.py` measures."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from sam_model import memory

KEEPS = """
from pathlib import Path
from sam_model.memory import give_back_freed_memory, keep_freed_memory

def pages():
    return Path("/proc/self/statm").read_text().split()[1]

keep_freed_memory()
before = pages()
blocks = [bytearray(1 << 20) for _ in range(200)]
end = bytearray(1 << 20)
del blocks
kept = pages()
give_back_freed_memory()
print(before, kept, pages())
"""


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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps it")
def test_what_is_kept_is_given_back() -> None:
    """In a process of its own: what others have freed in this one would count too."""
    said = subprocess.run([sys.executable, "-c", KEEPS], capture_output=True, text=True, check=True).stdout
    before, kept, given_back = (int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in said.split())
    assert kept - before > 150 << 20
    assert given_back - before < 20 << 20
