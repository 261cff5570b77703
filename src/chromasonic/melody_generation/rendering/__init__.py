"""Melodies and numbers made visible and audible: the only rooms that import matplotlib and the like."""
