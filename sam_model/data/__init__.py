"""Pictures with masks on disk: SA-1B and COCO."""
