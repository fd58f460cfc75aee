"""A smaller vocabulary: what stays is written and means the same, and what a library looks for is where it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertModel

from recipes.grounding_dino.text import DELIMITERS
from recipes.vocabulary import FIXED, UNUSED, settled, trim

BUNDLED = Path(__file__).parents[2] / "plugins" / "bundled" / "clip"
PIECES = json.loads((BUNDLED / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
#: Phrases, and enough single words that pieces are left where a library looks for the last one.
SAYABLE = [
    "fire engine",
    "striped cat",
    "striped dog",
    "smallness",
    "oddness",
    *filter(str.isalpha, list(PIECES)[-3000:]),
]
PLACES = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text encoder of random weights with the bundled tokenizer, and some unusual pieces more."""
    place = tmp_path_factory.mktemp("encoder")
    shutil.copyfile(BUNDLED / "tokenizer_config.json", place / "tokenizer_config.json")
    description = json.loads((BUNDLED / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = description["model"]["vocab"]
    for piece in (UNUSED, "whereupon", "##nessa", "犬"):
        vocabulary[piece] = len(vocabulary)
    (place / "tokenizer.json").write_text(json.dumps(description), encoding="utf-8")
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=8, max_position_embeddings=PLACES)  # fmt: skip
    weights = {f"text_model.{name}": value for name, value in BertModel(config).state_dict().items()}
    save_file(weights, place / "model.safetensors", metadata={"format": "pt"})
    (place / "config.json").write_text(json.dumps({"text_config": config.to_dict()}), encoding="utf-8")
    return place


def test_fixed_pieces_stay_and_the_others_close_up() -> None:
    kept = sorted(FIXED | set(range(2000, 4000)))
    order = settled(kept)
    assert sorted(order) == kept
    assert all(order[index] == index for index in FIXED)
    others = [index for index in order if index not in FIXED]
    assert others == sorted(others)


def test_what_is_needed_means_the_same_in_the_same_place(folder: Path, tmp_path: Path) -> None:
    small = shutil.copytree(folder, tmp_path / "small")
    before, after = trim(small, ["whereupon dog"], SAYABLE)
    old, new = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(small)
    was, now = (load_file(place / "model.safetensors") for place in (folder, small))
    name = "text_model.embeddings.word_embeddings.weight"
    assert (before, after) == (len(was[name]), len(now[name]))
    assert len(new) == after < before
    for phrase in (*SAYABLE, "whereupon dog", "a dog. a cat?"):
        assert new.tokenize(phrase) == old.tokenize(phrase)
        assert torch.equal(now[name][new(phrase)["input_ids"]], was[name][old(phrase)["input_ids"]])
    assert "[UNK]" not in new.tokenize("737 striped xylophones")
    assert trim(small, [], []) == (after, after)
    special = ("[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", ".", "?")
    assert new.convert_tokens_to_ids(list(special)) == [0, 100, 103, *DELIMITERS]


def test_what_nothing_is_spelt_with_goes_and_places_that_no_prompt_reaches(folder: Path, tmp_path: Path) -> None:
    small = shutil.copytree(folder, tmp_path / "small")
    _, after = trim(small, ["dog"], SAYABLE)
    tokenizer = AutoTokenizer.from_pretrained(small)
    assert not {"whereupon", "##nessa", "犬", UNUSED} & tokenizer.get_vocab().keys()
    assert "##ness" in tokenizer.get_vocab()  # of two phrases
    config = json.loads((small / "config.json").read_text(encoding="utf-8"))["text_config"]
    assert (config["vocab_size"], config["max_position_embeddings"]) == (after, tokenizer.model_max_length)
    places = load_file(small / "model.safetensors")["text_model.embeddings.position_embeddings.weight"]
    assert len(places) == tokenizer.model_max_length < PLACES
