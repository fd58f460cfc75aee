"""Small weights, trained by the recipes on sticker scenes, in the formats of the real models."""
