"""The decoder's transformer: prompt tokens look at the picture and the picture looks back (paper, figure 14)."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from sam_model.config import SamConfig
from sam_model.modeling.attention import Attention
from sam_model.modeling.layers import FeedForward


class TwoWayTransformer(nn.Module):
    """Blocks of attention in both directions, then a last look of the tokens at the picture."""

    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(config, first=index == 0) for index in range(config.decoder_depth))
        self.final_attn_token_to_image = Attention(config.width, config.decoder_heads, inner=config.width // 2)
        self.norm_final_attn = nn.LayerNorm(config.width)

    def forward(
        self,
        image: Float[Tensor, "#n c h w"],
        image_positions: Float[Tensor, "1 c h w"],
        tokens: Float[Tensor, "n t c"],
    ) -> tuple[Float[Tensor, "n t c"], Float[Tensor, "n c h w"]]:
        """Update the tokens and the picture; one picture may serve all n prompts."""
        pixels = rearrange(image, "n c h w -> n (h w) c")
        places = rearrange(image_positions, "1 c h w -> 1 (h w) c")
        positions = tokens
        for layer in self.layers:
            tokens, pixels = layer(tokens, pixels, positions, places)

        attended = self.final_attn_token_to_image(tokens + positions, pixels + places, pixels)
        tokens = self.norm_final_attn(tokens + attended)
        return tokens, rearrange(pixels, "n (h w) c -> n c h w", h=image.shape[2])


class TwoWayBlock(nn.Module):
    """Self-attention of the tokens, tokens to picture, perceptron, picture to tokens; each followed by a norm.

    The token positions are the first tokens themselves; in the first block, where both are the same, self-attention
    adds none and has no residual.
    """

    def __init__(self, config: SamConfig, *, first: bool) -> None:
        super().__init__()
        width, heads = config.width, config.decoder_heads
        self.first = first
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, heads, inner=width // 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, config.decoder_mlp_width, nn.ReLU)
        self.norm3 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, heads, inner=width // 2)
        self.norm4 = nn.LayerNorm(width)

    def forward(
        self,
        tokens: Float[Tensor, "n t c"],
        pixels: Float[Tensor, "#n hw c"],
        positions: Float[Tensor, "n t c"],
        places: Float[Tensor, "1 hw c"],
    ) -> tuple[Float[Tensor, "n t c"], Float[Tensor, "n hw c"]]:
        """Update tokens and pixels; `positions` and `places` are theirs, added to queries and keys, never to values."""
        if self.first:
            tokens = self.norm1(self.self_attn(tokens, tokens, tokens))
        else:
            queries = tokens + positions
            tokens = self.norm1(tokens + self.self_attn(queries, queries, tokens))

        keys = pixels + places
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + positions, keys, pixels))
        tokens = self.norm3(tokens + self.mlp(tokens))
        pixels = self.norm4(pixels + self.cross_attn_image_to_token(keys, tokens + positions, tokens))
        return tokens, pixels
