"""Completion: what may be written at the cursor, whatever else of the file is still missing."""

import pytest

from demos.web.bench.completion import Completer
from demos.web.bench.editor import completions
from demos.web.bench.outline import Outline
from pipelines.spec.document import MAX_BYTES

HEAD = """version: 1
inputs:
  photo: {type: Image}
  words: {type: Text}
nodes:
  found: {use: grounding_dino/detect, image: "${photo}", prompt: "${words}"}
"""


@pytest.fixture(scope="module")
def completer():
    return Completer(("bundled",))


def completed(completer, marked):
    """The text that each suggestion would leave, by its label; `|` marks the cursor."""
    cursor = marked.index("|")
    text = marked[:cursor] + marked[cursor + 1 :]
    found = completer.complete(text, cursor)
    return {item.label: text[: found.start] + item.insert + text[found.end :] for item in found.items}


def test_an_empty_file_starts_with_the_sections(completer):
    assert list(completed(completer, "|")) == ["version", "doc", "inputs", "nodes", "outputs"]


def test_sections_that_are_there_are_not_offered_again(completer):
    assert list(completed(completer, HEAD + "|")) == ["doc", "outputs"]


def test_a_node_is_found_by_its_own_name_without_the_namespace(completer):
    assert "sam/masks" in completed(completer, HEAD + "  cut: {use: mask|}\n")


def test_the_whole_name_of_a_node_replaces_what_stands_there(completer):
    left = completed(completer, HEAD + "  cut: {use: sam/mas|}\n")
    assert left == {"sam/masks": HEAD + "  cut: {use: sam/masks}\n"}


def test_ready_made_pipelines_are_nodes_too(completer):
    assert "pipeline/segment" in completed(completer, HEAD + "  cut: {use: pipe|}\n")


def test_inputs_of_the_node_are_offered_but_not_those_given_already(completer):
    left = completed(completer, HEAD + '  cut: {use: sam/masks, image: "${photo}", |}\n')
    assert "boxes" in left
    assert "image" not in left
    assert "use" not in left


def test_a_step_written_over_several_lines_is_completed_alike(completer):
    left = completed(completer, HEAD + "  cut:\n    use: sam/masks\n    b|\n")
    assert left["boxes"].endswith("    use: sam/masks\n    boxes: \n")


def test_only_what_fits_is_offered_at_an_input(completer):
    assert list(completed(completer, HEAD + "  cut: {use: sam/masks, boxes: |}\n")) == ["found"]
    assert list(completed(completer, HEAD + "  cut: {use: sam/masks, image: |}\n")) == ["photo"]


@pytest.mark.parametrize("typed", ["|", '"|"', '"|', '"${|', '"${|}"', '"${ph|}"', "${ph|}", "${ph|"])
def test_a_reference_gets_the_braces_and_quotes_that_are_missing(completer, typed):
    left = completed(completer, HEAD + f"  cut: {{use: sam/masks, image: {typed}, multimask: true}}\n")
    assert left["photo"] == HEAD + '  cut: {use: sam/masks, image: "${photo}", multimask: true}\n'


def test_an_unclosed_step_knows_its_node_already(completer):
    left = completed(completer, HEAD + '  again: {use: grounding_dino/detect, prompt: "${|')
    assert list(left) == ["words"]


def test_named_outputs_are_offered_by_name(completer):
    text = HEAD + '  plan: {use: instructions/parse, text: "${words}"}\n  look: {use: clip/text, text: "${|"}\n'
    assert set(completed(completer, text)) == {"words", "plan.targets"}


def test_a_step_cannot_refer_to_itself_or_to_what_needs_it(completer):
    text = HEAD + '  cut: {use: sam/masks, image: "${photo}", boxes: "${found}"}\n'
    circular = text.replace('prompt: "${words}"', 'prompt: "${words}", when: {value: "${|"}')
    assert set(completed(completer, circular)) == {"photo", "words"}


def test_choices_flags_and_models_are_offered_as_constants(completer):
    assert list(completed(completer, HEAD + "  all: {use: sam/everything, profile: |}\n"))[:2] == ["code", "sa1b"]
    assert list(completed(completer, HEAD + "  cut: {use: sam/masks, multimask: |}\n")) == ["true", "false"]
    assert list(completed(completer, HEAD + "  cut: {use: sam/masks, model: |}\n")) == ["bundled"]


def test_types_of_inputs_include_those_of_the_nodes_in_use(completer):
    left = completed(completer, HEAD.replace("{type: Text}", "{type: |}"))
    assert {"Image", "Text", "Masks", "int", "Model[grounding_dino]"} <= set(left)


def test_conditions_offer_their_comparisons(completer):
    left = completed(completer, HEAD + '  cut: {use: sam/masks, when: {value: "${found}", em|}}\n')
    assert list(left) == ["empty"]


def test_outputs_may_be_anything(completer):
    assert set(completed(completer, HEAD + "outputs:\n  all: |")) == {"photo", "words", "found"}
    assert set(completed(completer, HEAD + 'outputs:\n  all: {first: ["${f|"]}')) == {"found"}


def test_nothing_is_offered_in_a_comment(completer):
    assert completed(completer, HEAD + "# use the ph|") == {}


@pytest.mark.parametrize("broken", ["{{{|", "a: [|", '"|', "nodes: 3\n|", "\t|", "nodes:\n  x: {use: '|", "}|", "%|"])
def test_broken_text_is_completed_or_not_but_never_fails(completer, broken):
    assert isinstance(completed(completer, broken), dict)


class Asked(dict):
    """Counts how often it is looked into."""

    count = 0

    def get(self, *asked):
        self.count += 1
        assert self.count < 1000, "the same steps are gone through again and again"
        return super().get(*asked)


def test_steps_of_many_ways_are_gone_through_once():
    both = {0: frozenset()} | {layer: frozenset({f"a{layer - 1}", f"b{layer - 1}"}) for layer in range(1, 25)}
    needs = Asked(
        {f"{side}{layer}": needed for layer, needed in both.items() for side in "ab"} | {"other": frozenset()}
    )
    names = Outline({}, dict.fromkeys(needs), needs, {}, ())
    assert {given.step or given.name for given in names.given_to("other")} == set(needs) - {"other"}
    assert {given.step or given.name for given in names.given_to("a3")} == {
        "other",
        "b3",
        *(f"{side}{layer}" for side in "ab" for layer in range(3)),
    }


def test_a_text_that_is_too_long_for_a_pipeline_is_not_completed():
    class Never:
        def complete(self, text, cursor):
            raise AssertionError

    for text in ("x" * (MAX_BYTES + 1), "ü" * (MAX_BYTES // 2 + 1)):
        assert completions(Never())([text, 3]) == {"start": 0, "end": 0, "items": []}
