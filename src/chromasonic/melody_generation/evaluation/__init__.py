"""Evaluate trained networks and compare them, as numbers."""
