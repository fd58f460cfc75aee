"""CLIP (arXiv 2103.00020): pictures and words in one space, so that a text ranks what was cut out."""
