"""Corpora of melodies: each class has ``load() -> list[Melody]`` and ``read() -> CorpusReading``."""
