"""Measure how far a set of melodies is from real tunes: a two-sample test, a Fréchet distance, precision and recall."""
