"""Parsers of notated scores: MusicXML, its archives, and Humdrum kern."""
