"""Typicality: how far the features of a melody are from those of real tunes, by feature, by aspect and overall."""
