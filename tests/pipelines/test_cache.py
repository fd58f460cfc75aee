"""The caches: memory by bytes, disk in plain files, one behind the other."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipelines import Image
from pipelines.cache import DiskCache, Entry, MemoryCache, TieredCache, default_cache_root
from pipelines.content import content_id

KEY = "0123456789abcdef"
OTHER = "fedcba9876543210"


def entry(value):
    return Entry({"out": value}, {"out": content_id(value)})


def picture(shade=0, side=8):
    return Image(np.full((side, side, 3), shade, np.uint8))


def folder_of(cache, key=KEY):
    return cache.root / key[:2] / key


@pytest.fixture
def disk(tmp_path):
    return DiskCache(tmp_path)


@pytest.mark.parametrize(
    "make", [lambda _: MemoryCache(), DiskCache, lambda root: TieredCache(MemoryCache(), DiskCache(root))]
)
def test_what_is_put_can_be_got(tmp_path, make):
    cache = make(tmp_path)
    assert cache.get(KEY) is None
    cache.put(KEY, entry("value"))
    assert cache.get(KEY) == entry("value")
    assert cache.get(OTHER) is None


def test_memory_drops_the_least_recently_used_beyond_its_bytes():
    cache = MemoryCache(max_bytes=1000)
    for key in "abc":
        cache.put(key, entry(np.zeros(300, np.uint8)))
    cache.get("a")
    cache.put("d", entry(np.zeros(300, np.uint8)))
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]


def test_memory_does_not_keep_what_is_larger_than_itself():
    cache = MemoryCache(max_bytes=1000)
    cache.put("small", entry(np.zeros(300, np.uint8)))
    cache.put("large", entry(np.zeros(2000, np.uint8)))
    assert cache.get("large") is None
    assert cache.get("small")


def test_memory_counts_an_entry_that_is_put_again_once():
    cache = MemoryCache(max_bytes=1000)
    cache.put("a", entry(np.zeros(300, np.uint8)))
    for _ in range(5):
        cache.put("b", entry(np.zeros(300, np.uint8)))
    assert cache.get("a")


def test_the_bytes_of_a_picture_are_those_of_its_pixels():
    cache = MemoryCache(max_bytes=100 * 100 * 3 + 3000)
    cache.put("first", entry(picture(1, side=100)))
    cache.put("second", entry(picture(2, side=100)))
    assert cache.get("first") is None
    assert cache.get("second")


def test_disk_outlives_the_process(disk, tmp_path):
    disk.put(KEY, entry(picture(3)))
    back = DiskCache(tmp_path).get(KEY)
    assert back.outputs["out"].content_id == picture(3).content_id


def test_disk_keeps_a_png_and_json_that_other_tools_open(disk):
    from PIL import Image as Pil

    disk.put(KEY, entry(picture(3)))
    assert sorted(file.name for file in folder_of(disk).iterdir()) == ["0.png", "entry.json"]
    with Pil.open(folder_of(disk) / "0.png") as png:
        assert png.getpixel((0, 0)) == (3, 3, 3)
    assert json.loads((folder_of(disk) / "entry.json").read_text())["outputs"]["out"]["type"] == "image"


def cut_short(file):
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def emptied(file):
    file.write_bytes(b"")


def one_bit_wrong(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("name", ["0.png", "1.npz", "entry.json"])
@pytest.mark.parametrize("damage", [cut_short, emptied, one_bit_wrong, Path.unlink])
def test_a_damaged_entry_is_a_miss_and_is_written_anew(disk, name, damage):
    whole = entry({"picture": picture(3), "numbers": np.arange(5)})
    disk.put(KEY, whole)
    damage(folder_of(disk) / name)
    assert disk.get(KEY) is None
    disk.put(KEY, whole)
    assert disk.get(KEY).ids == whole.ids


def test_an_entry_whose_picture_was_replaced_by_another_is_a_miss(disk):
    disk.put(KEY, entry(picture(3)))
    disk.put(OTHER, entry(picture(4)))
    (folder_of(disk) / "0.png").write_bytes((folder_of(disk, OTHER) / "0.png").read_bytes())
    assert disk.get(KEY) is None


def test_a_file_that_changed_since_makes_its_entry_a_miss(disk, tmp_path):
    written = tmp_path / "result.txt"
    written.write_text("first")
    disk.put(KEY, entry(written))
    assert disk.get(KEY)
    written.write_text("second")
    assert disk.get(KEY) is None


@dataclass(frozen=True)
class Own:
    number: int


def test_what_has_no_plain_form_is_kept_in_memory_only(tmp_path):
    memory, disk = MemoryCache(), DiskCache(tmp_path)
    TieredCache(memory, disk).put(KEY, entry(Own(1)))
    assert memory.get(KEY)
    assert disk.get(KEY) is None


def test_disk_drops_the_least_recently_used_beyond_its_bytes(tmp_path):
    noise = np.random.default_rng(0)
    cache = DiskCache(tmp_path, max_bytes=50_000)
    keys = [f"{number:016x}" for number in range(8)]
    for age, key in enumerate(keys):
        cache.put(key, entry(noise.integers(0, 256, 10_000, dtype=np.uint8)))
        if folder_of(cache, key).is_dir():
            os.utime(folder_of(cache, key), (1000 + age, 1000 + age))
    kept = [key for key in keys if cache.get(key)]
    assert kept == keys[-len(kept) :]
    assert 2 <= len(kept) <= 5


def test_getting_an_entry_makes_it_recently_used(disk):
    disk.put(KEY, entry(1))
    os.utime(folder_of(disk), (1000, 1000))
    disk.get(KEY)
    assert folder_of(disk).stat().st_mtime > 1000


def test_nothing_half_written_is_left_when_the_disk_fails(disk, monkeypatch, caplog):
    write = Path.write_bytes

    def full(self, data):
        if self.name == "entry.json":
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    disk.put(KEY, entry(picture()))
    monkeypatch.undo()
    assert list((disk.root / KEY[:2]).iterdir()) == []
    assert "No space left on device" in caplog.text


def test_a_folder_that_cannot_be_made_costs_the_cache_not_the_run(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = DiskCache(blocked)
    cache.put(KEY, entry(1))
    cache.put(OTHER, entry(2))
    assert cache.get(KEY) is None
    assert len(caplog.records) == 1


def test_an_abandoned_half_entry_is_removed(tmp_path):
    cache = DiskCache(tmp_path, max_bytes=1)
    left = cache.root / "01" / ".0123.abcd"
    left.mkdir(parents=True)
    os.utime(left, (1000, 1000))
    cache.put(KEY, entry(1))
    assert not left.exists()


def test_a_slower_tier_fills_the_faster_one(tmp_path):
    memory, disk = MemoryCache(), DiskCache(tmp_path)
    disk.put(KEY, entry(1))
    assert memory.get(KEY) is None
    TieredCache(memory, disk).get(KEY)
    assert memory.get(KEY) == entry(1)


def test_the_users_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMLOOM_CACHE", str(tmp_path))
    assert default_cache_root() == tmp_path


def test_a_picture_beyond_pillows_limit_is_found_again(disk, monkeypatch):
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 10)
    disk.put(KEY, entry(picture()))
    found = disk.get(KEY)
    assert found is not None
    assert content_id(found.outputs["out"]) == content_id(picture())


def test_a_picture_beyond_the_limit_of_pictures_is_not_kept_on_disk_nor_read_from_there(disk, monkeypatch):
    monkeypatch.setenv("SAMLOOM_MAX_PIXELS", "64")
    disk.put(KEY, entry(picture(side=9)))
    assert not folder_of(disk).exists()
    disk.put(KEY, entry(picture()))
    monkeypatch.setenv("SAMLOOM_MAX_PIXELS", "63")
    assert disk.get(KEY) is None
