"""A CLIP tokenizer for the sticker world: each of its words is one token, any other text still has tokens."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from transformers import CLIPTokenizer

from recipes.stable_diffusion.networks import TEXT_LENGTH
from recipes.world.nouns import DETECTION_NOUNS, SYNONYMS

START, END = "<|startoftext|>", "<|endoftext|>"
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "grey")
_PLAIN = ("a", "an", "the", "of", "in", "on", "with", "and", "photo", "picture", "drawing", "sticker", "background",
          "small", "big", "cute", "empty", "nothing")  # fmt: skip

Pair = tuple[str, str]


def words() -> tuple[str, ...]:
    """The words that deserve a token, sorted."""
    phrases = (*DETECTION_NOUNS, *(word for group in SYNONYMS.values() for word in group), *COLOURS, *_PLAIN)
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write vocab.json, merges.txt and tokenizer_config.json, and load them."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(words())
    symbols = _byte_symbols()
    tokens = [*symbols, *(symbol + "</w>" for symbol in symbols), *dict.fromkeys(map("".join, merges)), START, END]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TEXT_LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
    }
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return CLIPTokenizer.from_pretrained(folder)


def learn_merges(vocabulary: Iterable[str]) -> list[Pair]:
    """Merges, most frequent pair first, until every word is one symbol (Sennrich et al. 2016, arXiv 1508.07909)."""
    split = [(*word[:-1], word[-1] + "</w>") for word in vocabulary]
    merges: list[Pair] = []
    while True:
        pairs = Counter(pair for symbols in split for pair in itertools.pairwise(symbols))
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        split = [_merged(symbols, best) for symbols in split]


def _merged(symbols: Sequence[str], pair: Pair) -> tuple[str, ...]:
    done: list[str] = []
    position = 0
    while position < len(symbols):
        found = tuple(symbols[position : position + 2]) == pair
        done.append("".join(pair) if found else symbols[position])
        position += 2 if found else 1
    return tuple(done)


def _byte_symbols() -> list[str]:
    """One visible character a byte: printable Latin-1 stands for itself, the rest for characters from U+0100 on."""
    own = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in own else chr(next(others)) for byte in range(256)]
