"""The bundled inpainter: a small Stable Diffusion that draws a few things into 64-pixel crops of the sticker world."""
