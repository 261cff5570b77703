"""Tunes that are played out, as a MIDI file has them: their bars and their repeats are found again."""
