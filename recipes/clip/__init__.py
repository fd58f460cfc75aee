"""How the bundled CLIP was made: photographs by EfficientNet-Lite0, words by MiniLM, stickers by training."""
