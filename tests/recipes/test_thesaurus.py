"""Words that a detector was never taught: which of them mean a noun, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, GroundingDinoForObjectDetection

from recipes.clip.wordnet import ANIMAL, ARTIFACT, PERSON, Synset, WordNet
from recipes.grounding_dino.model import build_detector
from recipes.grounding_dino.thesaurus import (
    Relations,
    Thesaurus,
    compile_thesaurus,
    relations,
    single_words,
    with_words,
)
from recipes.world import DETECTION_NOUNS

BUNDLED = Path(__file__).parents[2] / "plugins" / "bundled" / "grounding_dino"
ABSTRACT = 3
BEAST, CANINE, DOG, HORSE, STALLION, HOTDOG, HOPE, ZEBRA, MARE, CHARLES_MARE = range(10)
WORDNET = WordNet(
    {
        BEAST: Synset(("beast",), ANIMAL, ()),
        CANINE: Synset(("canine",), ANIMAL, (BEAST,)),
        DOG: Synset(("dog",), ANIMAL, (CANINE,)),
        HORSE: Synset(("horse",), ANIMAL, (BEAST,)),
        STALLION: Synset(("stallion",), ANIMAL, (HORSE,)),
        HOTDOG: Synset(("hotdog",), ARTIFACT, ()),
        HOPE: Synset(("hope",), ABSTRACT, ()),
        ZEBRA: Synset(("zebra",), ANIMAL, (BEAST,)),
        MARE: Synset(("mare",), ANIMAL, (HORSE,)),
        CHARLES_MARE: Synset(("Mare", "Charles Mare"), PERSON, ()),
    },
    {"mare": (CHARLES_MARE, MARE), "charles mare": (CHARLES_MARE,)}
    | {word: (number,) for number, word in
       enumerate(("beast", "canine", "dog", "horse", "stallion", "hotdog", "hope", "zebra"))},
)  # fmt: skip


def test_only_visible_single_words_that_were_not_taught_are_looked_at() -> None:
    assert set(single_words(WORDNET, ["dog", "horse"])) == {"beast", "canine", "stallion", "hotdog", "zebra", "mare"}


def test_wordnet_tells_kinds_genera_and_kin() -> None:
    found = relations(WORDNET, ["stallion", "canine", "zebra", "hotdog"], ["dog", "horse"])
    assert found.kind.tolist() == [[False, True], [False, False], [False, False], [False, False]]
    assert found.genus.tolist() == [[False, True], [True, False], [False, False], [False, False]]
    assert found.akin.tolist() == [[True, True], [True, True], [True, True], [False, False]]
    assert found.sort.tolist() == [[True, True], [True, True], [True, True], [False, False]]


def test_people_of_a_name_are_none_of_its_meanings() -> None:
    assert relations(WORDNET, ["mare"], ["horse"]).kind.tolist() == [[True]]


def test_bears_and_bulls_are_kin_among_brokers_alone() -> None:
    broker, bear, bear_broker, bull_broker = range(4)
    synsets = {
        broker: Synset(("broker",), PERSON, ()),
        bear: Synset(("bear",), ANIMAL, ()),
        bear_broker: Synset(("bear",), PERSON, (broker,)),
        bull_broker: Synset(("bull",), PERSON, (broker,)),
    }
    net = WordNet(synsets, {"bear": (bear, bear_broker), "bull": (bull_broker,)})
    assert not relations(net, ["bull"], ["bear"]).akin.any()


@pytest.mark.parametrize(
    ("relation", "cosine", "meant"),
    [("kind", 0.35, True), ("kind", 0.25, False), ("genus", 0.55, True), ("genus", 0.45, False),
     ("akin", 0.65, True), ("akin", 0.55, False), ("sort", 0.8, True), ("sort", 0.7, False), ("none", 0.9, False)],
)  # fmt: skip
def test_the_looser_the_relation_the_more_alike_a_word_must_be(relation: str, cosine: float, meant: bool) -> None:
    flags = {name: torch.tensor([[name == relation, False]]) for name in ("kind", "genus", "akin", "sort")}
    found = compile_thesaurus(["word"], torch.tensor([[cosine, 0.0]]), Relations(**flags))
    assert found.words == (["word"] if meant else [])


def test_a_kind_of_one_thing_is_nothing_else_that_it_resembles() -> None:
    kind, akin = torch.tensor([[True, False]]), torch.tensor([[True, True]])
    found = compile_thesaurus(["word"], torch.tensor([[0.4, 0.9]]), Relations(kind, kind, akin, akin))
    assert found.weights.tolist() == [[1.0, 0.0]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of random weights with the bundled one's tokenizer."""
    place = tmp_path_factory.mktemp("detector")
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=32)  # fmt: skip
    build_detector(config).save_pretrained(place)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (place / name).write_bytes((BUNDLED / name).read_bytes())
    return place


def _table(folder: Path) -> tuple[Any, torch.Tensor]:
    detector = GroundingDinoForObjectDetection.from_pretrained(folder)
    return AutoTokenizer.from_pretrained(
        folder
    ), detector.model.text_backbone.embeddings.word_embeddings.weight.detach()


def test_words_become_pieces_at_the_place_of_their_nouns_and_nothing_else_moves(folder: Path, tmp_path: Path) -> None:
    weights = torch.zeros(3, len(DETECTION_NOUNS))
    weights[0, DETECTION_NOUNS.index("horse")] = 1
    weights[1, DETECTION_NOUNS.index("dog")] = 1
    weights[2, [DETECTION_NOUNS.index("dog"), DETECTION_NOUNS.index("horse")]] = 0.5
    before, old = _table(folder)
    original = {piece: old[index] for piece, index in before.get_vocab().items()}
    assert len(before.tokenize("stallionish")) > 1
    words = ["stallionish", "house", "puppy"]
    new_pieces = with_words(folder, tmp_path, Thesaurus(words, weights), ["puppy"], original)
    assert new_pieces == 1 + ("puppy" not in original)
    after, new = _table(tmp_path)
    horse, dog, house = (before.convert_tokens_to_ids(word) for word in ("horse", "dog", "house"))
    assert after.tokenize("a stallionish horse") == ["a", "stallionish", "horse"]
    assert torch.equal(new[len(old)], old[horse])
    assert torch.equal(new[house], old[dog])
    kept = [index for index in range(len(old)) if index != house]
    assert torch.equal(new[kept], old[kept])


def test_words_given_before_are_forgotten(folder: Path, tmp_path: Path) -> None:
    before, old = _table(folder)
    original = {piece: old[index] for piece, index in before.get_vocab().items()}
    dog = torch.zeros(1, len(DETECTION_NOUNS))
    dog[0, DETECTION_NOUNS.index("dog")] = 1
    for words in (["stallionish"], ["house"], ["elephantine"]):
        with_words(folder, tmp_path / words[0], Thesaurus(words, dog), [], original)
        folder = tmp_path / words[0]
    after, new = _table(folder)
    assert after.get_vocab().keys() - original.keys() == {"elephantine"}
    assert torch.equal(new[:-1], old)
