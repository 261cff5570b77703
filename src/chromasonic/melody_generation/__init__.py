"""Melodies as tokens, networks that learn them, and what a person needs to judge the result.

Names are imported from the file that defines them, for instance
``from chromasonic.melody_generation.training import ModelTrainer``.
"""
