"""Blind listening tests: matched real and made tunes, the key, answers of judges, and what they show."""
