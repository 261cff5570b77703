"""Chords for melodies: a conditional random field over beats and half bars, learned from tunes with chords."""
