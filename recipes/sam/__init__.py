"""Trains the bundled Segment Anything on the sticker world."""
