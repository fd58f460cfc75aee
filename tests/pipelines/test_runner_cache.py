"""A run computes again only what could have become different."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipelines import Each, Image, Many, node
from pipelines.builder import Pipeline
from pipelines.cache import DiskCache, MemoryCache
from pipelines.errors import RunError
from pipelines.runner import run

calls: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def fresh_calls():
    calls.clear()


@node("test/find")
def find(image: Image, prompt: str) -> Each[int]:
    calls["find"] += 1
    return {str(place): int(image.pixels[0, place, 0]) for place in range(image.width)}


@node("test/cut")
def cut(image: Image, at: int, *, grow: int = 0) -> Image:
    calls["cut"] += 1
    return Image(image.pixels[:, : 1 + at % 2 + grow].copy())


@node("test/paint")
def paint(image: Image, parts: Many[Image], prompt: str, seed: int = 7) -> Image:
    calls["paint"] += 1
    return Image(np.full_like(image.pixels, len(prompt) + seed + len(parts)))


@node("test/brightness")
def brightness(image: Image) -> int:
    calls["brightness"] += 1
    return int(image.pixels.max()) // 100


@node("test/label")
def label(level: int) -> str:
    calls["label"] += 1
    return f"level {level}"


@node("test/write", cache=False)
def write(text: str) -> str:
    calls["write"] += 1
    return text


def picture(*shades):
    return Image(np.array([[[shade] * 3 for shade in shades]], np.uint8))


@pytest.fixture
def editing():
    """find → cut (for each) → paint, with a prompt for the first and one for the last."""
    builder = Pipeline("edit")
    photo, what, into = builder.input("photo", Image), builder.input("what", str), builder.input("into", str)
    found = builder.add("found", find, image=photo, prompt=what)
    parts = builder.add("parts", cut, image=photo, at=found)
    builder.output("image", builder.add("painted", paint, image=photo, parts=parts, prompt=into))
    return builder.build()


@pytest.mark.parametrize("make", [lambda _: MemoryCache(), DiskCache])
def test_changing_the_painting_prompt_runs_the_painting_and_nothing_else(editing, tmp_path, make):
    cache = make(tmp_path)
    photo = picture(1, 2)
    run(editing, {"photo": photo, "what": "dog", "into": "cat"}, cache=cache)
    result = run(editing, {"photo": photo, "what": "dog", "into": "horse"}, cache=cache)
    assert result.trace.executed == ("painted",)
    assert set(result.trace.cached) == {"found", "parts[0]", "parts[1]"}
    assert calls == {"find": 1, "cut": 2, "paint": 2}


def test_what_comes_from_the_cache_is_what_was_computed(editing, tmp_path):
    inputs = {"photo": picture(1, 2), "what": "dog", "into": "cat"}
    first = run(editing, inputs, cache=DiskCache(tmp_path)).outputs["image"]
    second = run(editing, inputs, cache=DiskCache(tmp_path))
    assert second.trace.executed == ()
    assert np.array_equal(second.outputs["image"].pixels, first.pixels)


def test_an_equal_picture_from_elsewhere_is_the_same_input(editing):
    cache = MemoryCache()
    for _ in range(2):
        run(editing, {"photo": picture(1, 2), "what": "dog", "into": "cat"}, cache=cache)
    assert calls["paint"] == 1


def test_a_changed_pixel_runs_what_sees_it(editing):
    cache = MemoryCache()
    for shade in (2, 3):
        run(editing, {"photo": picture(1, shade), "what": "dog", "into": "cat"}, cache=cache)
    assert calls["paint"] == 2


def test_an_unchanged_result_stops_the_invalidation():
    builder = Pipeline("stop")
    photo = builder.input("photo", Image)
    builder.output("out", builder.add("label", label, level=builder.add("level", brightness, image=photo)))
    graph, cache = builder.build(), MemoryCache()
    run(graph, {"photo": picture(110)}, cache=cache)
    result = run(graph, {"photo": picture(120)}, cache=cache)
    assert result.trace.executed == ("level",)
    assert calls == {"brightness": 2, "label": 1}


def test_only_the_changed_key_of_an_axis_runs_again(editing):
    cache = MemoryCache()
    builder = Pipeline("labels")
    levels = builder.input("levels", Each[int])
    builder.output("out", builder.add("label", label, level=levels))
    graph = builder.build()
    run(graph, {"levels": {"a": 1, "b": 2}}, cache=cache)
    result = run(graph, {"levels": {"a": 1, "b": 3}}, cache=cache)
    assert result.trace.executed == ("label[b]",)


def labelled(function, **constants):
    builder = Pipeline("one")
    builder.output("out", builder.add("only", function, **constants))
    return builder.build()


def test_a_default_counts_like_the_same_constant():
    cache, photo = MemoryCache(), picture(1, 2)
    run(labelled(cut, image=photo, at=1), {}, cache=cache)
    run(labelled(cut, image=photo, at=1, grow=0), {}, cache=cache)
    assert calls["cut"] == 1


def test_neither_the_name_of_a_step_counts_nor_whence_its_inputs_come():
    cache = MemoryCache()
    run(labelled(label, level=1), {}, cache=cache)
    builder = Pipeline("other")
    builder.output("out", builder.add("another_name", label, level=builder.input("level", int)))
    run(builder.build(), {"level": 1}, cache=cache)
    assert calls["label"] == 1


def test_a_new_version_of_a_node_is_another_node():
    cache = MemoryCache()
    for version in (1, 2, 1):

        @node("test/versioned", version=version)
        def versioned(level: int) -> int:
            calls["versioned"] += 1
            return level

        run(labelled(versioned, level=1), {}, cache=cache)
    assert calls["versioned"] == 2


def test_a_node_with_effects_runs_every_time_and_does_not_spoil_what_follows():
    builder = Pipeline("effects")
    written = builder.add("written", write, text="same")
    builder.output("out", builder.add("label", label, level=builder.add("length", length, text=written)))
    graph, cache = builder.build(), MemoryCache()
    for _ in range(2):
        result = run(graph, {}, cache=cache)
    assert calls["write"] == 2
    assert result.trace.executed == ("written",)


@node("test/length")
def length(text: str) -> int:
    return len(text)


def test_a_path_stands_for_the_file_it_names(tmp_path):
    @node("test/read")
    def read(file: Path) -> str:
        calls["read"] += 1
        return file.read_text()

    file, cache = tmp_path / "words.txt", MemoryCache()
    graph = labelled(read, file=file)
    for words in ("first", "first", "second"):
        file.write_text(words)
        assert run(graph, {}, cache=cache).outputs == {"out": words}
    assert calls["read"] == 2


def test_without_a_cache_everything_runs():
    for _ in range(2):
        run(labelled(label, level=1), {})
    assert calls["label"] == 2


class Opaque:
    """A value whose content nobody can see."""

    def __init__(self, number):
        self.number = number


def test_what_cannot_be_seen_is_never_taken_from_the_cache():
    @node("test/make")
    def make(number: int) -> Opaque:
        calls["make"] += 1
        return Opaque(number)

    @node("test/open")
    def open_(thing: Opaque) -> int:
        calls["open"] += 1
        return thing.number

    builder = Pipeline("opaque")
    builder.output("out", builder.add("open", open_, thing=builder.add("make", make, number=1)))
    graph, cache = builder.build(), MemoryCache()
    for _ in range(2):
        assert run(graph, {}, cache=cache).outputs == {"out": 1}
    assert calls == {"make": 2, "open": 2}


def test_finished_work_is_in_the_cache_after_an_error():
    @node("test/fail")
    def fail(level: str) -> str:
        raise ValueError("no")

    builder = Pipeline("failing")
    builder.output("out", builder.add("broken", fail, level=builder.add("label", label, level=1)))
    graph, cache = builder.build(), MemoryCache()
    for _ in range(2):
        with pytest.raises(RunError):
            run(graph, {}, cache=cache)
    assert calls["label"] == 1
