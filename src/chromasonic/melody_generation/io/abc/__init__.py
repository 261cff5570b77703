"""Parsers of ABC: single symbols, the key, and a whole tune."""
