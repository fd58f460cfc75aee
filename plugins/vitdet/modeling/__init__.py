"""The network of ViTDet (arXiv 2203.16527), one file a part; names as in detectron2's checkpoints."""

from plugins.vitdet.modeling.detector import Found, VitDet

__all__ = ["Found", "VitDet"]
