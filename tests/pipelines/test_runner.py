"""Running a graph: order, parallelism, values that do not fit, branches."""

import threading
import time
from contextvars import ContextVar

import pytest

from pipelines import FirstOf, When, empty_detections, node
from pipelines.builder import Pipeline
from pipelines.errors import NodeError, PortError, RunError, UserError
from pipelines.runner import run
from pipelines.values import Boxes, Masks
from tests.pipelines.small_graphs import add, one_step, sum_of

PATIENCE = 10


def test_values_flow_along_the_edges():
    assert run(sum_of("a", "b"), {"x": 3}).outputs == {"last": 8}


def test_a_chain_stays_on_the_calling_thread():
    threads = []

    @node("test/where")
    def where(a: int) -> int:
        threads.append(threading.current_thread())
        return a

    builder = Pipeline("chain")
    value = builder.input("x", int)
    for number in range(20):
        value = builder.add(f"n{number}", where, a=value)
    builder.output("out", value)
    run(builder.build(), {"x": 0})
    assert set(threads) == {threading.current_thread()}


def test_independent_nodes_run_at_the_same_time():
    together = threading.Barrier(2, timeout=PATIENCE)

    @node("test/meet")
    def meet(a: int) -> int:
        together.wait()
        return a

    builder = Pipeline("meeting")
    x = builder.input("x", int)
    builder.output("out", builder.add("both", add, a=builder.add("m1", meet, a=x), b=builder.add("m2", meet, a=x)))
    assert run(builder.build(), {"x": 1}, max_workers=2).outputs["out"] == 2


def test_a_node_starts_before_an_unrelated_one_of_an_earlier_layer_has_ended():
    downstream_began = threading.Event()

    @node("test/wait")
    def wait(a: int) -> bool:
        return downstream_began.wait(PATIENCE)

    @node("test/begin")
    def begin(a: int) -> int:
        downstream_began.set()
        return a

    builder = Pipeline("layers")
    x = builder.input("x", int)
    builder.output("slow", builder.add("slow", wait, a=x))
    builder.output("deep", builder.add("deep", begin, a=builder.add("quick", add, a=x)))
    assert run(builder.build(), {"x": 1}, max_workers=2).outputs == {"slow": True, "deep": 2}


def test_one_worker_runs_one_node_at_a_time():
    running = []
    most = []

    @node("test/observe")
    def observe(a: int) -> int:
        running.append(a)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(a)
        return a

    builder = Pipeline("alone")
    for number in range(4):
        builder.output(f"o{number}", builder.add(f"n{number}", observe, a=number))
    run(builder.build(), {}, max_workers=1)
    assert max(most) == 1


def test_no_thread_outlives_its_run():
    before = set(threading.enumerate())
    run(sum_of("a", "b"), {"x": 1})
    assert set(threading.enumerate()) == before


def test_context_variables_reach_the_nodes_and_do_not_leak_from_them():
    language = ContextVar("language", default="none")

    @node("test/speak")
    def speak(a: int) -> str:
        found = language.get()
        language.set("changed by a node")
        return found

    builder = Pipeline("context")
    builder.output("one", builder.add("one", speak, a=1))
    builder.output("two", builder.add("two", speak, a=2))
    language.set("English")
    assert run(builder.build(), {}).outputs == {"one": "English", "two": "English"}
    assert language.get() == "English"


def test_outputs_are_held_to_the_signature():
    @node("test/lie")
    def lie(a: int) -> int:
        return "four"

    with pytest.raises(RunError, match="its output 'out' needs a whole number, but got text 'four'") as caught:
        run(one_step(lie, a=4), {})
    assert isinstance(caught.value.__cause__, NodeError)


def test_masks_must_be_masks():
    @node("test/forget")
    def forget(a: int) -> Masks:
        return empty_detections((2, 2), masks=False)

    with pytest.raises(RunError, match="needs masks, but got boxes without masks"):
        run(one_step(forget, a=1), {})


def test_detections_are_frozen_when_they_leave_a_node():
    @node("test/find")
    def find(a: int) -> Boxes:
        return empty_detections((2, 2), masks=False)

    boxes = run(one_step(find, a=1), {}).outputs["out"]
    assert not boxes.xyxy.flags.writeable
    assert not boxes.data["class_name"].flags.writeable


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "'sum' needs its input 'x': a whole number."),
        ({"x": 1, "xx": 2}, "'sum' has no input 'xx'. Did you mean 'x'?"),
        ({"x": "1"}, "the input 'x' of 'sum' needs a whole number, but got text '1'."),
    ],
)
def test_inputs_that_do_not_fit_are_the_users_mistake(inputs, message):
    with pytest.raises(UserError) as caught:
        run(sum_of("a", "b"), inputs)
    assert str(caught.value) == message


def test_a_wrong_input_is_a_port_error():
    with pytest.raises(PortError):
        run(sum_of("a", "b"), {"x": None})


def branching():
    """Doubles or negates `x`, whichever `how` says."""

    @node("test/twice")
    def twice(a: int) -> int:
        return 2 * a

    @node("test/minus")
    def minus(a: int) -> int:
        return -a

    builder = Pipeline("branch")
    x, how = builder.input("x", int), builder.input("how", str)
    doubled = builder.add("doubled", twice, a=x, when=When(how, "equals", "double"))
    negated = builder.add("negated", minus, a=x, when=When(how, "equals", "negate"))
    builder.output("doubled", builder.add("after", add, a=doubled, b=0))
    builder.output("joined", builder.add("joined", add, a=FirstOf((doubled, negated)), b=100))
    return builder.build()


def test_when_chooses_the_branch_and_what_depends_on_the_other_is_skipped():
    result = run(branching(), {"x": 3, "how": "negate"})
    assert result.outputs == {"doubled": None, "joined": 97}
    skipped = {span.name: span.note for span in result.trace.nodes if span.outcome == "skipped"}
    assert skipped == {"doubled": "when ${how} equals double", "after": "nothing came for 'a'"}


def test_first_of_prefers_what_stands_first():
    assert run(branching(), {"x": 3, "how": "double"}).outputs == {"doubled": 6, "joined": 106}


def test_first_of_is_skipped_when_all_are():
    assert run(branching(), {"x": 3, "how": "neither"}).outputs == {"doubled": None, "joined": None}


def test_a_sub_pipeline_runs_inline_under_its_steps_name():
    outer = Pipeline("outer")
    x = outer.input("x", int)
    outer.output("out", outer.add("inner", sum_of("a", "b"), x=x))
    result = run(outer.build(), {"x": 3})
    assert result.outputs == {"out": 8}
    assert set(result.trace.executed) == {"inner/a", "inner/b", "inner/last"}


def test_a_skipped_sub_pipeline_skips_everything_in_it_and_what_it_only_passes_on():
    inner = Pipeline("inner")
    y = inner.input("y", int)
    inner.output("same", y)
    inner.output("more", inner.add("more", add, a=y))
    outer = Pipeline("outer")
    x = outer.input("x", int)
    step = outer.add("inner", inner.build(), y=x, when=When(x, "above", 10))
    outer.output("first", step)
    outer.output("more", type(step)("inner", "more"))
    graph = outer.build()
    assert run(graph, {"x": 3}).outputs == {"first": None, "more": None}
    assert run(graph, {"x": 30}).outputs == {"first": 30, "more": 31}


def test_runs_may_nest():
    @node("test/nested")
    def nested(a: int) -> int:
        return run(sum_of("a", "b"), {"x": a}).outputs["last"]

    assert run(one_step(nested, a=3), {}).outputs["out"] == 8
