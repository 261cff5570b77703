"""Comparisons of models on the same tunes: paired tests, recipes with several runs, leverage of tunes, many tests."""
