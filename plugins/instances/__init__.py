"""Instance segmentation from boxes of any source, and how good it is (Segment Anything, section 7.4)."""
