"""The decoder's transformer: prompt tokens look at the picture and the picture looks back (paper, figure 14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from sam_model.config import SamConfig
from sam_model.modeling.attention import Attention
from sam_model.modeling.cross_attention import ImageToToken, Projected, TokenToImage
from sam_model.modeling.layers import FeedForward
from sam_model.modeling.low_rank import Level, LowRank, Read, Shared, hear
from sam_model.modeling.sharing import levels_of


@dataclass(frozen=True, eq=False)
class Picture:
    """What the decoder makes of the picture alone; without mask hints one serves all prompts."""

    pixels: Float[Tensor, "n hw c"]
    places: Float[Tensor, "1 hw c"]
    projected: Projected
    """For the first block."""
    shared: Shared | None = None
    """What all prompts share after the first block too; worth its price where there are several."""


class TwoWayTransformer(nn.Module):
    """Blocks of attention in both directions, then a last look of the tokens at the picture."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        later = (TwoWayBlock(config) for _ in range(config.decoder_depth - 1))
        self.layers = nn.ModuleList((FirstBlock(config), *later))
        self.final_attn_token_to_image = TokenToImage(config.width, config.decoder_heads, inner=config.width // 2)
        self.norm_final_attn = nn.LayerNorm(config.width)

    def look(self, image: Float[Tensor, "n c h w"], image_positions: Float[Tensor, "1 c h w"]) -> Picture:
        """Compute what depends on the picture alone."""
        pixels = rearrange(image, "n c h w -> n (h w) c")
        places = rearrange(image_positions, "1 c h w -> 1 (h w) c")
        first = cast("FirstBlock", self.layers[0])
        return Picture(pixels, places, first.see(pixels, pixels + places))

    def levels(self, picture: Picture) -> tuple[tuple[Level, ...], Float[Tensor, "hw c"]]:
        """Compute what follows from a picture alone after each block, and its part of the last one's pixels."""
        blocks = [cast("TwoWayBlock", layer) for layer in self.layers]
        return levels_of(blocks, self.final_attn_token_to_image, picture.pixels[0], picture.places[0])

    def forward(
        self, picture: Picture, tokens: Float[Tensor, "n t c"]
    ) -> tuple[Float[Tensor, "n t c"], Float[Tensor, "n hw c"] | LowRank]:
        """Update the tokens and the pixels; one picture may serve all n prompts."""
        first, *later = self.layers
        if picture.shared is not None and tokens.shape[1] < picture.projected.key.shape[-1]:
            return self._share(picture, picture.shared, tokens)
        places, positions = picture.places, tokens
        tokens, pixels = first(tokens, picture)
        for layer in later:
            tokens, pixels = layer(tokens, pixels, positions, places)
        attended = self.final_attn_token_to_image(tokens + positions, pixels + places, pixels)
        return self.norm_final_attn(tokens + attended), pixels

    def _share(
        self, picture: Picture, shared: Shared, tokens: Float[Tensor, "n t c"]
    ) -> tuple[Float[Tensor, "n t c"], LowRank]:
        """Do the same without making the pixels: tokens of all heads are fewer than a pixel has channels."""
        first, *later = (cast("TwoWayBlock", layer) for layer in self.layers)
        positions = tokens
        tokens, pixels = cast("FirstBlock", first).begin(tokens, picture, shared)
        for layer, level in zip(later, shared.levels, strict=False):
            tokens, pixels = layer.go_on(tokens, pixels, positions, level)
        attended = self.final_attn_token_to_image.ask_level(tokens + positions, pixels, shared.levels[-1])
        return self.norm_final_attn(tokens + attended), pixels


class TwoWayBlock(nn.Module):
    """Self-attention of the tokens, tokens to picture, perceptron, picture to tokens; each followed by a norm."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        width, heads = config.width, config.decoder_heads
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = TokenToImage(width, heads, inner=width // 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, config.decoder_mlp_width, nn.ReLU)
        self.norm3 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = ImageToToken(width, heads, inner=width // 2)
        self.norm4 = nn.LayerNorm(width)

    def forward(
        self,
        tokens: Float[Tensor, "n t c"],
        pixels: Float[Tensor, "n hw c"],
        positions: Float[Tensor, "n t c"],
        places: Float[Tensor, "1 hw c"],
    ) -> tuple[Float[Tensor, "n t c"], Float[Tensor, "n hw c"]]:
        """Update tokens and pixels; `positions` and `places` are theirs, added to queries and keys, never to values."""
        queries, keys = tokens + positions, pixels + places
        tokens = self.norm1(tokens + self.self_attn(queries, queries, tokens))
        tokens = self._digest(tokens, self.cross_attn_token_to_image(tokens + positions, keys, pixels))
        return tokens, self.norm4(pixels + self.cross_attn_image_to_token(keys, tokens + positions, tokens))

    def go_on(
        self, tokens: Float[Tensor, "n t c"], pixels: LowRank, positions: Float[Tensor, "n t c"], level: Level
    ) -> tuple[Float[Tensor, "n t c"], LowRank]:
        """Do the same with the pixels that a block has left at `level`."""
        queries = tokens + positions
        tokens = self.norm1(tokens + self.self_attn(queries, queries, tokens))
        tokens = self._digest(tokens, self.cross_attn_token_to_image.ask_level(tokens + positions, pixels, level))
        asked, query = self.cross_attn_image_to_token, cast("Read", level.query)
        shares = asked.shares(tokens + positions, pixels, query)
        return tokens, hear(pixels, pixels.shared, shares, asked.values(tokens))

    def _digest(self, tokens: Float[Tensor, "n t c"], seen: Float[Tensor, "n t c"]) -> Float[Tensor, "n t c"]:
        tokens = self.norm2(tokens + seen)
        digested: Tensor = self.norm3(tokens + self.mlp(tokens))
        return digested


class FirstBlock(TwoWayBlock):
    """The block that meets the picture as it is before any prompt, so that its projections serve all prompts.

    The tokens are their own positions here: self-attention adds none, and has no residual.
    """

    def see(self, pixels: Float[Tensor, "n hw c"], keys: Float[Tensor, "n hw c"]) -> Projected:
        """Project the pixels, as they are and with their places, for both attentions."""
        tokens_ask, pixels_ask = self.cross_attn_token_to_image, self.cross_attn_image_to_token
        projected = tokens_ask.k_proj(keys), tokens_ask.v_proj(pixels), pixels_ask.q_proj(keys)
        return Projected(*(tokens_ask.split(tokens) for tokens in projected))

    def forward(  # type: ignore[override]
        self, tokens: Float[Tensor, "n t c"], picture: Picture
    ) -> tuple[Float[Tensor, "n t c"], Float[Tensor, "n hw c"]]:
        """Update tokens and pixels; one picture may serve all n prompts."""
        positions, tokens = tokens, self._ask(tokens, picture)
        answers = self.cross_attn_image_to_token.ask(picture.projected, tokens + positions, tokens)
        return tokens, self.norm4(picture.pixels + answers)

    def begin(
        self, tokens: Float[Tensor, "n t c"], picture: Picture, shared: Shared
    ) -> tuple[Float[Tensor, "n t c"], LowRank]:
        """Do the same without making the pixels."""
        positions, tokens = tokens, self._ask(tokens, picture)
        asked = self.cross_attn_image_to_token
        shares = asked.first_shares(tokens + positions, picture.projected)
        return tokens, hear(None, shared, shares, asked.values(tokens))

    def _ask(self, tokens: Float[Tensor, "n t c"], picture: Picture) -> Float[Tensor, "n t c"]:
        positions, tokens = tokens, self.norm1(self.self_attn(tokens, tokens, tokens))
        return self._digest(tokens, self.cross_attn_token_to_image.ask(tokens + positions, picture.projected))
