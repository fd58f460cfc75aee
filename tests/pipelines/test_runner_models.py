"""Nodes that use models: one lane a device, events of the pool, and model revisions in cache keys."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from pipelines import Model, lease, node
from pipelines.builder import Pipeline
from pipelines.cache import MemoryCache
from pipelines.errors import ModelError, RunError
from pipelines.events import ModelLoaded, ModelLoading, NodeFinished, NodeStarted
from pipelines.families import ModelSource
from pipelines.pool import ModelPool
from pipelines.runner import run

PATIENCE = 10


class Oracle:
    family: ClassVar[str] = "oracle"


class Oracles:
    """A family of one model, whose weights can be exchanged."""

    name = "oracle"

    def __init__(self):
        self.source = ModelSource("oracle", "bundled", Path("somewhere"), "first")

    def resolve(self, ref, *, offline):
        if ref == "missing":
            raise ModelError("no such oracle.")
        return replace(self.source, ref=ref)

    def load(self, source, *, device, dtype):
        return Oracle()


class Observer:
    """Notes how many nodes are in their bodies at once."""

    def __init__(self):
        self.inside = 0
        self.most = 0
        self.calls = 0
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self.inside += 1
            self.calls += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_):
        with self._lock:
            self.inside -= 1


@pytest.fixture
def family():
    return Oracles()


@pytest.fixture
def pool(family):
    return ModelPool(families={"oracle": family}, device="cpu")


@pytest.fixture
def seen():
    return Observer()


@pytest.fixture
def ask(seen):
    @node("test/ask")
    def ask(question: int, *, model: Model[Oracle] = Model()) -> int:
        with lease(Oracle, model), seen:
            time.sleep(0.02)
            return 42

    return ask


def asking(ask, *models):
    """A graph in which each of `models` is asked something of its own."""
    builder = Pipeline("asking")
    for number, model in enumerate(models):
        builder.output(f"o{number}", builder.add(f"n{number}", ask, question=number, model=model))
    return builder.build()


def test_nodes_on_one_device_take_turns(ask, pool, seen):
    run(asking(ask, Model(), Model("other"), Model()), {}, pool=pool, max_workers=4)
    assert (seen.calls, seen.most) == (3, 1)


def test_nodes_on_different_devices_run_at_once(pool):
    together = threading.Barrier(2, timeout=PATIENCE)

    @node("test/meet")
    def meet(question: int, *, model: Model[Oracle] = Model()) -> int:
        together.wait()
        return question

    graph = asking(meet, Model(device="cuda:0"), Model(device="cuda:1"))
    assert run(graph, {}, pool=pool, max_workers=2).outputs == {"o0": 0, "o1": 1}


def test_a_node_without_models_runs_beside_a_busy_lane(pool):
    free_ran = threading.Event()

    @node("test/hold")
    def hold(question: int, *, model: Model[Oracle] = Model()) -> bool:
        return free_ran.wait(PATIENCE)

    @node("test/free")
    def free(question: int) -> int:
        free_ran.set()
        return question

    builder = Pipeline("beside")
    builder.output("held", builder.add("held", hold, question=1))
    builder.output("waiting", builder.add("waiting", hold, question=2))
    builder.output("free", builder.add("free", free, question=3))
    assert run(builder.build(), {}, pool=pool, max_workers=2).outputs == {"held": True, "waiting": True, "free": 3}


def test_a_missing_model_is_the_cause(pool, ask):
    with pytest.raises(RunError) as caught:
        run(asking(ask, Model("missing"), Model()), {}, pool=pool, max_workers=2)
    assert isinstance(caught.value.__cause__, ModelError)


def test_a_run_tells_which_models_it_loads(ask, pool):
    events = []
    result = run(asking(ask, Model()), {}, pool=pool, events=events.append)
    kinds = [type(event) for event in events[1:-1]]
    assert kinds == [NodeStarted, ModelLoading, ModelLoaded, NodeFinished]
    assert [span.name for span in result.trace.models] == ["load oracle bundled"]


def test_other_weights_behind_the_same_name_are_another_result(ask, pool, family, seen):
    cache, graph = MemoryCache(), asking(ask, Model())
    run(graph, {}, pool=pool, cache=cache)
    run(graph, {}, pool=pool, cache=cache)
    assert seen.calls == 1
    family.source = replace(family.source, revision="second")
    run(graph, {}, pool=pool, cache=cache)
    assert seen.calls == 2


def test_another_precision_is_another_result(ask, pool, seen):
    cache = MemoryCache()
    for model in (Model(), Model(dtype="float16"), Model(dtype="float32")):
        run(asking(ask, model), {}, pool=pool, cache=cache)
    assert seen.calls == 2


def test_a_cached_result_loads_no_model(ask, family):
    cache, graph = MemoryCache(), asking(ask, Model())
    run(graph, {}, pool=ModelPool(families={"oracle": family}), cache=cache)
    fresh = ModelPool(families={"oracle": family})
    assert run(graph, {}, pool=fresh, cache=cache).outputs == {"o0": 42}
    assert fresh.loaded() == ()


def test_missing_weights_are_named_with_the_node(ask, pool):
    with pytest.raises(RunError, match=r"n0\(.*no such oracle"):
        run(asking(ask, Model("missing")), {}, pool=pool, cache=MemoryCache())


def test_a_model_can_be_a_pipeline_input(ask, pool, seen):
    builder = Pipeline("chosen")
    model = builder.input("model", Model[Oracle], default=Model())
    for number in range(2):
        builder.output(f"o{number}", builder.add(f"n{number}", ask, question=number, model=model))
    run(builder.build(), {"model": "other"}, pool=pool, max_workers=2)
    assert (seen.calls, seen.most) == (2, 1)
