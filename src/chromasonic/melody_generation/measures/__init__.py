"""Measures: pure functions on melodies, on sets of melodies, and on the bits that models need for them."""
