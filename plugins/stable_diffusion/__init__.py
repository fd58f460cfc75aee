"""Stable Diffusion inpainting: edits that change the masked things and not one pixel elsewhere."""
