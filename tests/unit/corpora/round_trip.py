"""What must hold for every tune of every corpus."""

from __future__ import annotations

from dataclasses import replace

from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def assert_all_survive_encoding(reading: CorpusReading, vocabulary: NoteVocabulary) -> None:
    """Title and source are no tokens; all else comes back."""
    for melody in reading.melodies:
        decoded = vocabulary.decode(vocabulary.encode(melody), tonic=melody.tonic)
        assert decoded == replace(melody, title="", source=""), melody.source
