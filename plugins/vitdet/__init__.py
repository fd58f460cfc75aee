"""ViTDet: a plain vision transformer that finds the things of a fixed list of classes, with boxes and masks."""
