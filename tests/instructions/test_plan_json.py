"""Plans that another program writes."""

from __future__ import annotations

import json

import pytest

from pipelines.errors import InstructionError
from pipelines.plans import All, Coloured, Edit, InHalf, Near, Ranked
from plugins.instructions.nodes import from_json

CHOOSE = "Choose from: action, attribute, position, replacement, shadow, target, which."
SENTENCE = "Swap the dog for a cat"


def test_a_plan_and_what_to_look_for() -> None:
    text = '{"edits": [{"action": "replace", "target": "dog", "replacement": "cat"}]}'
    parsed = from_json(text, sentence=SENTENCE)
    edit = Edit("replace", "dog", "cat", (0, 22), target_span=(9, 12), replacement_span=(19, 22))
    assert parsed.plan.edits == (edit,)
    assert (parsed.plan.sentence, parsed.targets) == (SENTENCE, "dog.")


def test_every_selector() -> None:
    which = [
        {"kind": "all"},
        {"kind": "colour", "colour": "red"},
        {"kind": "near", "thing": "tree", "relation": "left"},
        {"kind": "half", "side": "top"},
        {"kind": "ranked", "order": "right", "first": 2, "count": 3},
    ]
    text = json.dumps({"edits": [{"action": "remove", "target": "dog", "which": which}]}, indent="\t")
    (edit,) = from_json(text).plan.edits
    assert edit.which == (All(), Coloured("red"), Near("tree", "left"), InHalf("top"), Ranked("right", 2, 3))


def test_what_is_added_has_a_position_and_a_recolour_an_attribute() -> None:
    edits = [
        {"action": "add", "replacement": "sun", "position": "top left"},
        {"action": "recolour", "target": "car", "replacement": "red"},
        {"action": "background", "replacement": "beach"},
    ]
    added, recoloured, background = from_json(json.dumps({"edits": edits})).plan.edits
    assert (added.target, added.position) == ("", "top left")
    assert recoloured.attribute == "colour"
    assert (background.target, background.attribute) == ("background", None)


def test_a_thing_goes_with_its_shadow() -> None:
    (edit,) = from_json('{"edits": [{"action": "remove", "target": "dog", "shadow": true}]}').plan.edits
    assert edit.shadow


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plan:1:1: is not JSON: expecting value."),
        ('{"edits": [}', "plan:1:12: is not JSON: expecting value."),
        ("[" * 2000 + "]" * 2000, "plan:1:1: is nested too deeply."),
        ("{}", "plan:1:1: needs 'edits'."),
        ('{"edit": []}', "plan:1:1: needs 'edits'.\nplan:1:2: edit: unknown key 'edit'. Did you mean 'edits'?"),
        ('{"edits": "dog"}', "plan:1:2: edits: must be a valid list."),
        (
            '{"edits": [\n  {"action": "replace", "target": "dog", "new": "cat"}\n]}',
            f"plan:2:42: edits, 0, new: unknown key 'new'. {CHOOSE}",
        ),
        (
            '{"edits": [{"action": "explode", "target": "dog"}]}',
            "plan:1:13: edits, 0, action: must be 'replace', 'remove', 'add', 'recolour', 'background' or 'keep'.",
        ),
        (
            '{"edits": [{"action": "replace", "target": "dog"}, {"action": "remove"}]}',
            "plan:1:12: edits, 0: to replace needs a 'replacement'.\nplan:1:52: edits, 1: to remove needs a 'target'.",
        ),
        (
            '{"edits": [{"action": "remove", "target": "dog", "position": "on"}]}',
            "plan:1:50: edits, 0, position: only what is added has a 'position'.",
        ),
        (
            '{"edits": [{"action": "recolour", "target": "dog", "replacement": "red", "shadow": true}]}',
            "plan:1:74: edits, 0, shadow: only what is replaced, removed or kept takes its 'shadow' along.",
        ),
        (
            '{"edits": [{"action": "keep", "target": "a", "which": [{"kind": "ranked", "order": "top", "first": 0}]}]}',
            "plan:1:91: edits, 0, which, 0, first: must be greater than or equal to 1.",
        ),
    ],
)
def test_mistakes_are_told_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(InstructionError) as caught:
        from_json(text)
    assert str(caught.value) == message


def test_a_character_in_two_escapes_is_one_character() -> None:
    text = json.dumps({"edits": [{"action": "add", "replacement": "\U0001f431"}]})
    assert "\\ud83d\\udc31" in text
    assert from_json(text, sentence="").plan.edits[0].replacement == "\U0001f431"


def test_a_number_that_no_one_can_read_is_told() -> None:
    with pytest.raises(InstructionError, match="plan:1:1: is not JSON that can be read"):
        from_json(f'{{"edits": {"9" * 5000}}}', sentence="")
