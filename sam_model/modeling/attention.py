"""The two attentions of Segment Anything.

`RelativeAttention` looks over a grid of patches and knows how far apart they are (image encoder); `Attention` takes
queries, keys and values from different places (mask decoder). Neither ever holds a whole attention map.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

BIAS_BYTES = {"cpu": 8 << 20}
"""How large a slice of position bias may be on a device; on a CPU it should stay in reused, cache-near memory."""
BIAS_BYTES_ELSEWHERE = 512 << 20
HEADS_AT_ONCE, MANY_TOKENS = 4, 4096
BIAS_BYTES_EXPORTED = 128 << 20
"""An exported graph holds every slice as nodes of its own."""


class RelativeAttention(nn.Module):
    """Multi-head self-attention over a square grid with a learned, decomposed relative position.

    The logit of a query at (y, x) and a key at (j, i) is `q·k / sqrt(d) + q·rel_pos_h[y-j] + q·rel_pos_w[x-i]`; the
    position terms see the unscaled query (`segment_anything/modeling/image_encoder.py`, after arXiv 2112.01526).
    """

    def __init__(self, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.size = size
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * size - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * size - 1, width // heads))

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        some = self._heads_at_once(x)
        if some >= self.heads:
            attended = self._attend_projected(self.qkv(x))
        else:
            weights, biases = (
                torch.split(rearrange(part, "(three n d) ... -> three n d ...", three=3, n=self.heads), some, dim=1)
                for part in (self.qkv.weight, self.qkv.bias)
            )
            qkv = (F.linear(x, *(part.flatten(0, 2) for part in parts)) for parts in zip(weights, biases, strict=True))
            attended = torch.cat([self._attend_projected(projections) for projections in qkv], dim=-1)
        projected: Tensor = self.proj(attended)
        return projected

    def _attend_projected(self, qkv: Float[Tensor, "b h w three_n_d"]) -> Float[Tensor, "b h w n_d"]:
        """Attend with the heads of these projections."""
        size = self.rel_pos_h.shape[1]
        q, k, v = rearrange(qkv, "b h w (three n d) -> three b n h w d", three=3, d=size)
        out = self._attend(q, rearrange(k, "b n h w d -> b n (h w) d"), rearrange(v, "b n h w d -> b n (h w) d"))
        return rearrange(out, "b n (h w) d -> b h w (n d)", h=self.size)

    def _heads_at_once(self, x: Float[Tensor, "b h w c"]) -> int:
        """Of a whole picture on a processor a few: it takes as long, but a third of the memory."""
        if x.device.type != "cpu" or torch.is_grad_enabled() or torch.compiler.is_exporting():
            return self.heads
        return HEADS_AT_ONCE if x.shape[:3].numel() >= MANY_TOKENS else self.heads

    def _attend(
        self, q: Float[Tensor, "b n h w d"], k: Float[Tensor, "b n hw d"], v: Float[Tensor, "b n hw d"]
    ) -> Float[Tensor, "b n hw d"]:
        """Attend with one slice of queries after another, so that the bias of all pairs is never in memory at once."""
        by_row = torch.einsum("bnhwd,hjd->bnhwj", q, relative_table(self.rel_pos_h))
        by_column = torch.einsum("bnhwd,wid->bnhwi", q, relative_table(self.rel_pos_w))
        if not q.requires_grad and not torch.compiler.is_exporting():
            return attend_in_place(q, k, v, by_row, by_column, rows_at_once=self._rows_at_once(q))
        slices = zip(*(torch.split(part, self._rows_at_once(q), dim=2) for part in (q, by_row, by_column)), strict=True)
        return torch.cat([_attend_rows(rows, k, v, *bias) for rows, *bias in slices], dim=2)

    def _rows_at_once(self, q: Float[Tensor, "b n h w d"]) -> int:
        bytes_a_row = q.shape[0] * q.shape[1] * self.size**3 * q.element_size()
        limit = BIAS_BYTES.get(q.device.type, BIAS_BYTES_ELSEWHERE)
        if torch.compiler.is_exporting():
            limit = BIAS_BYTES_EXPORTED
        return max(1, limit // bytes_a_row)


def relative_table(rel_pos: Float[Tensor, "distances d"]) -> Float[Tensor, "size size d"]:
    """Spread the vectors of the distances -(size-1)..size-1 to all pairs (query place, key place)."""
    place = torch.arange((rel_pos.shape[0] + 1) // 2, device=rel_pos.device)
    return rel_pos[place[:, None] - place[None, :] + place.numel() - 1]


def attend_in_place(
    q: Float[Tensor, "b n h w d"],
    k: Float[Tensor, "b n hw d"],
    v: Float[Tensor, "b n hw d"],
    by_row: Float[Tensor, "b n h w h2"],
    by_column: Float[Tensor, "b n h w w2"],
    *,
    rows_at_once: int,
) -> Float[Tensor, "b n hw d"]:
    """Attend as `_attend_rows` does, without gradients: every slice of bias is written over the one before.

    Fresh memory for each slice would cost more than the sums in it: the system clears every page that it hands out.
    """
    (batch, heads, height, width, _), keys = q.shape, k.shape[2]
    k, v = k.contiguous(), v.contiguous()
    workspace = q.new_empty(batch * heads * min(rows_at_once, height) * width * keys)
    out = torch.empty_like(v)
    for top in range(0, height, rows_at_once):
        part = slice(top, top + rows_at_once)
        queries = rearrange(q[:, :, part], "b n y x d -> b n (y x) d")
        rows = queries.shape[2] // width
        bias = workspace[: batch * heads * queries.shape[2] * keys].view(batch, heads, rows, width, height, -1)
        torch.add(by_row[:, :, part, :, :, None], by_column[:, :, part, :, None, :], out=bias)
        answer = _attend_slice(queries, k, v, bias.view(batch, heads, -1, keys))
        out[:, :, top * width : top * width + queries.shape[2]] = answer
    return out


def _attend_slice(
    q: Float[Tensor, "b n queries d"],
    k: Float[Tensor, "b n hw d"],
    v: Float[Tensor, "b n hw d"],
    bias: Float[Tensor, "b n queries hw"],
) -> Float[Tensor, "b n queries d"]:
    """On a CPU the fused kernel is as slow in bfloat16 as in float32; two products are not, and write over the bias."""
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    flat = [rearrange(part, "b n t d -> (b n) t d") for part in (q, k, v, bias)]
    scores = torch.baddbmm(flat[3], flat[0], flat[1].mT, alpha=q.shape[-1] ** -0.5, out=flat[3])
    answer = torch.bmm(torch.softmax(scores, dim=-1, out=scores), flat[2])
    return rearrange(answer, "(b n) t d -> b n t d", b=q.shape[0])


def _attend_rows(
    q: Float[Tensor, "b n rows w d"],
    k: Float[Tensor, "b n hw d"],
    v: Float[Tensor, "b n hw d"],
    by_row: Float[Tensor, "b n rows w h"],
    by_column: Float[Tensor, "b n rows w w"],
) -> Float[Tensor, "b n rows*w d"]:
    bias = rearrange(by_row, "b n y x j -> b n (y x) j 1") + rearrange(by_column, "b n y x i -> b n (y x) 1 i")
    queries = rearrange(q, "b n y x d -> b n (y x) d")
    return F.scaled_dot_product_attention(queries, k, v, attn_mask=rearrange(bias, "b n q j i -> b n q (j i)"))


class Attention(nn.Module):
    """Multi-head attention between two sets of tokens, in `inner` channels."""

    def __init__(self, width: int, heads: int, *, inner: int | None = None) -> None:
        super().__init__()
        inner = inner or width
        self.heads = heads
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)

    def forward(
        self, q: Float[Tensor, "n queries c"], k: Float[Tensor, "n keys c"], v: Float[Tensor, "n keys c"]
    ) -> Float[Tensor, "n queries c"]:
        queries, keys, values = self.split(self.q_proj(q)), self.split(self.k_proj(k)), self.split(self.v_proj(v))
        return self.join(F.scaled_dot_product_attention(queries, keys, values))

    def split(self, tokens: Float[Tensor, "n t inner"]) -> Float[Tensor, "n heads t d"]:
        """Give each head its channels."""
        return rearrange(tokens, "n t (heads d) -> n heads t d", heads=self.heads)

    def join(self, tokens: Float[Tensor, "n heads t d"]) -> Float[Tensor, "n t c"]:
        """Put the heads' channels together and project them."""
        joined: Tensor = self.out_proj(rearrange(tokens, "n heads t d -> n t (heads d)"))
        return joined
