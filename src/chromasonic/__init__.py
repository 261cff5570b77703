"""Chromasonic: an open laboratory for melody models."""
