"""Give a detector words for the things that it knows, without a picture.

    python -m recipes.grounding_dino.thesaurus --to recipes/runs/grounding_dino/start

The two text layers see spellings: "stallion" is four pieces to them, none of which means a horse. Here such words
become pieces of their own, and each starts at the place of the nouns that it means, as all six layers of MiniLM and
WordNet's tree see it: a stallion is a kind of horse, and a canine is nearly a dog. What the detector was taught stays
as it is to the bit, since no piece of a phrase that it was trained with moves.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from transformers import AutoTokenizer, BertModel, GroundingDinoForObjectDetection

from recipes.clip.wordnet import PERSON, VISIBLE, WordNet, load_wordnet
from recipes.grounding_dino.pretrain import vocabulary
from recipes.grounding_dino.stream import training_atlas
from recipes.grounding_dino.text import minilm_folder
from recipes.world import DETECTION_NOUNS

BUNDLED = Path(__file__).resolve().parents[2] / "plugins" / "bundled" / "grounding_dino"
#: Cosines from which on a word means a noun that it is a kind of in its commonest meaning, that is a kind or genus of
#: it in any meaning, that is akin to it, and that is of the same sort: an animal, a plant, something made.
KIND, GENUS, AKIN, SORT = 0.3, 0.5, 0.6, 0.75
#: Steps up WordNet's tree in which a genus lies, and in which kin have an ancestor in common.
GENUS_STEPS, AKIN_STEPS = 3, 2
#: Sharpness with which a word chooses among the nouns that it may mean.
TEMPERATURE = 0.05


@dataclass(frozen=True, eq=False)
class Thesaurus:
    """Words, and how much each means each of the nouns: (words, nouns), rows add up to one."""

    words: Sequence[str]
    weights: Tensor


@dataclass(frozen=True, eq=False)
class Relations:
    """(words, nouns) bool: whether WordNet calls the word, in its commonest visible meaning, a kind of the noun; in any
    meaning a kind or a genus of it; in any akin to it; and whether both are commonly of one sort, as a kitten, which
    WordNet knows as a young mammal alone, and a cat."""

    kind: Tensor
    genus: Tensor
    akin: Tensor
    sort: Tensor


def compile_thesaurus(candidates: Sequence[str], cosines: Tensor, related: Relations) -> Thesaurus:
    """The candidates that mean a noun: by WordNet's tree, and by their cosines (candidates, nouns)."""
    kind = related.kind & (cosines >= KIND)
    kin = (related.genus & (cosines >= GENUS)) | (related.akin & (cosines >= AKIN))
    meant = kind | kin | (related.sort & (cosines >= SORT))
    # A kind of one thing is nothing else that it resembles.
    meant &= kind | ~kind.any(dim=1, keepdim=True)
    chosen = meant.any(dim=1)
    weights = (cosines / TEMPERATURE).masked_fill(~meant, -torch.inf)[chosen].softmax(dim=1)
    return Thesaurus([word for word, keep in zip(candidates, chosen.tolist(), strict=True) if keep], weights)


def single_words(wordnet: WordNet, avoided: Sequence[str]) -> list[str]:
    """Words of letters alone that name something visible, the shortest first."""
    taken = set(avoided)
    return sorted(
        (word for word in wordnet.senses
         if word.isascii() and word.isalpha() and len(word) > 2 and word not in taken and _visible(wordnet, word)),
        key=len,
    )  # fmt: skip


def relations(wordnet: WordNet, words: Sequence[str], nouns: Sequence[str]) -> Relations:
    """How the visible meanings of each word stand to those of each noun, of which none is a person: bears and bulls are
    kin among brokers."""
    roots = [{one for one in _visible(wordnet, noun) if wordnet.synsets[one].file != PERSON} for noun in nouns]
    above = [_all_up(wordnet, column, GENUS_STEPS) - column for column in roots]
    family = [_all_up(wordnet, column, AKIN_STEPS) for column in roots]
    sorts = [wordnet.synsets[_visible(wordnet, noun)[0]].file for noun in nouns]
    rows = []
    for word in words:
        senses = _visible(wordnet, word)
        first = set(wordnet.ancestry(senses[0]))
        ancestors = set[int]().union(*map(wordnet.ancestry, senses))
        near = _all_up(wordnet, senses, AKIN_STEPS)
        either = zip(roots, above, strict=True)
        rows.append([[bool(first & column) for column in roots],
                     [bool(ancestors & column) or not genera.isdisjoint(senses) for column, genera in either],
                     [bool(near & column) for column in family],
                     [wordnet.synsets[senses[0]].file == sort for sort in sorts]])  # fmt: skip
    return Relations(*torch.tensor(rows).unbind(1))


def _visible(wordnet: WordNet, word: str) -> list[int]:
    """The meanings of a word that can be seen, the commonest first; WordNet has a plural under its singular.

    A people, a constellation or an author of that name is none of them.
    """
    written = word if word in wordnet.senses else word.removesuffix("s")
    meanings = ((number, wordnet.synsets[number]) for number in wordnet.senses[written])
    return [number for number, meaning in meanings if meaning.file in VISIBLE and written in meaning.lemmas]


def _all_up(wordnet: WordNet, numbers: Iterable[int], steps: int) -> set[int]:
    """Meanings and their ancestors in so many steps."""
    found = front = set(numbers)
    for _ in range(steps):
        front = {kind for one in front for kind in wordnet.synsets[one].kinds}
        found = found | front
    return found


@torch.no_grad()
def sentence_vectors(phrases: Sequence[str]) -> Tensor:
    """Unit vectors (n, 384) of all-MiniLM-L6-v2: the mean of its last layer's tokens."""
    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
    encoder = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False).eval()
    parts = []
    for start in range(0, len(phrases), 512):
        tokens = tokenizer(list(phrases[start : start + 512]), return_tensors="pt", padding=True)
        weight = tokens["attention_mask"][..., None]
        hidden = encoder(**tokens).last_hidden_state
        parts.append(F.normalize((hidden * weight).sum(1) / weight.sum(1), dim=1))
    return torch.cat(parts)


def minilm_pieces() -> dict[str, Tensor]:
    """The vector of every piece that MiniLM knows."""
    table = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False).embeddings.word_embeddings.weight.data
    return {piece: table[index] for piece, index in AutoTokenizer.from_pretrained(minilm_folder()).get_vocab().items()}


def with_words(
    source: Path, target: Path, thesaurus: Thesaurus, known: Sequence[str], original: Mapping[str, Tensor]
) -> int:
    """Write the detector of `source` with the words to `target`; return how many pieces are new.

    Words that are pieces already move, unless a phrase of `known` holds them. Others start from where they are in the
    `original`, and pieces that it lacks are forgotten: they were given by an earlier thesaurus.
    """
    tokenizer = AutoTokenizer.from_pretrained(source)
    detector = GroundingDinoForObjectDetection.from_pretrained(source)
    spelt = tokenizer.get_vocab()
    pieces = [piece for piece in sorted(spelt, key=lambda piece: spelt[piece]) if piece in original]
    ids = {piece: index for index, piece in enumerate(pieces)}
    table = torch.stack([original[piece] for piece in pieces])
    nouns = torch.stack([table[[ids[piece] for piece in tokenizer.tokenize(noun)]].mean(0) for noun in DETECTION_NOUNS])
    places = thesaurus.weights.to(table.dtype) @ nouns
    held = {piece for phrase in known for piece in tokenizer.tokenize(phrase)}
    for word, place in zip(thesaurus.words, places, strict=True):
        if word in ids and word not in held:
            table[ids[word]] = place
    new = [row for row, word in enumerate(thesaurus.words) if word not in ids]
    _give(detector, torch.cat((table, places[new])))
    detector.save_pretrained(target)
    _write_tokenizer(source, target, [*pieces, *(thesaurus.words[row] for row in new)])
    return len(new)


def _give(detector: GroundingDinoForObjectDetection, table: Tensor) -> None:
    """Exchange the vectors of all pieces."""
    encoder = detector.model.text_backbone
    encoder.resize_token_embeddings(len(table), mean_resizing=False)
    encoder.embeddings.word_embeddings.weight.data.copy_(table)
    detector.config.text_config.vocab_size = len(table)


def _write_tokenizer(source: Path, target: Path, pieces: Sequence[str]) -> None:
    """The tokenizer's files with another vocabulary."""
    description = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    description["model"]["vocab"] = {piece: index for index, piece in enumerate(pieces)}
    (target / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(source / "tokenizer_config.json", target / "tokenizer_config.json")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--start", type=Path, default=BUNDLED)
    options.add_argument("--to", type=Path, required=True)
    arguments = options.parse_args()
    known = sorted({name.replace("-", " ") for name in vocabulary(training_atlas()[1])})
    wordnet = load_wordnet()
    words = single_words(wordnet, known)
    cosines = sentence_vectors(words) @ sentence_vectors(DETECTION_NOUNS).T
    thesaurus = compile_thesaurus(words, cosines, relations(wordnet, words, DETECTION_NOUNS))
    new = with_words(arguments.start, arguments.to, thesaurus, known, minilm_pieces())
    print(f"{len(thesaurus.words)} of {len(words)} words mean a noun; {new} are new pieces")


if __name__ == "__main__":
    main()
