"""Parsers of Standard MIDI Files, and the grid of notes that people play."""
