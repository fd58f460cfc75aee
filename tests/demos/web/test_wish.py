"""A visitor's wish, and the graph that carries it out."""

from dataclasses import replace

import pytest

from demos.web.editing.graphs import by_seed, looking, painting, pipeline_file
from demos.web.editing.wish import Click, Wish, read_clicks
from pipelines.spec import load_pipeline

WISH = Wish(photo="dog.png", sentence="replace the dog with a cat", seed=7)
ON, OFF = (Click(120, 80),), (Click(120, 80), Click(30, 40, on=False))


def test_another_sentence_forgets_what_was_corrected():
    mended = WISH.clicked(0, 1, ON).toggled(0, 1)
    assert mended.about("dog.png", WISH.sentence) is mended
    other = mended.about("dog.png", "remove the dog")
    assert (other.mends, other.dropped, other.seed) == ((), (), 7)


def test_a_missed_thing_is_added_refined_and_gone_without_its_clicks():
    added = WISH.clicked(1, 1, ON, "dog")
    assert [addition.name for addition in added.added] == ["dog"]
    refined = added.clicked(1, 1, OFF)
    assert refined.clicks_on(1, 1) == OFF
    assert refined.added[0].name == "dog"
    assert refined.clicked(1, 1, ()) == WISH
    assert refined.toggled(1, 1) == WISH


def test_leaving_out_twice_takes_back_in():
    assert WISH.toggled(0, 1).dropped == (0,)
    assert WISH.toggled(0, 1).toggled(0, 1) == WISH


def test_another_plan_finds_other_things():
    assert WISH.clicked(0, 1, ON).planned('{"edits": []}').mends == ()


def test_clicks_are_written_as_they_are_read():
    assert read_clicks("+120,80 -30,40") == OFF
    assert read_clicks("120,80; -30,40") == OFF
    with pytest.raises(ValueError, match="could not convert"):
        read_clicks("here")


def test_looking_is_the_first_half_of_painting():
    whole, first = painting(WISH), looking(WISH)
    assert list(first.steps) == ["plan", "found", "sure", "cut", "meant"]
    assert {name: whole.steps[name] for name in first.steps} == dict(first.steps)


def test_corrections_are_steps_before_the_choice():
    wish = replace(WISH.clicked(0, 2, OFF).clicked(2, 2, ON, "dog").toggled(1, 2), plan='{"edits": []}')
    graph = looking(wish)
    assert list(graph.steps) == ["plan", "found", "sure", "cut", "mend_1", "add_1", "kept", "meant"]
    assert str(graph.steps["meant"].inputs["masks"]) == "${kept}"
    assert str(graph.outputs["things"]) == "${add_1}"  # what is left out is still shown
    assert graph.steps["plan"].node.name == "instructions/from_json"


def test_the_pipeline_file_is_read_back_with_every_correction(tmp_path):
    wish = WISH.clicked(0, 1, OFF)
    file = tmp_path / "edit.yaml"
    file.write_text(pipeline_file(wish, seed=2007, widen=2.0))
    graph = load_pipeline(file)
    assert graph.inputs["instruction"].default == WISH.sentence
    assert graph.inputs["seed"].default == 2007
    assert graph.steps["mend_1"].inputs["foreground"].value == "120,80"
    assert graph.steps["mend_1"].inputs["background"].value == "30,40"
    assert graph.steps["paint"].inputs["widen"].value == 2.0


def test_attempts_are_told_apart_by_their_seed():
    assert by_seed({"seed 0": "a", "seed 1000": "b"}) == {0: "a", 1000: "b"}
    assert by_seed(None) == {}
