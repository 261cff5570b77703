"""Where melodies come from: each corpus has ``load() -> list[Melody]``."""
