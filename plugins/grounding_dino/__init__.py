"""Grounding DINO (arXiv 2303.05499): boxes for whatever a text names."""
