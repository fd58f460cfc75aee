"""What training needs and inference never imports."""
