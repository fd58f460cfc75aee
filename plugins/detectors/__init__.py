"""Boxes from detectors of torchvision and transformers."""
