"""Figures: the only package that imports matplotlib."""
