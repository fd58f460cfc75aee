"""Plans, steps and errors in words."""

import pytest

from demos.web.editing.graphs import painting
from demos.web.editing.plans import Correction, corrected, in_words
from demos.web.editing.steps import StepRow
from demos.web.editing.wish import Wish
from demos.web.running import Waiting
from demos.web.words import counted, listed, told
from pipelines.errors import Cancelled, InstructionError, RunError
from pipelines.events import ModelLoading, NodeFinished, NodeProgress, NodeStarted
from plugins.instructions.nodes import from_json, parse


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("replace the dog with a cat", ["Replace every dog with: cat"]),
        ("remove the second dog from the right", ["Remove the dog – only number 2 from the right"]),
        ("remove the dog and its shadow", ["Remove every dog with its shadow"]),
        ("make the car blue and keep the bus", ["Make every car blue", "Keep every bus as it is"]),
        ("add a hat to the dog", ["Add: hat, on every dog"]),
        ("add a sun in the top left corner", ["Add: sun, top left in the picture"]),
        ("replace the background with a beach", ["Change what lies behind to: beach"]),
        ("remove the dog next to the tree", ["Remove the dog – only near the tree"]),
    ],
)
def test_a_plan_in_plain_words(sentence, words):
    assert [in_words(edit) for edit in parse(sentence).plan.edits] == words


def test_a_corrected_plan_differs_in_the_corrected_words_only():
    plan = parse("replace the second dog from the left with a cat and keep the bus").plan
    text = corrected(plan, [Correction("wolf", "cat"), Correction("bus", "")])
    again = from_json(text, sentence=plan.sentence).plan
    assert [edit.target for edit in again.edits] == ["wolf", "bus"]
    assert again.edits[0].replacement == "cat"
    assert [selector.first for selector in again.edits[0].which] == [2]


def test_words_that_were_left_as_they_were_correct_nothing():
    plan = parse("replace the dog with a cat").plan
    assert corrected(plan, [Correction("dog", "cat ")]) == ""


def test_a_corrected_thing_still_takes_its_shadow_along():
    plan = parse("remove the dog and its shadow").plan
    assert from_json(corrected(plan, [Correction("wolf", "")]), sentence=plan.sentence).plan.edits[0].shadow


def test_a_row_of_steps_says_how_far_each_is():
    row = StepRow.of(painting(Wish(photo="", sentence="")))
    row = row.after((NodeStarted("plan"), NodeFinished("plan", 0.1), NodeStarted("paint[seed 0]")))
    row = row.after((NodeProgress("paint[seed 0]", 3, 4),))
    assert row.words == "Paint …"
    html = row.html()
    assert '<li class="done"' in html
    assert "75%" in html
    assert "Paint wider" not in html
    assert html.count("<li") == 8


def test_the_second_run_does_not_touch_what_the_first_has_done():
    row = StepRow.of(painting(Wish(photo="", sentence="")))
    row = row.after((NodeStarted("plan"), NodeFinished("plan", 0.1))).settle()
    again = row.after((NodeStarted("plan"), NodeFinished("plan", 0.0, cached=True)))
    assert again.watch.steps["plan"] == row.watch.steps["plan"]


def test_who_waits_is_told_how_many_are_ahead():
    row = StepRow.of(painting(Wish(photo="", sentence="")))
    assert row.after((Waiting(3),)).words == "Waiting: 3 before you."
    assert (
        row.after((Waiting(3),)).after((ModelLoading("sam", "bundled", "cpu"),)).words.startswith("Loading the model")
    )


def test_errors_in_words():
    assert told(RunError("plan", {}, InstructionError("cannot tell."))) == "cannot tell."
    assert told(Cancelled()) == "Stopped. Everything is as it was before."


def test_what_is_our_fault_is_told_without_its_innards(caplog):
    said = told(RunError("paint", {"image": "an image"}, RuntimeError("secret /home/me")))
    assert said == "The step 'paint' failed: RuntimeError. The server's log has the details."
    assert "a run from the page failed" in caplog.text


def test_lists_and_counts():
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (counted(1, "pixel"), counted(2000, "pixel")) == ("1 pixel", "2,000 pixels")
