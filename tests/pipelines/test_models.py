"""The model pool: built once, lent, counted, evicted."""

import threading
from pathlib import Path
from typing import ClassVar

import pytest

from pipelines import Model
from pipelines.errors import Cancelled, ModelError
from pipelines.events import ModelEvicted, ModelLoaded, ModelLoading
from pipelines.families import ModelSource, find_family
from pipelines.memory import is_out_of_memory
from pipelines.models import current_pool, default_pool, lease
from pipelines.pool import ModelPool
from pipelines.scope import Scope, use_scope

PATIENCE = 60


class Parrot:
    """The kind of model that these tests lend."""

    family: ClassVar[str] = "parrot"

    def __init__(self, source, device, dtype):
        self.source, self.device, self.dtype = source, device, dtype


class Parrots:
    """A family of which every ref exists; sizes are in the ref, as in "red:300"."""

    name = "parrot"

    def __init__(self):
        self.loads = []
        self.threads = []
        self.gate = threading.Event()
        self.gate.set()
        self.failures = []

    def resolve(self, ref, *, offline):
        if offline and ref.startswith("hub"):
            raise ModelError(f"'{ref}' is not on this machine.")
        size = int(ref.partition(":")[2] or 0)
        return ModelSource(self.name, ref, Path(ref), f"revision of {ref}", size)

    def load(self, source, *, device, dtype):
        self.threads.append(threading.current_thread().name)
        assert self.gate.wait(PATIENCE)
        self.loads.append(source.ref)
        if self.failures:
            raise self.failures.pop(0)
        return Parrot(source, device, dtype)


@pytest.fixture
def family():
    return Parrots()


@pytest.fixture
def pool(family):
    return ModelPool(families={"parrot": family}, device="cpu")


@pytest.fixture
def events(pool):
    """What is emitted in a run with the pool."""
    seen = []
    with use_scope(Scope(emit=seen.append, pool=pool)):
        yield seen


def budgeted(family, budget):
    return ModelPool(families={"parrot": family}, device="cpu", budget_bytes=budget)


def refs(pool):
    return [source.ref for source in pool.loaded()]


def test_a_lease_gives_the_model_that_the_port_names(events):
    with lease(Parrot, Model("red", dtype="bfloat16")) as parrot:
        assert (parrot.source.ref, parrot.device, parrot.dtype) == ("red", "cpu", "bfloat16")


def test_without_a_ref_it_is_the_pools_preset(family):
    pool = ModelPool(preset="base", families={"parrot": family}, device="cpu")
    with use_scope(Scope(pool=pool)), lease(Parrot) as parrot:
        assert parrot.source.ref == "base"


def test_a_string_is_a_ref(events):
    with lease(Parrot, "green") as parrot:
        assert parrot.source.ref == "green"


def test_a_model_is_built_once_whoever_asks(pool, family):
    family.gate.clear()
    found = []

    def ask():
        with pool.lease("parrot", Model("red")) as parrot:
            found.append(parrot)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    family.gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert family.loads == ["red"]
    assert len(set(map(id, found))) == 1
    assert len(found) == 5


def test_models_are_told_apart_by_revision_dtype_and_device(pool, family):
    for model in (Model("red"), Model("blue"), Model("red", dtype="float16"), Model("red", device="cuda")):
        with pool.lease("parrot", model):
            pass
    assert len(family.loads) == 4


def test_models_are_built_in_the_one_loader_thread(pool, family):
    for ref in ("red", "blue"):
        with pool.lease("parrot", Model(ref)):
            pass
    assert len(set(family.threads)) == 1
    assert family.threads[0].startswith("samloom-loader")


def test_the_least_recently_used_makes_room(family):
    pool = budgeted(family, 1000)
    for ref in ("a:400", "b:400", "a:400", "c:400"):
        with pool.lease("parrot", Model(ref)):
            pass
    assert refs(pool) == ["a:400", "c:400"]


def test_a_leased_model_is_not_evicted(family):
    pool = budgeted(family, 1000)
    with pool.lease("parrot", Model("a:400")):
        for ref in ("b:400", "c:400"):
            with pool.lease("parrot", Model(ref)):
                assert "a:400" in refs(pool)
    assert family.loads == ["a:400", "b:400", "c:400"]


def test_a_newcomer_waits_until_a_lease_ends(family):
    pool = budgeted(family, 1000)
    arrived = threading.Event()

    def newcomer():
        with pool.lease("parrot", Model("b:700")):
            arrived.set()

    with pool.lease("parrot", Model("a:700")):
        thread = threading.Thread(target=newcomer)
        thread.start()
        assert not arrived.wait(0.3)
        assert family.loads == ["a:700"]
    assert arrived.wait(PATIENCE)
    thread.join(PATIENCE)
    assert refs(pool) == ["b:700"]


def test_who_holds_a_model_never_waits_for_room(family):
    pool, seen = budgeted(family, 1000), []
    scope = Scope(emit=seen.append)
    with use_scope(scope), pool.lease("parrot", Model("a:700")), pool.lease("parrot", Model("b:700")):
        assert refs(pool) == ["a:700", "b:700"]
    assert [event.over_budget for event in seen if isinstance(event, ModelLoading)] == [0, 400]


def test_a_model_larger_than_the_budget_is_loaded_alone(family):
    pool, seen = budgeted(family, 1000), []
    with use_scope(Scope(emit=seen.append)):
        for ref in ("a:400", "huge:5000"):
            with pool.lease("parrot", Model(ref)):
                pass
    assert refs(pool) == ["huge:5000"]
    assert ModelLoading("parrot", "huge:5000", "cpu", over_budget=4000) in seen


def test_events_tell_what_comes_and_goes(pool, family, events):
    with lease(Parrot, "red"):
        pass
    pool.clear()
    kinds = [type(event) for event in events]
    assert kinds == [ModelLoading, ModelLoaded, ModelEvicted]
    assert {event.ref for event in events} == {"red"}


def test_clear_spares_what_is_leased(pool):
    with pool.lease("parrot", Model("red")):
        with pool.lease("parrot", Model("blue")):
            pass
        pool.clear()
        assert refs(pool) == ["red"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_drops_the_idle_and_tries_once_more(pool, family, error):
    with pool.lease("parrot", Model("idle")):
        pass
    family.failures = [error]
    with pool.lease("parrot", Model("red")) as parrot:
        assert parrot.source.ref == "red"
    assert family.loads == ["idle", "red", "red"]
    assert refs(pool) == ["red"]


def test_out_of_memory_twice_is_the_error(pool, family):
    family.failures = [MemoryError(), MemoryError("still")]
    with pytest.raises(MemoryError, match="still"), pool.lease("parrot", Model("red")):
        pass


def test_other_errors_are_not_taken_for_lack_of_memory():
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_after_a_failed_load_the_next_lease_tries_again(pool, family):
    family.failures = [ModelError("damaged")]
    with pytest.raises(ModelError, match="damaged"), pool.lease("parrot", Model("red")):
        pass
    with pool.lease("parrot", Model("red")) as parrot:
        assert parrot.source.ref == "red"


def test_offline_reaches_the_family(family):
    pool = ModelPool(offline=True, families={"parrot": family})
    with pytest.raises(ModelError, match="not on this machine"):
        pool.resolve("parrot", Model("hub/red"))


def test_resolving_loads_nothing(pool, family):
    assert pool.resolve("parrot", Model("red")).revision == "revision of red"
    assert family.loads == []


def test_waiting_for_a_model_ends_when_the_run_is_cancelled(pool, family):
    family.gate.clear()
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    with use_scope(Scope(is_stopping=stop.is_set)), pytest.raises(Cancelled), pool.lease("parrot", Model("red")):
        pass
    family.gate.set()
    with pool.lease("parrot", Model("red")):
        pass
    assert family.loads == ["red"]


def test_a_family_that_nobody_installed_is_the_users_mistake():
    with pytest.raises(ModelError, match="No installed plugin loads models of the family 'unicorn'"):
        find_family("unicorn")


def test_the_suites_own_families_are_found_through_entry_points():
    assert find_family("sam").name == "sam"


def test_outside_a_run_the_process_has_one_pool():
    assert current_pool() is default_pool()
    assert default_pool() is default_pool()


def test_inside_a_run_it_is_the_runs_pool(pool):
    with use_scope(Scope(pool=pool)):
        assert current_pool() is pool


def test_the_environment_can_choose_the_device(monkeypatch):
    monkeypatch.setenv("SAMLOOM_DEVICE", "cuda:1")
    assert ModelPool().device_of(Model()) == "cuda:1"
    assert ModelPool().device_of(Model(device="cpu")) == "cpu"


def test_a_model_is_a_value():
    assert Model("red") == Model("red")
    assert hash(Model("red")) == hash(Model("red"))
