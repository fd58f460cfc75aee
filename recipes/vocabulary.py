"""Rid bundled text encoders of the pieces that nothing one might look for is spelt with, and of places in a prompt that
no prompt reaches.

    python -m recipes.vocabulary plugins/bundled/clip plugins/bundled/grounding_dino

BERT's vocabulary holds a thousand places that are unused, the letters of many scripts, years, and words such as
"although". Whatever else is written keeps its pieces and their vectors, and so its meaning to the bit.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoTokenizer

from plugins.clip.words import COMMON
from recipes.clip.wordnet import FOLDER, PERSON, VISIBLE, load_wordnet
from recipes.grounding_dino.pretrain import vocabulary
from recipes.grounding_dino.prompts import plural
from recipes.grounding_dino.stream import training_atlas
from recipes.grounding_dino.text import DELIMITERS
from recipes.world.nouns import UNSEEN_SYNONYMS

#: Ids that transformers' Grounding DINO and BERT's tokenizer look for where they are: [PAD], [UNK], [MASK], delimiters.
FIXED = frozenset({0, 100, 103, *DELIMITERS})
#: BERT orders whole words by frequency from id 1996 on: the commonest stay, whatever they mean.
COMMONEST = range(999, 2300)
#: Inner pieces that fewer phrases are spelt with are let go; rare words are then spelt with shorter ones.
LEAST_PHRASES = 2
#: A piece of BERT's that no text has.
UNUSED = "[unused0]"
PIECES, PLACES = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"


def sayable() -> list[str]:
    """Nouns of WordNet that can be seen, but for people's names, one and several of each, and its adjectives."""
    synsets = load_wordnet().synsets.values()
    nouns = {lemma.lower() for one in synsets if one.file in VISIBLE for lemma in one.lemmas
             if one.file != PERSON or lemma.islower()}  # fmt: skip
    return [*nouns, *map(plural, nouns), *_adjectives()]


def taught() -> list[str]:
    """Whatever the bundled models were trained or are measured with."""
    names = vocabulary(training_atlas()[1])
    return [*names, *COMMON, *chain.from_iterable(UNSEEN_SYNONYMS.values())]


def needed(tokenizer: Any, taught: Sequence[str], sayable: Sequence[str]) -> set[int]:
    """The ids of the pieces that stay."""
    pieces = {index: piece for piece, index in tokenizer.get_vocab().items()}
    # Without its letters and digits a word would be spelt as unknown.
    common = {index for index, piece in pieces.items()
              if piece.isascii() and (index in COMMONEST or len(piece.removeprefix("##")) == 1)}  # fmt: skip
    uses = _uses(tokenizer, sayable)
    spelt = {index for index, count in uses.items() if count >= LEAST_PHRASES or not pieces[index].startswith("##")}
    return (common | spelt | _uses(tokenizer, taught).keys() | FIXED) & pieces.keys()


def settled(kept: Collection[int]) -> list[int]:
    """The kept ids in their new order: those that are `FIXED` stay where they are, the others close up around them."""
    others = iter(sorted(set(kept) - FIXED))
    return [index if index in FIXED else next(others) for index in range(len(kept))]


def trim(directory: Path, taught: Sequence[str], sayable: Sequence[str]) -> tuple[int, int]:
    """Rewrite tokenizer, weights and config in place, unless that was done; how many pieces there were, and are."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    if UNUSED not in tokenizer.get_vocab():
        return len(tokenizer), len(tokenizer)
    order = settled(needed(tokenizer, taught, sayable))
    weights = load_file(directory / "model.safetensors")
    pieces, places = (_named(weights, ending) for ending in (PIECES, PLACES))
    before = len(weights[pieces])
    weights[pieces] = weights[pieces][torch.tensor(order)]
    weights[places] = weights[places][: tokenizer.model_max_length].clone()
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    with _json(directory / "config.json") as config:
        config["text_config"] |= {"vocab_size": len(order), "max_position_embeddings": len(weights[places])}
    with _json(directory / "tokenizer.json") as description:
        spelt = {index: piece for piece, index in description["model"]["vocab"].items()}
        description["model"]["vocab"] = {spelt[index]: place for place, index in enumerate(order)}
    return before, len(order)


def _named(weights: Mapping[str, Tensor], ending: str) -> str:
    (name,) = (name for name in weights if name.endswith(ending))
    return name


def _uses(tokenizer: Any, phrases: Sequence[str]) -> Counter[int]:
    """How many of the phrases each piece occurs in."""
    spelt = tokenizer(list(phrases), add_special_tokens=False)["input_ids"]
    return Counter(chain.from_iterable(map(set, spelt)))


def _adjectives() -> Iterator[str]:
    for line in (FOLDER / "index.adj").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            yield line.split()[0].replace("_", " ")


@contextmanager
def _json(path: Path) -> Iterator[dict[str, Any]]:
    """The contents of a file, written back when they have been changed."""
    contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    yield contents
    indent = 2 if path.name == "config.json" else None
    path.write_text(json.dumps(contents, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directories", nargs="+", type=Path)
    known, words = taught(), sayable()
    for directory in options.parse_args().directories:
        before, after = trim(directory, known, words)
        print(f"{directory}: {before} pieces, now {after}")


if __name__ == "__main__":
    main()
