"""Trains the bundled ViTDet on the sticker world."""
