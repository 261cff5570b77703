"""Melodies as they are played, with repeats, endings and parts unrolled."""
