"""Attention between a few prompt tokens and the many pixels of a picture, in both directions.

Thousands of pixels meet some seven tokens, so it pays to bring the tokens to the pixels' channels instead of
projecting every pixel: `(x W)·k = x·(W k)`. Likewise values are mixed before they are projected. In half precision the
order is the official one, because scores made this way would be rounded.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sam_model.modeling.attention import Attention
from sam_model.modeling.low_rank import Level, LowRank, Read


class Projected(NamedTuple):
    """Pixels as the two attentions of one block read them, each head its channels."""

    key: Float[Tensor, "n heads hw d"]
    value: Float[Tensor, "n heads hw d"]
    query: Float[Tensor, "n heads hw d"]


class TokenToImage(Attention):
    """Tokens ask, pixels answer."""

    def forward(
        self, q: Float[Tensor, "n t c"], k: Float[Tensor, "#n hw c"], v: Float[Tensor, "#n hw c"]
    ) -> Float[Tensor, "n t c"]:
        queries = self.split(self.q_proj(q))
        if not _folds(queries):
            return self.join(_attend(queries, self.split(self.k_proj(k)), self.split(self.v_proj(v))))
        asked = torch.einsum("nhtd,hdc->nhtc", queries, self._by_head(self.k_proj.weight))
        scores = _one_head(asked) @ k.mT * queries.shape[-1] ** -0.5
        mixed = rearrange(scores.softmax(dim=-1) @ v, "n (h t) c -> n h t c", h=self.heads)
        bias = rearrange(self.v_proj.bias, "(h d) -> h 1 d", h=self.heads)
        return self.join(torch.einsum("nhtc,hdc->nhtd", mixed, self._by_head(self.v_proj.weight)) + bias)

    def ask(self, q: Float[Tensor, "n t c"], picture: Projected) -> Float[Tensor, "n t c"]:
        """Attend to pixels that were projected before; one picture may serve all n prompts."""
        return self.join(_attend(self.split(self.q_proj(q)), picture.key, picture.value))

    def ask_level(self, q: Float[Tensor, "n t c"], pixels: LowRank, level: Level) -> Float[Tensor, "n t c"]:
        """Attend to the pixels of a level."""
        queries = self.split(self.q_proj(q))
        scores = pixels.score(queries * queries.shape[-1] ** -0.5, level.key)
        return self.join(pixels.mix(scores.softmax(dim=-1), level.value))

    def _by_head(self, weight: Float[Tensor, "inner c"]) -> Float[Tensor, "heads d c"]:
        return rearrange(weight, "(h d) c -> h d c", h=self.heads)


class ImageToToken(Attention):
    """Pixels ask, tokens answer."""

    def forward(
        self, q: Float[Tensor, "n hw c"], k: Float[Tensor, "n t c"], v: Float[Tensor, "n t c"]
    ) -> Float[Tensor, "n hw c"]:
        keys = self.split(self.k_proj(k))
        if not _folds(keys):
            return self.join(_attend(self.split(self.q_proj(q)), keys, self.split(self.v_proj(v))))
        weight = rearrange(self.q_proj.weight, "(h d) c -> h d c", h=self.heads)
        bias = rearrange(self.q_proj.bias, "(h d) -> h d", h=self.heads)
        offered = _one_head(torch.einsum("nhtd,hdc->nhtc", keys, weight))
        scores = offered @ q.mT + rearrange(torch.einsum("nhtd,hd->nht", keys, bias), "n h t -> n (h t) 1")
        return self._mix(rearrange(scores, "n (h t) hw -> n h t hw", h=self.heads) * keys.shape[-1] ** -0.5, v)

    def ask(self, picture: Projected, k: Float[Tensor, "n t c"], v: Float[Tensor, "n t c"]) -> Float[Tensor, "n hw c"]:
        """Attend from pixels that were projected before; one picture may serve all n prompts."""
        keys = self.split(self.k_proj(k))
        if not _folds(keys):
            return self.join(_attend(picture.query.expand(k.shape[0], -1, -1, -1), keys, self.split(self.v_proj(v))))
        return self._mix(keys @ picture.query.mT * keys.shape[-1] ** -0.5, v)

    def first_shares(self, k: Float[Tensor, "n t c"], picture: Projected) -> Float[Tensor, "n heads t hw"]:
        """Give what every pixel takes of each token, asking from pixels that were projected before."""
        keys = self.split(self.k_proj(k)) * picture.query.shape[-1] ** -0.5
        return torch.einsum("nhtd,hpd->nhtp", keys, picture.query[0]).contiguous().softmax(dim=2)

    def shares(self, k: Float[Tensor, "n t c"], pixels: LowRank, query: Read) -> Float[Tensor, "n heads t hw"]:
        """Give what every pixel takes of each token, asking as `query` reads the pixels."""
        keys = self.split(self.k_proj(k))
        return pixels.score(keys * keys.shape[-1] ** -0.5, query).softmax(dim=2)

    def values(self, v: Float[Tensor, "n t c"]) -> Float[Tensor, "n heads t d"]:
        """Give what a pixel takes of tokens, before the output's projection."""
        return self.split(self.v_proj(v))

    def _mix(self, scores: Float[Tensor, "n heads t hw"], v: Float[Tensor, "n t c"]) -> Float[Tensor, "n hw c"]:
        """Give every pixel its mixture of the values, projected while they are still few."""
        weight = rearrange(self.out_proj.weight, "c (h d) -> h d c", h=self.heads)
        values = torch.einsum("nhtd,hdc->nhtc", self.split(self.v_proj(v)), weight) + self.out_proj.bias / self.heads
        shares = rearrange(scores.softmax(dim=2), "n h t hw -> n hw (h t)")  # of each head they sum to one
        return shares @ _one_head(values)


def _folds(tokens: Float[Tensor, "n heads t d"]) -> bool:
    """Whether the tokens of all heads are fewer than the channels that a pixel would be projected to."""
    few = torch.compiler.is_exporting() or tokens.shape[2] < tokens.shape[3]  # an exported graph knows no number
    return few and tokens.dtype == torch.float32


def _one_head(tokens: Float[Tensor, "n heads t c"]) -> Float[Tensor, "n heads*t c"]:
    return rearrange(tokens, "n h t c -> n (h t) c")


def _attend(
    q: Float[Tensor, "n heads queries d"], k: Float[Tensor, "#n heads keys d"], v: Float[Tensor, "#n heads keys d"]
) -> Float[Tensor, "n heads queries d"]:
    """Attend; where all prompts ask about one picture, as the questions of one."""
    if k.shape[0] == q.shape[0]:
        return F.scaled_dot_product_attention(q, k, v)
    out = F.scaled_dot_product_attention(rearrange(q, "n h t d -> 1 h (n t) d"), k, v)
    return rearrange(out, "1 h (n t) d -> n h t d", n=q.shape[0])
