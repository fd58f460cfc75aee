"""One pipeline for every picture of a folder: streaming, resumable, on threads or on a Ray cluster."""
