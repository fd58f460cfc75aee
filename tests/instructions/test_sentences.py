"""A corpus of sentences and what each asks for, and of sentences that ask for nothing that can be done."""

import pytest

from pipelines.errors import InstructionError
from plugins.instructions.grammar import parse_instruction

REPLACE, REMOVE, ADD, RECOLOUR, BACKGROUND = "replace", "remove", "add", "recolour", "background"

# sentence: the edits, as (action, target, replacement)
UNDERSTOOD: dict[str, list[tuple[str, str, str | None]]] = {
    # one thing for another
    "replace the dog with a cat": [(REPLACE, "dog", "cat")],
    "Replace the Dog with a Cat.": [(REPLACE, "Dog", "Cat")],
    "REPLACE THE DOG WITH A CAT": [(REPLACE, "DOG", "CAT")],
    "replace dog with cat": [(REPLACE, "dog", "cat")],
    "  replace   the\tdog\nwith a cat  ": [(REPLACE, "dog", "cat")],
    "replace the dog by a cat": [(REPLACE, "dog", "cat")],
    "swap the dog for a cat": [(REPLACE, "dog", "cat")],
    "swap out the dog for a cat": [(REPLACE, "dog", "cat")],
    "swap the dog with a cat": [(REPLACE, "dog", "cat")],
    "switch the dog to a cat": [(REPLACE, "dog", "cat")],
    "exchange my old car for a bus": [(REPLACE, "old car", "bus")],
    "turn the dog into a cat": [(REPLACE, "dog", "cat")],
    "transform the dog into a cat": [(REPLACE, "dog", "cat")],
    "convert this truck into a fire engine": [(REPLACE, "truck", "fire engine")],
    "change the dog to a cat": [(REPLACE, "dog", "cat")],
    "change the dog for a cat": [(REPLACE, "dog", "cat")],
    "make the dog a cat": [(REPLACE, "dog", "cat")],
    "make the dog into a cat": [(REPLACE, "dog", "cat")],
    "substitute the dog with a cat": [(REPLACE, "dog", "cat")],
    "substitute a cat for the dog": [(REPLACE, "dog", "cat")],
    "put a cat in place of the dog": [(REPLACE, "dog", "cat")],
    "put a cat instead of the dog": [(REPLACE, "dog", "cat")],
    "use a cat in place of the dog": [(REPLACE, "dog", "cat")],
    "I want a cat instead of the dog": [(REPLACE, "dog", "cat")],
    # the user's own words
    "replace the dog on the left by a small grey mouse": [(REPLACE, "dog on the left", "small grey mouse")],
    "turn the traffic light into a traffic sign": [(REPLACE, "traffic light", "traffic sign")],
    "replace the \"hot dog\" with 'a pizza'": [(REPLACE, "hot dog", "pizza")],
    "swap \u201cthe dog\u201d for \u201ca cat\u201d": [(REPLACE, "dog", "cat")],
    "replace the dog with a cat in the picture": [(REPLACE, "dog", "cat")],
    "replace the dog with the cat": [(REPLACE, "dog", "cat")],
    "replace all of the dogs with some cats": [(REPLACE, "dogs", "cats")],
    "replace the teddy-bear with a jack-o'-lantern": [(REPLACE, "teddy-bear", "jack-o'-lantern")],
    "replace the man's hat with a crown": [(REPLACE, "man's hat", "crown")],
    # which "with" parts the sentence
    "replace the girl with the red hat with a boy": [(REPLACE, "girl with the red hat", "boy")],
    "replace the dog with a cat with a hat": [(REPLACE, "dog", "cat with a hat")],
    "turn the road to the left into a river": [(REPLACE, "road to the left", "river")],
    "replace the dog with a black and white cat": [(REPLACE, "dog", "black and white cat")],
    "replace the dog with a cat and a rabbit": [(REPLACE, "dog", "cat and a rabbit")],
    # colours are not things, fruits are
    "change the apple to an orange": [(REPLACE, "apple", "orange")],
    "turn the apple orange": [(RECOLOUR, "apple", "orange")],
    "turn the car into a red bus": [(REPLACE, "car", "red bus")],
    # away with it
    "remove the dog": [(REMOVE, "dog", None)],
    "erase the dog": [(REMOVE, "dog", None)],
    "delete dog": [(REMOVE, "dog", None)],
    "erase all of the dogs from the picture": [(REMOVE, "dogs", None)],
    "get rid of the leash": [(REMOVE, "leash", None)],
    "take out the dog": [(REMOVE, "dog", None)],
    "take the dog out": [(REMOVE, "dog", None)],
    "take the dog out of the photo": [(REMOVE, "dog", None)],
    "cut out the bird": [(REMOVE, "bird", None)],
    "hide that ugly sign in the photo": [(REMOVE, "ugly sign", None)],
    "wipe the graffiti off": [(REMOVE, "graffiti", None)],
    "make the dog disappear": [(REMOVE, "dog", None)],
    "replace the dog with nothing": [(REMOVE, "dog", None)],
    "remove the big, brown dog": [(REMOVE, "big, brown dog", None)],
    # several things
    "remove the dog and cat": [(REMOVE, "dog", None), (REMOVE, "cat", None)],
    "remove the dog & the cat": [(REMOVE, "dog", None), (REMOVE, "cat", None)],
    "remove the dog, the cat and the bird": [(REMOVE, "dog", None), (REMOVE, "cat", None), (REMOVE, "bird", None)],
    "remove the dog, cat, and bird": [(REMOVE, "dog", None), (REMOVE, "cat", None), (REMOVE, "bird", None)],
    "remove the black and white cat": [(REMOVE, "black and white cat", None)],
    "remove the black and white cat and the dog": [(REMOVE, "black and white cat", None), (REMOVE, "dog", None)],
    "remove the dog between the cat and the horse": [(REMOVE, "dog between the cat and the horse", None)],
    "replace the dog and the cat with rabbits": [(REPLACE, "dog", "rabbits"), (REPLACE, "cat", "rabbits")],
    # several edits
    "replace the dog with a cat and remove the leash": [(REPLACE, "dog", "cat"), (REMOVE, "leash", None)],
    "Replace the dog with a cat. Remove the leash.": [(REPLACE, "dog", "cat"), (REMOVE, "leash", None)],
    "remove the leash; then turn the dog into a cat": [(REMOVE, "leash", None), (REPLACE, "dog", "cat")],
    "replace the dog with a cat and the car with a bus": [(REPLACE, "dog", "cat"), (REPLACE, "car", "bus")],
    "replace the dog with a cat, the car with a bus and the apple with a banana": [
        (REPLACE, "dog", "cat"),
        (REPLACE, "car", "bus"),
        (REPLACE, "apple", "banana"),
    ],
    "replace the dog with a cat, then make the car red, and finally remove the ball": [
        (REPLACE, "dog", "cat"),
        (RECOLOUR, "car", "red"),
        (REMOVE, "ball", None),
    ],
    # colours
    "make the car red": [(RECOLOUR, "car", "red")],
    "paint the car bright green": [(RECOLOUR, "car", "bright green")],
    "colour the balloon pink": [(RECOLOUR, "balloon", "pink")],
    "recolor the umbrella in yellow": [(RECOLOUR, "umbrella", "yellow")],
    "change the colour of the car to red": [(RECOLOUR, "car", "red")],
    "change the car's color to dark blue": [(RECOLOUR, "car", "dark blue")],
    "make the red and white car blue": [(RECOLOUR, "red and white car", "blue")],
    "make the car red and the bus blue": [(RECOLOUR, "car", "red"), (RECOLOUR, "bus", "blue")],
    "paint the wall a light grey": [(RECOLOUR, "wall", "light grey")],
    # something more
    "add a hat to the dog": [(ADD, "dog", "hat")],
    "put a red hat on the dog": [(ADD, "dog", "red hat")],
    "place a ball next to the cat": [(ADD, "cat", "ball")],
    "give the dog a hat": [(ADD, "dog", "hat")],
    "give the dog with a collar a hat": [(ADD, "dog with a collar", "hat")],
    "make the dog wear a hat": [(ADD, "dog", "hat")],
    # what lies behind
    "replace the background with a beach": [(BACKGROUND, "background", "beach")],
    "change the background to a snowy forest": [(BACKGROUND, "background", "snowy forest")],
    "remove the background": [(BACKGROUND, "background", None)],
    # manners
    "please replace the dog with a cat": [(REPLACE, "dog", "cat")],
    "could you please replace the dog with a cat?": [(REPLACE, "dog", "cat")],
    "I'd like you to remove the dog": [(REMOVE, "dog", None)],
    "hi, can you remove the leash, please? Thanks!": [(REMOVE, "leash", None)],
}

EXAMPLES = "'replace the dog with a cat' or 'remove the dog'"

# sentence: the whole message
REFUSED = {
    "": f"the instruction is empty. Try {EXAMPLES}.",
    " \n\t ": f"the instruction is empty. Try {EXAMPLES}.",
    "...": f"cannot understand '...'. Try {EXAMPLES}.",
    "hello": f"cannot understand 'hello'. Try {EXAMPLES}.",
    "dog": f"cannot understand 'dog'. Try {EXAMPLES}.",
    "blur the background": f"cannot understand 'blur the background'. Try {EXAMPLES}.",
    "\u0443\u0434\u0430\u043b\u0438 \u0441\u043e\u0431\u0430\u043a\u0443": (
        f"cannot understand '\u0443\u0434\u0430\u043b\u0438 \u0441\u043e\u0431\u0430\u043a\u0443'. Try {EXAMPLES}."
    ),
    "don't remove the dog": f"cannot understand 'don't remove the dog'. Try {EXAMPLES}.",
    "replce the dog with a cat": "cannot understand 'replce' in 'replce the dog with a cat'. Did you mean 'replace'?",
    "replace the dog": f"cannot understand 'replace the dog'. Say it like {EXAMPLES}.",
    "replace the dog with": f"cannot understand 'replace the dog with'. Say it like {EXAMPLES}.",
    "swap the dog and the cat": (
        "cannot understand 'swap the dog and the cat'. Say it like 'replace the dog with a cat'."
    ),
    "remove": "cannot understand 'remove'. Say it like 'remove the dog'.",
    "add a hat": "cannot understand 'add a hat'. Say it like 'add a hat to the dog'.",
    "add a hat to the picture": "cannot understand 'add a hat'. Say it like 'add a hat to the dog'.",
    "make the dog hold a balloon": (
        "cannot understand 'make the dog hold a balloon'. "
        "Say it like 'replace the dog with a cat' or 'remove the dog' or 'add a hat to the dog' or 'make the car red'."
    ),
    "remove the dog and replace the car": f"cannot understand 'replace the car'. Say it like {EXAMPLES}.",
    "remove it": "cannot tell what 'it' stands for. Name it, as in 'remove the dog'.",
    "remove everything": "cannot tell what 'everything' stands for. Name it, as in 'remove the dog'.",
    "remove the dog and this": "cannot tell what 'this' stands for. Name it, as in 'remove the dog'.",
    "remove everything except the dog": (
        f"cannot follow 'except' in 'everything except the dog'. Say what to change. Try {EXAMPLES}."
    ),
    "replace the dog with a cat but not the leash": (
        f"cannot follow 'but' in 'a cat but not the leash'. Say what to change. Try {EXAMPLES}."
    ),
    "replace the dog with a cat and remove the dog": (
        "the instruction changes 'dog' twice. Say once what becomes of it."
    ),
    "remove the " + "very " * 300 + "big dog": (
        f"the instruction is 1,518 characters long, more than the limit of 1,000. Try {EXAMPLES}."
    ),
    "frobnicate " + "the dog " * 20: (
        f"cannot understand 'frobnicate the dog the dog the dog the dog the dog the dog\u2026'. Try {EXAMPLES}."
    ),
}


@pytest.mark.parametrize("sentence", UNDERSTOOD)
def test_the_sentence_asks_for_these_edits(sentence: str) -> None:
    plan = parse_instruction(sentence)
    assert [(edit.action, edit.target, edit.replacement) for edit in plan.edits] == UNDERSTOOD[sentence]


@pytest.mark.parametrize("sentence", REFUSED)
def test_the_sentence_is_refused_in_one_line(sentence: str) -> None:
    with pytest.raises(InstructionError) as caught:
        parse_instruction(sentence)
    assert str(caught.value) == REFUSED[sentence]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sentence", UNDERSTOOD)
def test_every_word_said_is_found_in_the_span_that_it_came_from(sentence: str) -> None:
    for edit in parse_instruction(sentence).edits:
        said = " ".join(sentence[slice(*edit.span)].split())
        assert edit.target in said
        assert edit.replacement is None or edit.replacement in said
