"""Tune families, leak-free splits, and batches of token sequences."""
