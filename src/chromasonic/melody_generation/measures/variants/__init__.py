"""Variants of a tune, found by aligning what sounds on the beats, at any speed and on any degree of the scale."""
