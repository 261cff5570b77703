"""Generate melodies from any network."""
