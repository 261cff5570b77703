"""An assertion for every tune of every corpus."""

from __future__ import annotations

from chromasonic.melody_generation.corpora.corpus import CorpusReading
from chromasonic.melody_generation.vocabulary import NoteVocabulary


def assert_encoding_round_trips(reading: CorpusReading, vocabulary: NoteVocabulary) -> None:
    """Check that encoding and decoding restore everything except title and source, which are no tokens."""
    for melody in reading.melodies:
        decoded = vocabulary.decode(vocabulary.encode(melody), tonic=melody.tonic)
        assert decoded == vocabulary.encoded_part(melody), melody.source
